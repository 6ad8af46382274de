#!lua
-- claim: takes partitions over. Each epoch grows by 1, so that flushes of the former owner are stale. A partition that was idle is not any
-- more: its new owner has to reach the end of the log first.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:off
-- ARGV  1 layout version  2.. fields of `off`: "<topic>/<partition>"
-- Result {code, detail, field, value, field, value, ..}; code 0 or 5. A partition seen for the first time begins at next=-1.
local BROKEN, EXACT = 5, 9007199254740992
local meta, off = KEYS[1], KEYS[2]
local new = 'next=-1 epoch=0 last=-1 crc=00000000 max=none idle=0 read=0 applied=0 duplicate=0 late=0 dead=0'

if redis.call('TYPE', meta).ok ~= 'hash' or redis.call('HGET', meta, 'layout') ~= ARGV[1] then
    return { BROKEN, meta .. ' is missing or of another layout: the shard was emptied or is foreign' }
end
local is = redis.call('TYPE', off).ok
if is ~= 'hash' and is ~= 'none' then
    return { BROKEN, off .. ' is a ' .. is .. ', it must be a hash' }
end

local result = { 0, '' }
for i = 2, #ARGV do
    local held = redis.call('HGET', off, ARGV[i]) or new
    local head, epoch, tail = string.match(held, '^(next=%-?%d+) epoch=(%d+) (.+)$')
    if not head or tonumber(epoch) + 1 >= EXACT then
        return { BROKEN, off .. ' ' .. ARGV[i] .. ' cannot be read' }
    end
    result[#result + 1] = ARGV[i]
    result[#result + 1] = string.format('%s epoch=%.0f %s', head, tonumber(epoch) + 1, (string.gsub(tail, ' idle=1 ', ' idle=0 ', 1)))
end
for i = 3, #result, 2 do
    redis.call('HSET', off, result[i], result[i + 1])
end
return result
