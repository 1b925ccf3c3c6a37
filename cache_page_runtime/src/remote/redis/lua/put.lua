-- KEYS: page, lease. ARGV: prefix, header, header, frame, log ('' if it is in another hash slot).
-- The header has the numbers purge_seq, time since the fill started, how long the page is fresh, TTL, and count of purge keys; the owner of
-- the lease and the handler (16 bytes each, or zeros); the purge keys; the path. It is sent twice to detect whether it is corrupt.
-- Returns 'stored', 'superseded', 'purged' or 'no sequence', with the suffix '+notify' if the caller has to write to the log.
if ARGV[2] ~= ARGV[3] then
    return redis.error_reply(ERROR_CORRUPT)
end
local header = ARGV[2]
local purge_seq, ttl, count = number(header, 0), number(header, 3), number(header, 4)
local started_at, owner = now - number(header, 1), string.sub(header, 81, 96)
local handler = string.sub(header, 97, 112)
local purge_keys, path = string.sub(header, 113, 112 + 16 * count), string.sub(header, 113 + 16 * count)

-- Ends the lease, and notifies the processes that wait.
local function finish(result)
    if read_lease(KEYS[2]) ~= owner then
        return result
    end
    redis.call('DEL', KEYS[2])
    if redis.call('DEL', KEYS[2] .. 'w') == 0 then
        return result
    end
    if ARGV[5] == '' then
        return result .. '+notify'
    end
    redis.pcall('XADD', ARGV[5], 'MAXLEN', '~', 4096, '*', 'f', KEYS[1])
    extend(ARGV[5], HOUR)
    return result
end

local keys, values = read_stamps(purge_keys)
local sequence = read_number(prefix .. 'n')

-- Rejects the page because of the purge with this number. If the sequence was overwritten with a lower number, it is raised: later pages
-- reflect this purge, but would not show it.
local function reject(purge)
    if sequence and purge > tonumber(sequence) then
        redis.pcall('SET', prefix .. 'n', digits(purge), 'PX', DAY)
    end
    return finish('purged')
end

local created = {}
for index = 1, #keys do
    local stamp = values[index]
    if stamp and number(stamp, 0) > purge_seq then
        return reject(number(stamp, 0))
    end
    if stamp and index < #keys and number(stamp, 1) > purge_seq then
        return reject(number(stamp, 1))
    end
    if stamp and index == #keys and number(stamp, 2) > purge_seq then
        return reject(number(stamp, 2))
    end
    if stamp and index == #keys and number(stamp, 1) > purge_seq and match_rules(handler, path, purge_seq, number(stamp, 1)) then
        return reject(number(stamp, 1))
    end
    if not stamp then
        -- The purge key was purged, its stamp was evicted, or it is new.
        if not sequence then
            return finish('no sequence')
        end
        created[index] = last_purge(index < #keys and id(purge_keys, index) or 'x') or tonumber(sequence)
        if created[index] > purge_seq then
            return reject(created[index])
        end
    end
end

local stored = redis.pcall('GETRANGE', KEYS[1], 8, 71)
if not failed(stored) and are_digits(stored, 4) and number(stored, 2) > started_at and now < number(stored, 3)
    and number(stored, 1) <= now + MAX_CLOCK_SKEW then
    return finish('superseded')
end

-- A server without memory rejects the first write of a script and not the others, so the page is written first.
local fresh_until = math.min(now + number(header, 2), 9007199254740991)
local page_header = digits(purge_seq) .. digits(now) .. digits(started_at) .. digits(fresh_until) .. digits(count)
    .. handler .. purge_keys .. path
page_header = string.format('%08d', #page_header) .. page_header
redis.call('SET', KEYS[1], page_header .. page_header .. ARGV[4], 'PX', ttl)
-- Read, so that it is not evicted as unused.
redis.pcall('GET', prefix .. 'u')
if redis.call('PTTL', prefix .. 'u') < 30 * DAY then
    redis.call('SET', prefix .. 'u', '1', 'PX', 31 * DAY)
end
extend(prefix .. 'xs', ttl)
for index = 1, #keys do
    if values[index] then
        extend(keys[index], ttl)
    else
        redis.call('SET', keys[index], encode_stamp(created[index], 0, index == #keys and 0), 'PX', ttl)
    end
end
if sequence and tonumber(sequence) < purge_seq then
    -- The sequence was lost and created again. The numbers of later purges have to be greater than what this page reflects.
    redis.call('SET', prefix .. 'n', digits(purge_seq), 'PX', math.max(ttl, DAY))
elseif sequence then
    extend(prefix .. 'n', math.max(ttl, DAY))
end
return finish('stored')
