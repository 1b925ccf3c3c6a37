-- KEYS: the sequence, and all else that may change. ARGV: base, about, the same again.
-- About: known, number ('0' where it is given out here), 'p' or 'e', then 'n' and names, 'x' and a prefix, 'h' and a handler, or 'a' for all.
-- In a cluster, one may come after others with greater numbers: no number goes down.
-- A purge takes away the stamps: pages without them are not sent. That works where nothing can be written, too.
if ARGV[2] ~= ARGV[3] or KEYS[1] ~= base .. 'n' then
    return redis.error_reply(GARBLED)
end
local about = ARGV[2]
local given, verb, kind, rest = number(about, 1), string.sub(about, 33, 33), string.sub(about, 34, 34), string.sub(about, 35)
local sequence = tonumber(redis.call('GET', KEYS[1]) or '0')
local purge = given
if given == 0 then
    purge = math.max(sequence + 1, now, number(about, 0) + 1)
end
local time = math.max(redis.call('PTTL', KEYS[1]), DAY)
-- Without a sequence, nothing new is kept that has not seen this.
if redis.pcall('SET', KEYS[1], digits(math.max(purge, sequence)), 'PX', time)['err'] then
    redis.call('DEL', KEYS[1])
end

local function change(key, stamp)
    local left = redis.call('PTTL', key)
    if left <= 0 or redis.pcall('SET', key, stamp, 'PX', left)['err'] then
        redis.call('DEL', key)
    end
end

local names = {}
if kind == 'n' then
    for place = 1, #rest / 16 do
        names[place] = string.sub(rest, 16 * place - 15, 16 * place)
    end
else
    names[1] = 'x'
end
-- Where the sequence was missing, any purge may have been before.
remember(names, purge, sequence > 0 and sequence or purge)

if kind == 'n' then
    for _, name in ipairs(names) do
        local key = base .. 's' .. name
        local stamp = verb == 'e' and redis.call('GET', key)
        if stamp then
            change(key, stamp_of(number(stamp, 0), math.max(purge, number(stamp, 1))))
        else
            redis.call('DEL', key)
        end
    end
elseif kind == 'a' then
    local key = base .. 'x'
    local stamp = verb == 'e' and redis.call('GET', key)
    if stamp then
        change(key, stamp_of(number(stamp, 0), number(stamp, 1), math.max(purge, number(stamp, 2))))
    else
        redis.call('DEL', key)
    end
else
    local key, list = base .. 'x', base .. 'xs'
    local stamp = redis.call('GET', key)
    -- Without a stamp there are no pages.
    if stamp and number(stamp, 1) > 0 and redis.call('EXISTS', list) == 0 then
        -- What was purged before is not known any more.
        redis.call('DEL', key)
    elseif stamp then
        local added = redis.pcall('ZADD', list, 'GT', purge, verb .. kind .. rest)
        if type(added) == 'table' and added['err'] then
            redis.call('DEL', key)
        else
            local made = number(stamp, 0)
            if redis.call('ZCARD', list) > 1000 then
                local oldest = redis.call('ZRANGE', list, 0, 0, 'WITHSCORES')
                redis.call('ZREM', list, oldest[1])
                -- What is older than that is not known any more.
                made = math.max(made, tonumber(oldest[2]))
            end
            extend(list, redis.call('PTTL', key))
            change(key, stamp_of(made, math.max(purge, number(stamp, 1)), number(stamp, 2)))
        end
    end
end
-- Twice, for whoever reads it.
return digits(purge) .. digits(purge)
