-- KEYS: log, tail of the log. ARGV: prefix, number and message, number and message (twice to detect whether they are corrupt).
-- Appends a purge to the log, with the number of the purge before it, by which readers detect a gap.
-- Returns '+', or '-' if the log was deleted because the server rejects writes.
if ARGV[2] ~= ARGV[3] or KEYS[1] ~= prefix .. 'l' or KEYS[2] ~= prefix .. 't' then
    return redis.error_reply(ERROR_CORRUPT)
end
local purge, message = string.sub(ARGV[2], 1, 16), string.sub(ARGV[2], 17)
local previous = read_number(KEYS[2]) or ''
local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', 4096, '*', 'b', previous, 'n', purge, 'v', message)
if failed(added) or redis.pcall('SET', KEYS[2], purge, 'PX', DAY)['err'] then
    redis.call('DEL', KEYS[1], KEYS[2])
    return '-'
end
extend(KEYS[1], HOUR)
return '+'
