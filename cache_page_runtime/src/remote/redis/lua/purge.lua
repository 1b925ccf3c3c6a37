-- KEYS: sequence, and all other keys that may change. ARGV: prefix, purge, purge (twice to detect whether it is corrupt).
-- The purge has the greatest number that the caller has seen; its own number, or 0 if this script assigns it; 'p' to purge or 'e' to
-- soft-purge; and a scope: 'k' and purge keys, 'x' and a prefix, 'h' and a handler, or 'a' for all.
-- A purge deletes stamps, and pages without them are not returned. That works even if the server rejects writes.
-- In a cluster, a purge may arrive after others with greater numbers, so no number is lowered.
-- Returns the number of the purge and '1' if a page was ever stored, or else '0', twice.
if ARGV[2] ~= ARGV[3] or KEYS[1] ~= prefix .. 'n' then
    return redis.error_reply(ERROR_CORRUPT)
end
local request = ARGV[2]
local assigned, mode, kind, scope =
    number(request, 1), string.sub(request, 33, 33), string.sub(request, 34, 34), string.sub(request, 35)
local sequence = tonumber(read_number(KEYS[1]) or '0')
local purge = assigned
if assigned == 0 then
    purge = math.max(sequence + 1, now, number(request, 0) + 1)
end
local ttl = math.max(redis.call('PTTL', KEYS[1]), DAY)
if redis.pcall('SET', KEYS[1], digits(math.max(purge, sequence)), 'PX', ttl)['err'] then
    -- Without a sequence, no page is stored, so none that this purge matches.
    redis.call('DEL', KEYS[1])
end

-- Replaces a stamp and keeps its TTL, or deletes it, which purges too much.
local function replace(key, stamp)
    local remaining = redis.call('PTTL', key)
    if remaining <= 0 or redis.pcall('SET', key, stamp, 'PX', remaining)['err'] then
        redis.call('DEL', key)
    end
end

local purge_keys = {}
if kind == 'k' then
    for index = 1, #scope / 16 do
        purge_keys[index] = id(scope, index)
    end
else
    purge_keys[1] = 'x'
end
-- If the sequence was lost, any purge up to this one is unknown.
record_purge(purge_keys, purge, sequence > 0 and sequence or purge)

if kind == 'k' then
    for _, purge_key in ipairs(purge_keys) do
        local key = prefix .. 's' .. purge_key
        local stamp = mode == 'e' and valid_stamp(read_string(key), 2)
        if stamp then
            replace(key, encode_stamp(number(stamp, 0), math.max(purge, number(stamp, 1))))
        else
            redis.call('DEL', key)
        end
    end
elseif kind == 'a' then
    local key = prefix .. 'x'
    local stamp = mode == 'e' and valid_stamp(read_string(key), 3)
    if stamp then
        replace(key, encode_stamp(number(stamp, 0), number(stamp, 1), math.max(purge, number(stamp, 2))))
    else
        redis.call('DEL', key)
    end
else
    local key, rules = prefix .. 'x', prefix .. 'xs'
    -- Without a global stamp, there are no pages.
    local stamp = valid_stamp(read_string(key), 3)
    local last = redis.pcall('ZRANGE', rules, -1, -1, 'WITHSCORES')
    if not stamp or last['err'] or number(stamp, 1) > tonumber(last[2] or '0') then
        -- There are no pages, or the earlier rules were evicted or replaced.
        redis.call('DEL', key, rules)
    else
        if failed(redis.pcall('ZADD', rules, 'GT', purge, mode .. kind .. scope)) then
            redis.call('DEL', key)
        else
            local created = number(stamp, 0)
            if redis.call('ZCARD', rules) > 1000 then
                local oldest = redis.call('ZRANGE', rules, 0, 0, 'WITHSCORES')
                redis.call('ZREM', rules, oldest[1])
                -- The removed rule may match any page that is older.
                created = math.max(created, tonumber(oldest[2]))
            end
            extend(rules, redis.call('PTTL', key))
            replace(key, encode_stamp(created, math.max(purge, number(stamp, 1)), number(stamp, 2)))
        end
    end
end
local result = digits(purge) .. redis.call('EXISTS', prefix .. 'u')
return result .. result
