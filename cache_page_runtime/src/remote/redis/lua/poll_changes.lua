-- KEYS: log, tail, sequence. ARGV: base, last place in the log ('' where nothing is known), known.
-- Returns the sequence, the tail, the last place in the log, what is behind the given one, and the time; each of them twice.
-- A replica may be behind its master.
if not is_master() then
    return redis.error_reply(REPLICA)
end
-- Read so that it counts as used: without it, whoever connects takes the server for another one.
redis.call('GET', base .. 'i')
local sequence = redis.call('GET', KEYS[3])
if not sequence then
    sequence = digits(math.max(now, tonumber(ARGV[3]) + 1))
    redis.pcall('SET', KEYS[3], sequence, 'PX', DAY)
end
local tail = redis.call('GET', KEYS[2])
if not tail then
    tail = sequence
    if redis.pcall('SET', KEYS[2], tail, 'PX', DAY)['err'] then
        tail = ''
    end
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
last = last[1] and last[1][1] or '0-0'
local entries = {}
if ARGV[2] ~= '' and ARGV[2] ~= last then
    entries = redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', 2048)
end
return {sequence .. sequence, tail .. tail, last .. last, entries, digits(now) .. digits(now)}
