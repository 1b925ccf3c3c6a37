-- KEYS: page, claim. ARGV: base, holder ('' where nobody would make it), milliseconds.
-- For what plain reads cannot answer: whose turn it is, and purges of prefixes and handlers.
-- Returns numbers twice, so that one which was changed on its way is noticed, and the page.
local page = redis.call('GET', KEYS[1])
local put, expired, fresh = 0, 0, false
-- What is no page is none.
local about = page and string.sub(page, 9, 8 + (tonumber(string.sub(page, 1, 8)) or 0))
if about and not string.find(string.sub(about, 1, 80), '^' .. string.rep('%d', 80) .. '$') then
    page = false
end
if page and number(about, 1) > now + AHEAD then
    page = false
end
if page then
    local names = 16 * number(about, 4)
    local good
    good, expired = is_good(
        string.sub(about, 81, 96), string.sub(about, 97, 96 + names), string.sub(about, 97 + names), number(about, 0)
    )
    if good then
        put = number(about, 1)
        fresh = expired == 0 and now < number(about, 3)
    else
        redis.pcall('UNLINK', KEYS[1])
        page = false
    end
end

local turn = 'a'
if ARGV[2] ~= '' and not fresh then
    local holder = redis.call('GET', KEYS[2])
    if not holder then
        -- Where nothing can be written, everybody makes it.
        redis.pcall('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
        turn = 'l'
    elseif holder == ARGV[2] then
        redis.pcall('PEXPIRE', KEYS[2], ARGV[3])
        turn = 'l'
    elseif holder ~= '-' then
        turn = 'w'
        redis.pcall('SET', KEYS[2] .. 'w', '1', 'PX', ARGV[3])
    end
end

local numbers = turn .. (page and 'p' or '-') .. digits(now) .. digits(put) .. digits(expired)
return {numbers .. numbers, page}
