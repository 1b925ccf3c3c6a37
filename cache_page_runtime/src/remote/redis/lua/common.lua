-- Definitions that all scripts share. ARGV[1] is the prefix of all keys.
-- A number has sixteen digits, so that numbers can be concatenated. Times are in microseconds unless they are a TTL, which is in milliseconds.
local prefix = ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local DAY, HOUR = 86400000, 3600000
-- How far ahead of this clock that of the node may have been which stored a page. A page from later than that was stored before the clock
-- went back, and its age is unknown.
local MAX_CLOCK_SKEW = 1000000

local function digits(number)
    return string.format('%016.0f', number)
end

-- Encodes a stamp, twice, so that a reader without a script detects that it is corrupt.
local function encode_stamp(created, expired, global_expired)
    local numbers = digits(created) .. digits(expired) .. (global_expired and digits(global_expired) or '')
    return numbers .. numbers
end

-- The greatest number that is not garbage: numbers are times, and a clock may have been wrong by some years.
local MAX_NUMBER = now + 100 * 365 * DAY * 1000

-- Returns a number of a text; the first one has the index 0.
local function number(text, index)
    return tonumber(string.sub(text, 16 * index + 1, 16 * index + 16))
end

-- Returns an id of a text of ids; the first one has the index 1.
local function id(ids, index)
    return string.sub(ids, 16 * index - 15, 16 * index)
end

-- Raises the TTL of a key that others depend on.
local function extend(key, ttl)
    if redis.call('PTTL', key) < ttl then
        redis.call('PEXPIRE', key, ttl)
    end
end

-- Returns whether the result of `pcall` is an error, for commands that may return a number instead of a table.
local function failed(result)
    return type(result) == 'table' and result['err'] ~= nil
end

-- Any key may be overwritten by accident, with a value of another type or with garbage. It is deleted then, which is the same as an
-- eviction: that may purge too much, but never too little.

-- Returns the string under a key, or nil. A value of another type is deleted.
local function read_string(key)
    local value = redis.pcall('GET', key)
    if not failed(value) then
        return value or nil
    end
    if not string.find(value['err'], 'WRONGTYPE', 1, true) then
        error(value['err'])
    end
    redis.call('DEL', key)
    return nil
end

-- Returns whether a text consists of the digits of this many numbers.
local function are_digits(text, count)
    return #text == 16 * count and not string.find(text, '%D')
end

-- The same for numbers of purges, which are not far in the future.
local function are_numbers(text, count)
    if not are_digits(text, count) then
        return false
    end
    for index = 0, count - 1 do
        if number(text, index) > MAX_NUMBER then
            return false
        end
    end
    return true
end

-- Returns the number under a key, as digits, or nil. Anything else is deleted.
local function read_number(key)
    local value = read_string(key)
    if value and not are_numbers(value, 1) then
        redis.call('DEL', key)
        return nil
    end
    return value
end

-- Returns a stamp if it is valid, or nil. The global stamp has three numbers, others have two.
local function valid_stamp(stamp, count)
    if stamp and are_numbers(stamp, 2 * count) and string.sub(stamp, 1, 16 * count) == string.sub(stamp, 16 * count + 1) then
        return stamp
    end
    return nil
end

-- Returns the owner of a lease, or '-' for an uncacheable page, or nil. A lease has a TTL; anything else is deleted.
local function read_lease(key)
    local owner = read_string(key)
    if not owner then
        return nil
    end
    local ttl = redis.call('PTTL', key)
    if (#owner ~= 16 and owner ~= '-') or ttl < 0 or ttl > HOUR then
        redis.call('DEL', key)
        return nil
    end
    return owner
end

-- Returns the keys and values of the stamps of purge keys. A stamp has the numbers of the purge before which it was created and of the last
-- soft purge. The last value is the global stamp: the numbers of the purge before which it was created, of the last rule, and of the last
-- soft purge of all pages. A missing or invalid stamp is nil.
local function read_stamps(purge_keys)
    local keys, values = {}, {}
    for index = 1, #purge_keys / 16 do
        keys[index] = prefix .. 's' .. id(purge_keys, index)
    end
    keys[#keys + 1] = prefix .. 'x'
    local stamps = redis.call('MGET', unpack(keys))
    for index = 1, #keys do
        values[index] = valid_stamp(stamps[index], index < #keys and 2 or 3)
    end
    return keys, values
end

-- The recent purges: purge keys, and 'x' for purges that may match any page, each with the number of its last purge; and 'f' with the number
-- up to which purges are unknown. They distinguish a purge key that has no stamp because it was purged from a new one. The server evicts all of this
-- or nothing.
local RECENT_PURGES, MAX_RECENT_PURGES = prefix .. 'r', 4096

-- Returns the number of the last purge that may match a purge key, or nil if that is unknown.
local function last_purge(purge_key)
    local numbers = redis.pcall('ZMSCORE', RECENT_PURGES, 'f', purge_key)
    if numbers['err'] or not numbers[1] then
        return nil
    end
    local last = math.max(tonumber(numbers[1]), tonumber(numbers[2] or '0'))
    if not (last <= MAX_NUMBER) then
        redis.call('DEL', RECENT_PURGES)
        return nil
    end
    return last
end

-- Records a purge. If there is no record yet, purges up to the number `unknown_up_to` are unknown.
local function record_purge(purge_keys, purge, unknown_up_to)
    local known = redis.pcall('ZMSCORE', RECENT_PURGES, 'f')
    local is_new = known['err'] or not known[1] or not (tonumber(known[1]) <= MAX_NUMBER)
    if is_new then
        -- There is nothing, or garbage.
        redis.call('DEL', RECENT_PURGES)
    end
    for index = is_new and 0 or 1, #purge_keys do
        local score, member = index == 0 and unknown_up_to or purge, purge_keys[index] or 'f'
        if failed(redis.pcall('ZADD', RECENT_PURGES, 'GT', score, member)) then
            redis.call('DEL', RECENT_PURGES)
            return
        end
    end
    local excess = redis.call('ZCARD', RECENT_PURGES) - MAX_RECENT_PURGES
    if excess > 0 then
        local last = redis.call('ZRANGE', RECENT_PURGES, excess, excess, 'WITHSCORES')
        redis.call('ZREMRANGEBYRANK', RECENT_PURGES, 0, excess)
        redis.call('ZADD', RECENT_PURGES, 'GT', last[2], 'f')
    end
    extend(RECENT_PURGES, HOUR)
end

-- Returns 'p' if a rule after the purge `purge_seq` purges pages with this path or handler, 'e' and the number if one soft-purges them, or
-- else nil. Without the last rule, the list was evicted or replaced, which counts as a purge.
local function match_rules(handler, path, purge_seq, last_rule)
    local found, expired = nil, 0
    local rules = redis.pcall('ZRANGEBYSCORE', prefix .. 'xs', '(' .. digits(purge_seq), '+inf', 'WITHSCORES')
    if rules['err'] or #rules == 0 or tonumber(rules[#rules]) < last_rule then
        return 'p', 0
    end
    for index = 1, #rules, 2 do
        local mode, kind, scope =
            string.sub(rules[index], 1, 1), string.sub(rules[index], 2, 2), string.sub(rules[index], 3)
        if scope == (kind == 'h' and handler or string.sub(path, 1, #scope)) then
            if mode == 'p' then
                return 'p', 0
            end
            found, expired = 'e', math.max(expired, tonumber(rules[index + 1]))
        end
    end
    return found, expired
end

-- Returns whether a page that reflects purges up to `purge_seq` may be returned, and the number of the last soft purge, or 0.
local function check_page(handler, purge_keys, path, purge_seq)
    local keys, values = read_stamps(purge_keys)
    local expired = 0
    for index = 1, #keys do
        local stamp = values[index]
        if not stamp or number(stamp, 0) > purge_seq then
            return false, 0
        end
        if index < #keys then
            expired = math.max(expired, number(stamp, 1))
        else
            expired = math.max(expired, number(stamp, 2))
            if number(stamp, 1) > purge_seq then
                local found, rule_expired = match_rules(handler, path, purge_seq, number(stamp, 1))
                if found == 'p' then
                    return false, 0
                end
                expired = math.max(expired, rule_expired)
            end
        end
    end
    return true, expired > purge_seq and expired or 0
end

local function is_master()
    return string.find(redis.call('INFO', 'replication'), 'role:master', 1, true)
end

local ERROR_REPLICA = 'READONLY this is a replica'
local ERROR_CORRUPT = 'CORRUPT the arguments of the script are corrupt'
