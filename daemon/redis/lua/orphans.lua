#!lua flags=allow-oom
-- orphans: corrections that have waited too long for what they correct; and how many wait, for people to see.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:orphans (zset: rest of a waiting record's key by the event time at which it is given up)  3 cp:{s}:erasures (the same of
--       erasures, by the time at which they become final)
-- ARGV  1 layout version  2 event time reached  3 those due before it have waited a day  4 keys to return at most
-- Result: rests of keys that are due. Deletes nothing: a record goes with the flush that tells it (flush.lua).
local meta, orphans, erasures = KEYS[1], KEYS[2], KEYS[3]
if redis.call('HGET', meta, 'layout') ~= ARGV[1] then
    return {}
end
local waiting, day = redis.call('ZCARD', orphans), redis.call('ZCOUNT', orphans, '-inf', '(' .. ARGV[3])
local held = redis.call('HMGET', meta, 'orphans_waiting', 'orphans_waiting_24h')
if held[1] ~= tostring(waiting) or held[2] ~= tostring(day) then
    redis.call('HSET', meta, 'orphans_waiting', waiting, 'orphans_waiting_24h', day)
end
local due = redis.call('ZRANGEBYSCORE', orphans, '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[4])
for _, key in ipairs(redis.call('ZRANGEBYSCORE', erasures, '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[4])) do
    due[#due + 1] = key
end
return due
