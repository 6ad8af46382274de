#!lua flags=allow-oom
-- settle: moves parked cells whose hour has been judged into their ordinary cells, for the holder of the lease.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:lease  3 cp:{s}:panes; the panes are "cp:{s}:" .. the rest given
-- ARGV  1 layout version  2 lease epoch  3 rest of the parked key, "pane:<org>:f:<hour>"  4 "pane:<org>:"  5 expire_ms of minute panes
--       6 expire_ms of hour panes  7 fields to move at most, about
-- Result {code, detail}; code 0 (detail "more": call again), 1 (the lease is lost) or 5. Not 0: nothing was written.
--
-- A parked field is "<cause>|<grain>|<pane>|<field>". Cells are sums: moving a part of them in one step is as good as moving all.
local STALE, BROKEN = 1, 5
local meta, lease, panes = KEYS[1], KEYS[2], KEYS[3]
local prefix = string.sub(meta, 1, -5)
local parked, base = prefix .. ARGV[3], prefix .. ARGV[4]
local expire = { m = ARGV[5], h = ARGV[6], g = '0' }

for key, want in pairs({ [meta] = 'hash', [lease] = 'hash', [panes] = 'zset', [parked] = 'hash' }) do
    local is = redis.call('TYPE', key).ok
    if is ~= want and (is ~= 'none' or key == meta) then
        return { BROKEN, key .. ' is a ' .. is .. ', it must be a ' .. want }
    end
end
if redis.call('HGET', meta, 'layout') ~= ARGV[1] then
    return { BROKEN, meta .. ' has another layout' }
end
local epoch = redis.call('HGET', lease, 'epoch')
if epoch ~= ARGV[2] then
    return { STALE, 'the lease has epoch ' .. tostring(epoch) .. ', this is ' .. ARGV[2] }
end
for _, command in ipairs({ { 'HINCRBY', base, 'f', '1' }, { 'HDEL', parked, 'f' }, { 'HINCRBY', meta, 'settled', '1' }, { 'ZADD', panes, '0', 'm' }, { 'ZREM', panes, 'm' },
    { 'PEXPIREAT', base, '1' } }) do
    if not redis.acl_check_cmd(unpack(command)) then
        return { BROKEN, 'the redis user may not run ' .. command[1] .. ' on ' .. command[2] }
    end
end

local moves, n, seen = {}, 0, {}
local list = redis.call('HSCAN', parked, '0', 'COUNT', ARGV[7])[2]
for i = 1, #list, 2 do
    local field, value = list[i], list[i + 1]
    local grain, pane, cell = string.match(field, '^%-?%d+|([mhg])|(%-?%d+)|(.+)$')
    local is = grain and redis.call('TYPE', base .. grain .. ':' .. pane).ok
    if not grain or not string.find(value, '^%-?%d+$') or (is ~= 'hash' and is ~= 'none') then
        return { BROKEN, parked .. ' ' .. field .. ' cannot be moved' }
    end
    if not seen[field] then
        seen[field] = true
        n = n + 1
        moves[n] = { field, value, grain .. ':' .. pane, cell, grain }
    end
end

redis.call('HINCRBY', meta, 'settled', 1) -- readers of many panes see that something moved between them
local touched = {}
for i = 1, n do
    local move = moves[i]
    local key = base .. move[3]
    local added = redis.pcall('HINCRBY', key, move[4], move[2])
    if type(added) == 'table' then
        redis.pcall('HINCRBY', key, move[4] .. '!', 1) -- out of int64: not added, counted, as a flush does
    end
    redis.call('HDEL', parked, move[1])
    touched[move[3]] = move[5]
end
for rest, grain in pairs(touched) do
    redis.call('ZADD', panes, grain == 'g' and '+inf' or expire[grain], ARGV[4] .. rest)
    if grain ~= 'g' then
        redis.call('PEXPIREAT', base .. rest, expire[grain])
    end
end
if redis.call('EXISTS', parked) == 1 then
    return { 0, 'more' }
end
redis.call('ZREM', panes, ARGV[3])
return { 0, '' }
