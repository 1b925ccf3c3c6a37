-- KEYS: lease, page. ARGV: prefix, owner, TTL of the mark for an uncacheable page ('0' for none), log ('' if it is in another hash slot).
-- Returns '' or, if the caller has to write to the log, '+notify'.
if redis.call('GET', KEYS[1]) ~= ARGV[2] then
    return ''
end
if ARGV[3] == '0' then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], '-', 'PX', ARGV[3])
end
if redis.call('DEL', KEYS[1] .. 'w') == 0 then
    return ''
end
if ARGV[4] == '' then
    return '+notify'
end
redis.pcall('XADD', ARGV[4], 'MAXLEN', '~', 4096, '*', 'f', KEYS[2])
extend(ARGV[4], HOUR)
return ''
