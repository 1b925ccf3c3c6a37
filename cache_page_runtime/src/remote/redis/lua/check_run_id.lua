-- KEYS: the run, the sequence, the stamp of all pages, what was purged lately, the tail of the log. ARGV: base, known, the same again.
-- A server has another name each time that it starts, and so has a replica in its master's place. It may have come back with what it had saved
-- long ago, or without what its master did last: whatever was purged meanwhile would be there again. So all that it has is purged, once; and
-- without its tail, the log is one with a gap for whoever read it before, and may not have heard of a purge that is lost.
if ARGV[2] ~= ARGV[3] or KEYS[1] ~= base .. 'i' or KEYS[2] ~= base .. 'n' or KEYS[3] ~= base .. 'x' or KEYS[4] ~= RECENT
    or KEYS[5] ~= base .. 't' then
    return redis.error_reply(GARBLED)
end
if not is_master() then
    return redis.error_reply(REPLICA)
end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not run then
    return redis.error_reply('NORUN the server does not tell its run_id')
end
if redis.call('GET', KEYS[1]) == run then
    return '+'
end
redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
local sequence = redis.call('GET', KEYS[2])
if sequence then
    local purge = digits(math.max(tonumber(sequence) + 1, now, tonumber(ARGV[2]) + 1))
    if redis.pcall('SET', KEYS[2], purge, 'PX', math.max(redis.call('PTTL', KEYS[2]), DAY))['err'] then
        redis.call('DEL', KEYS[2])
    end
end
-- Where nothing can be written, the next one purges all once more.
redis.pcall('SET', KEYS[1], run, 'PX', 31 * DAY)
return '+'
