#!lua
-- tally: adds to the counters of this shard. They tell people what happened; nothing rests on them.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:counters
-- ARGV  1 layout version  2.. field, number, field, number
-- Result {code, detail}; code 0 or 5.
local BROKEN = 5
local meta, counters = KEYS[1], KEYS[2]

if redis.call('TYPE', meta).ok ~= 'hash' or redis.call('HGET', meta, 'layout') ~= ARGV[1] then
    return { BROKEN, meta .. ' is missing or of another layout: the shard was emptied or is foreign' }
end
local is = redis.call('TYPE', counters).ok
if is ~= 'hash' and is ~= 'none' then
    return { BROKEN, counters .. ' is a ' .. is .. ', it must be a hash' }
end
if not redis.acl_check_cmd('HINCRBY', counters, 'f', '1') then
    return { BROKEN, 'the redis user may not run HINCRBY on ' .. counters }
end
for i = 2, #ARGV, 2 do
    redis.pcall('HINCRBY', counters, ARGV[i], ARGV[i + 1])
end
return { 0, '' }
