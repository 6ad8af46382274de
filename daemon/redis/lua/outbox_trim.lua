#!lua flags=allow-oom
-- outbox_trim: drops delivered entries, for the holder of the lease.
--
-- KEYS  1 cp:{s}:lease  2 cp:{s}:outbox
-- ARGV  1 lease epoch  2 first sequence to keep
-- Result {code, detail, number dropped}; code 0, 1 (the lease is lost) or 5.
local lease, outbox = KEYS[1], KEYS[2]

local is = redis.call('TYPE', outbox).ok
if is ~= 'stream' and is ~= 'none' then
    return { 5, outbox .. ' is a ' .. is .. ', it must be a stream' }
end
is = redis.call('TYPE', lease).ok
if is ~= 'hash' and is ~= 'none' then
    return { 5, lease .. ' is a ' .. is .. ', it must be a hash' }
end
local epoch = redis.call('HGET', lease, 'epoch')
if epoch ~= ARGV[1] then
    return { 1, 'the lease has epoch ' .. tostring(epoch) .. ', this is ' .. ARGV[1] }
end
return { 0, '', redis.call('XTRIM', outbox, 'MINID', ARGV[2] .. '-0') }
