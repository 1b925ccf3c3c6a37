-- What is common to all scripts. Numbers have sixteen digits, microseconds among them, so that they can be put side by side.
local base = ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local DAY, HOUR = 86400000, 3600000
-- By so much the clock that a page was put by may be ahead of this one: another node had it. Of a page from later than that nothing is known.
local AHEAD = 1000000

local function digits(number)
    return string.format('%016.0f', number)
end

-- Whoever reads one without a script knows by the second half that it arrived as it was.
local function stamp_of(made, last, all)
    local numbers = digits(made) .. digits(last) .. (all and digits(all) or '')
    return numbers .. numbers
end

local function number(text, place)
    return tonumber(string.sub(text, 16 * place + 1, 16 * place + 16))
end

-- A key that others rely on lives at least as long as they do.
local function extend(key, time)
    if redis.call('PTTL', key) < time then
        redis.call('PEXPIRE', key, time)
    end
end

-- The stamps of names: when each was made, and when its pages were expired. The last one is that of all pages: when it was made, when a
-- prefix or a handler was purged last, and when all were expired.
local function stamps(names)
    local keys = {}
    for place = 1, #names / 16 do
        keys[place] = base .. 's' .. string.sub(names, 16 * place - 15, 16 * place)
    end
    keys[#keys + 1] = base .. 'x'
    return keys, redis.call('MGET', unpack(keys))
end

-- What was purged or expired lately: names, and 'x' for whatever may concern all pages, with the number of the last purge; and 'f' with that
-- up to which it is not known. So a name without a stamp is known from one that was purged. All of it is lost at once, or nothing.
local RECENT, RECENTLY = base .. 'r', 4096

-- The last purge that may have been of it, or nothing where all of them may.
local function purged_last(name)
    local numbers = redis.pcall('ZMSCORE', RECENT, 'f', name)
    if numbers['err'] or not numbers[1] then
        return nil
    end
    return math.max(tonumber(numbers[1]), tonumber(numbers[2] or '0'))
end

-- `before`: what was purged up to there is not known where nothing is.
local function remember(names, purge, before)
    local is_new = redis.call('EXISTS', RECENT) == 0
    for place = is_new and 0 or 1, #names do
        local score, name = place == 0 and before or purge, names[place] or 'f'
        local done = redis.pcall('ZADD', RECENT, 'GT', score, name)
        if type(done) == 'table' and done['err'] then
            redis.call('DEL', RECENT)
            return
        end
    end
    local more = redis.call('ZCARD', RECENT) - RECENTLY
    if more > 0 then
        local last = redis.call('ZRANGE', RECENT, more, more, 'WITHSCORES')
        redis.call('ZREMRANGEBYRANK', RECENT, 0, more)
        redis.call('ZADD', RECENT, 'GT', last[2], 'f')
    end
    extend(RECENT, HOUR)
end

-- Whether a prefix which this path begins with, or this handler, was purged after that number; or, as 'e', expired.
local function rule_for(handler, path, since)
    local found, at = nil, 0
    local rules = redis.call('ZRANGEBYSCORE', base .. 'xs', '(' .. digits(since), '+inf', 'WITHSCORES')
    if #rules == 0 then
        return 'p', 0
    end
    for place = 1, #rules, 2 do
        local verb, kind, rest =
            string.sub(rules[place], 1, 1), string.sub(rules[place], 2, 2), string.sub(rules[place], 3)
        if rest == (kind == 'h' and handler or string.sub(path, 1, #rest)) then
            if verb == 'p' then
                return 'p', 0
            end
            found, at = 'e', math.max(at, tonumber(rules[place + 1]))
        end
    end
    return found, at
end

-- Whether pages with these names that have seen purges up to a number may be sent; and when they were expired, if they were.
local function is_good(handler, names, path, since)
    local keys, values = stamps(names)
    local expired = 0
    for place = 1, #keys do
        local stamp = values[place]
        if not stamp or number(stamp, 0) > since then
            return false, 0
        end
        if place < #keys then
            expired = math.max(expired, number(stamp, 1))
        else
            expired = math.max(expired, number(stamp, 2))
            if number(stamp, 1) > since then
                local found, at = rule_for(handler, path, since)
                if found == 'p' then
                    return false, 0
                end
                expired = math.max(expired, at)
            end
        end
    end
    return true, expired > since and expired or 0
end

local function is_master()
    return string.find(redis.call('INFO', 'replication'), 'role:master', 1, true)
end

local REPLICA = 'READONLY this is a replica'
local GARBLED = 'GARBLED what was sent did not arrive as it was'
