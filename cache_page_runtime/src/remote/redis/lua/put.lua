-- KEYS: page, claim. ARGV: base, about, the same again, frame, log ('' where it is elsewhere).
-- About: since, begun ago, fresh for, lasts (milliseconds), how many names; holder and handler (16 bytes each, or zeros), names, path.
if ARGV[2] ~= ARGV[3] then
    return redis.error_reply(GARBLED)
end
local about = ARGV[2]
local since, lasts, count = number(about, 0), number(about, 3), number(about, 4)
local begun, holder = now - number(about, 1), string.sub(about, 81, 96)
local handler = string.sub(about, 97, 112)
local names, path = string.sub(about, 113, 112 + 16 * count), string.sub(about, 113 + 16 * count)

local function finish(word)
    if redis.call('GET', KEYS[2]) ~= holder then
        return word .. '-'
    end
    redis.call('DEL', KEYS[2])
    if redis.call('DEL', KEYS[2] .. 'w') == 0 then
        return word .. '-'
    end
    if ARGV[5] == '' then
        return word .. 'w'
    end
    redis.pcall('XADD', ARGV[5], 'MAXLEN', '~', 4096, '*', 'f', KEYS[1])
    extend(ARGV[5], HOUR)
    return word .. '-'
end

local keys, values = stamps(names)
local sequence = redis.call('GET', base .. 'n')
local made = {}
for place = 1, #keys do
    local stamp = values[place]
    if stamp and (number(stamp, 0) > since or (place < #keys and number(stamp, 1) > since)) then
        return finish('p')
    end
    if stamp and place == #keys
        and (number(stamp, 2) > since or (number(stamp, 1) > since and rule_for(handler, path, since))) then
        return finish('p')
    end
    if not stamp then
        -- What is not there may have been purged, or evicted, or is new.
        if not sequence then
            return finish('u')
        end
        made[place] = purged_last(place < #keys and string.sub(names, 16 * place - 15, 16 * place) or 'x')
            or tonumber(sequence)
        if made[place] > since then
            return finish('p')
        end
    end
end

local there = redis.call('GETRANGE', KEYS[1], 8, 71)
if #there == 64 and number(there, 2) > begun and now < number(there, 3) and number(there, 1) <= now + AHEAD then
    return finish('o')
end

-- A full server looks at the first thing that is written: that is the page.
local fresh = math.min(now + number(about, 2), 9007199254740991)
local kept = digits(since) .. digits(now) .. digits(begun) .. digits(fresh) .. digits(count) .. handler .. names .. path
kept = string.format('%08d', #kept) .. kept
redis.call('SET', KEYS[1], kept .. kept .. ARGV[4], 'PX', lasts)
extend(base .. 'xs', lasts)
for place = 1, #keys do
    if values[place] then
        extend(keys[place], lasts)
    else
        redis.call('SET', keys[place], stamp_of(made[place], 0, place == #keys and 0), 'PX', lasts)
    end
end
if sequence and tonumber(sequence) < since then
    -- It was lost and made anew: what is purged from now on is later than what this page has seen.
    redis.call('SET', base .. 'n', digits(since), 'PX', math.max(lasts, DAY))
elseif sequence then
    extend(base .. 'n', math.max(lasts, DAY))
end
return finish('k')
