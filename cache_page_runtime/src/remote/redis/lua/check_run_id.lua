-- KEYS: run id, sequence, global stamp, recent purges, tail of the log. ARGV: prefix, last sequence number that was read, the same again.
-- The run id of a server changes when it is restarted, and a replica that is promoted has another one. The data may then be from an old
-- snapshot, or lack the last writes of the master, and purged pages may be back. So everything is purged, once. The tail of the log is
-- deleted, so that all readers see a gap: the log may lack purges.
-- Returns the run id.
if ARGV[2] ~= ARGV[3] or KEYS[1] ~= prefix .. 'i' or KEYS[2] ~= prefix .. 'n' or KEYS[3] ~= prefix .. 'x'
    or KEYS[4] ~= RECENT_PURGES or KEYS[5] ~= prefix .. 't' then
    return redis.error_reply(ERROR_CORRUPT)
end
if not is_master() then
    return redis.error_reply(ERROR_REPLICA)
end
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not run_id then
    return redis.error_reply('NORUNID the server has no run_id')
end
if read_string(KEYS[1]) == run_id then
    return run_id
end
redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
local sequence = read_number(KEYS[2])
if sequence then
    local purge = digits(math.max(tonumber(sequence) + 1, now, tonumber(ARGV[2]) + 1))
    if redis.pcall('SET', KEYS[2], purge, 'PX', math.max(redis.call('PTTL', KEYS[2]), DAY))['err'] then
        redis.call('DEL', KEYS[2])
    end
end
-- If the server rejects writes, the next connection purges everything again.
redis.pcall('SET', KEYS[1], run_id, 'PX', 31 * DAY)
return run_id
