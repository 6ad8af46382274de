#!lua flags=allow-oom
-- open: signs an empty shard, or checks the signature of one in use. Runs at every connect.
--
-- KEYS  1 cp:{s}:meta  2.. the shard's other fixed keys
-- ARGV  1 layout version  2 number of shards  3 name for a new shard (unix ms and a random part)
--       4 which server of how many this is in the configuration: "0/1", "1/3"; "" in a cluster. Kept in cp:{server}:place of a server in a list of several
-- Result {code, sentence or the shard's name, 1 if it was signed just now}; code 0 or 5.
--
-- May run out of memory's bounds (allow-oom): a full Redis must still let its outbox and its feed be drained.
local BROKEN = 5
local meta = KEYS[1]

local is = redis.call('TYPE', meta).ok
if ARGV[4] ~= '' then
    local held = redis.call('HGET', 'cp:{server}:place', 'place') or (is ~= 'none' and '0/1') or ARGV[4]
    if held ~= ARGV[4] then
        return { BROKEN, 'this server holds shards as number ' .. held .. ' of a list of servers (counted from 0), redis.url has it as ' .. ARGV[4]
            .. ': its shards would be looked for elsewhere', 0 }
    end
end
if is == 'none' then
    for i = 2, #KEYS do
        if redis.call('EXISTS', KEYS[i]) == 1 then
            return { BROKEN, meta .. ' is missing but ' .. KEYS[i] .. ' is there: a foreign or damaged shard', 0 }
        end
    end
    if ARGV[4] ~= '' and ARGV[4] ~= '0/1' then
        redis.call('HSET', 'cp:{server}:place', 'place', ARGV[4])
    end
    redis.call('HSET', meta, 'layout', ARGV[1], 'shards', ARGV[2], 'created', ARGV[3], 'feed_seq', '0', 'outbox_seq', '0')
    return { 0, ARGV[3], 1 }
end
if is ~= 'hash' then
    return { BROKEN, meta .. ' is a ' .. is .. ', it must be a hash', 0 }
end
local held = redis.call('HMGET', meta, 'layout', 'shards', 'created')
if held[1] ~= ARGV[1] then
    return { BROKEN, meta .. ' has layout ' .. tostring(held[1]) .. ', this program writes ' .. ARGV[1], 0 }
end
if held[2] ~= ARGV[2] then
    return { BROKEN, meta .. ' was laid out for ' .. tostring(held[2]) .. ' shards, the configuration says ' .. ARGV[2], 0 }
end
return { 0, held[3] or '', 0 }
