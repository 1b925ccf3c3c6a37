-- KEYS: log, tail of the log, sequence. ARGV: prefix, id of the last entry that was read ('' for none), last sequence number that was read.
-- Returns the sequence, the tail, the id of the last entry, the entries from the given one on, and the time; all but the entries twice.
if not is_master() then
    -- A replica may lag behind.
    return redis.error_reply(ERROR_REPLICA)
end
-- Keeps the run id from being evicted as unused, and from expiring: without it, each new connection purges everything.
local run_id = read_string(prefix .. 'i')
if run_id and redis.call('PTTL', prefix .. 'i') < 15 * DAY then
    redis.pcall('SET', prefix .. 'i', run_id, 'PX', 31 * DAY)
end
local sequence = read_number(KEYS[3])
if not sequence then
    sequence = digits(math.max(now, tonumber(ARGV[3]) + 1))
    redis.pcall('SET', KEYS[3], sequence, 'PX', DAY)
end
local last = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last['err'] then
    -- Without the tail, readers see a gap.
    redis.call('DEL', KEYS[1], KEYS[2])
    last = {}
end
local tail = read_number(KEYS[2])
if not tail then
    tail = sequence
    if redis.pcall('SET', KEYS[2], tail, 'PX', DAY)['err'] then
        tail = ''
    end
end
last = last[1] and last[1][1] or '0-0'
local entries = {}
if ARGV[2] ~= '' and ARGV[2] ~= last then
    entries = redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', 2048)
end
return {sequence .. sequence, tail .. tail, last .. last, entries, digits(now) .. digits(now)}
