#!lua flags=allow-oom
-- lease: takes, extends or gives up the right to evaluate the shard.
--
-- KEYS  1 cp:{s}:lease  2 cp:{s}:meta
-- ARGV  1 owner  2 epoch held (0 = none)  3 ttl_ms (0 = give up)
-- Result {code, detail, epoch, fresh, ttl_ms left, feed sequence}; code 0 or 5; epoch 0: another holds it for ttl_ms.
--
-- The hash (owner, epoch, until as unix ms of the server's clock) has no TTL, so that epochs never start again. Who asks in the name of
-- the present owner gets a new epoch at once: a restarted process need not wait for its own lease. Bad clocks may move a lease early,
-- never split it: commits compare the epoch alone. Nor may they keep it for ever: one that would last FAR times longer than the asker's own was
-- taken before the server's clock went back; it ends like the asker's would, unless its holder lives and extends it.
local BROKEN, EXACT, FAR = 5, 9007199254740992, 20
local lease, meta = KEYS[1], KEYS[2]
local owner, held_epoch, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])

local is = redis.call('TYPE', lease).ok
if is ~= 'hash' and is ~= 'none' then
    return { BROKEN, lease .. ' is a ' .. is .. ', it must be a hash' }
end
if redis.call('TYPE', meta).ok ~= 'hash' then
    return { BROKEN, meta .. ' is missing: the shard was emptied' }
end
local held = redis.call('HMGET', lease, 'owner', 'epoch', 'until')
local epoch, till = tonumber(held[2] or '0'), tonumber(held[3] or '0')
if not epoch or not till or epoch + 1 >= EXACT then
    return { BROKEN, lease .. ' cannot be read' }
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seq = redis.call('HGET', meta, 'feed_seq') or '0'

local fresh = '0'
if held[1] ~= owner or held[2] ~= held_epoch then
    if (held[1] and held[1] ~= owner and till > now) or ttl == 0 then
        if ttl > 0 and till > now + FAR * ttl then
            till = now + ttl
            redis.call('HSET', lease, 'until', string.format('%.0f', till))
        end
        return { 0, '', '0', '0', string.format('%.0f', math.max(till - now, 0)), seq }
    end
    epoch, fresh = epoch + 1, '1'
end
redis.call('HSET', lease, 'owner', owner, 'epoch', string.format('%.0f', epoch), 'until', string.format('%.0f', now + ttl))
return { 0, '', string.format('%.0f', epoch), fresh, ARGV[3], seq }
