#!lua flags=no-writes
-- names: keys of an org's records that hold one of some texts, in the key or in the value: one step of a walk over all keys.
--
-- KEYS  1 cp:{s}:meta
-- ARGV  1 layout version  2 cursor ("0" begins)  3 about how many keys to look at  4 org, escaped  5.. texts
-- Result: the cursor to go on with ("0": that was all), then rests of keys; empty: another layout. A key that is there from the first step to the last is
-- seen. Texts are looked for as bytes: a key too many is possible (another id that holds the text), one too few is not.
local meta = KEYS[1]
local prefix = string.sub(meta, 1, -5)
if redis.call('HGET', meta, 'layout') ~= ARGV[1] then
    return {}
end

local function holds(text)
    for i = 5, #ARGV do
        if string.find(text, ARGV[i], 1, true) then
            return true
        end
    end
    return false
end

local found = redis.call('SCAN', ARGV[2], 'MATCH', prefix .. 'ent:*', 'COUNT', ARGV[3])
local result = { found[1] }
for _, key in ipairs(found[2]) do
    local rest = string.sub(key, #prefix + 1)
    local theirs = string.match(rest, '^ent:[^:]*:([^:]*):') == ARGV[4] and redis.call('TYPE', key).ok == 'string'
    if theirs and (holds(rest) or holds(redis.call('GETRANGE', key, 0, -1))) then
        result[#result + 1] = rest
    end
end
return result
