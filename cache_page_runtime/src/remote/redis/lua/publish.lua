-- KEYS: log, tail. ARGV: base, number and what is told, the same again.
-- Whoever reads the log knows by the number before each whether it has read all.
if ARGV[2] ~= ARGV[3] or KEYS[1] ~= base .. 'l' or KEYS[2] ~= base .. 't' then
    return redis.error_reply(GARBLED)
end
local purge, what = string.sub(ARGV[2], 1, 16), string.sub(ARGV[2], 17)
local before = redis.call('GET', KEYS[2]) or ''
local told = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', 4096, '*', 'b', before, 'n', purge, 'v', what)
if type(told) == 'table' and told['err'] or redis.pcall('SET', KEYS[2], purge, 'PX', DAY)['err'] then
    redis.call('DEL', KEYS[1], KEYS[2])
    return '-'
end
extend(KEYS[1], HOUR)
return '+'
