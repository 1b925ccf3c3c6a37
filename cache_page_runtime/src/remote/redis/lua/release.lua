-- KEYS: claim, page. ARGV: base, holder, milliseconds for which nobody waits, log ('' where it is elsewhere).
if redis.call('GET', KEYS[1]) ~= ARGV[2] then
    return '-'
end
if ARGV[3] == '0' then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], '-', 'PX', ARGV[3])
end
if redis.call('DEL', KEYS[1] .. 'w') == 0 then
    return '-'
end
if ARGV[4] == '' then
    return 'w'
end
redis.pcall('XADD', ARGV[4], 'MAXLEN', '~', 4096, '*', 'f', KEYS[2])
extend(ARGV[4], HOUR)
return '-'
