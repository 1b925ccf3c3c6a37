-- KEYS: page, lease. ARGV: prefix, owner ('' if no lease is requested), TTL of the lease.
-- Answers what plain reads cannot: who gets the lease, and whether a rule matches.
-- Returns the lease status and numbers, twice, so that the caller detects whether they are corrupt, and the page.
local page = read_string(KEYS[1]) or false
local stored_at, expired, is_fresh = 0, 0, false
local length = page and tonumber(string.sub(page, 1, 8)) or 0
local header = page and string.sub(page, 9, 8 + length)
-- The header is there twice. A page has at most 140 purge keys.
if page and not (are_digits(string.sub(header, 1, 80), 5) and number(header, 4) <= 140
    and string.sub(page, 1, 8 + length) == string.sub(page, 9 + length, 16 + 2 * length)) then
    -- The value is not a page.
    page = false
end
if page and number(header, 1) > now + MAX_CLOCK_SKEW then
    page = false
end
if page then
    local keys_length = 16 * number(header, 4)
    local is_valid
    is_valid, expired = check_page(
        string.sub(header, 81, 96),
        string.sub(header, 97, 96 + keys_length),
        string.sub(header, 97 + keys_length),
        number(header, 0)
    )
    if is_valid then
        stored_at = number(header, 1)
        is_fresh = expired == 0 and now < number(header, 3)
    else
        redis.pcall('UNLINK', KEYS[1])
        page = false
    end
end

-- 'a' is acquired, 'h' is held by another owner, 'u' is uncoalesced.
local lease = 'u'
if ARGV[2] ~= '' and not is_fresh then
    local owner = read_lease(KEYS[2])
    if not owner then
        -- If the server rejects writes, each process acquires the lease.
        redis.pcall('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
        lease = 'a'
    elseif owner == ARGV[2] then
        redis.pcall('PEXPIRE', KEYS[2], ARGV[3])
        lease = 'a'
    elseif owner ~= '-' then
        lease = 'h'
        redis.pcall('SET', KEYS[2] .. 'w', '1', 'PX', ARGV[3])
    end
end

local status = lease .. (page and 'p' or '-') .. digits(now) .. digits(stored_at) .. digits(expired)
return {status .. status, page}
