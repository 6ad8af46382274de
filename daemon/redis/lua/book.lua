#!lua
-- book: says what is booked in this shard, in place of what was said before; or nothing, if that has changed.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:booked
-- ARGV  1 layout version  2 field "hash" as it was read ("" = there was none)  3.. field, value, field, value
-- Result {code, detail}; code 0, 1 (another daemon wrote it meanwhile: read again) or 5. Not 0: nothing was written.
local STALE, BROKEN = 1, 5
local meta, booked = KEYS[1], KEYS[2]

if redis.call('TYPE', meta).ok ~= 'hash' or redis.call('HGET', meta, 'layout') ~= ARGV[1] then
    return { BROKEN, meta .. ' is missing or of another layout: the shard was emptied or is foreign' }
end
local is = redis.call('TYPE', booked).ok
if is ~= 'hash' and is ~= 'none' then
    return { BROKEN, booked .. ' is a ' .. is .. ', it must be a hash' }
end
if (redis.call('HGET', booked, 'hash') or '') ~= ARGV[2] then
    return { STALE, booked .. ' was written by another daemon' }
end
if #ARGV % 2 ~= 0 then
    return { BROKEN, 'a field without a value' }
end
for _, command in ipairs({ { 'DEL', booked }, { 'HSET', booked, 'f', 'v' } }) do
    if not redis.acl_check_cmd(unpack(command)) then
        return { BROKEN, 'the redis user may not run ' .. command[1] .. ' on ' .. command[2] }
    end
end
redis.call('DEL', booked)
for i = 3, #ARGV, 2 do
    redis.call('HSET', booked, ARGV[i], ARGV[i + 1])
end
return { 0, '' }
