#!lua flags=no-writes
-- offsets: all partitions the shard knows, as they stand. Settles a flush of unknown outcome.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:off
-- ARGV  1 layout version
-- Result {code, detail, field, value, ..}; code 0 or 5 (an emptied shard must not look like one that has read nothing).
local meta, off = KEYS[1], KEYS[2]

if redis.call('TYPE', meta).ok ~= 'hash' or redis.call('HGET', meta, 'layout') ~= ARGV[1] then
    return { 5, meta .. ' is missing or of another layout: the shard was emptied or is foreign' }
end
local result = { 0, '' }
for i, text in ipairs(redis.call('HGETALL', off)) do
    result[i + 2] = text
end
return result
