#!lua
-- flush: applies one batch of a shard, or nothing.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:off  3 cp:{s}:feed  4 cp:{s}:outbox  5 cp:{s}:panes; records and panes are "cp:{s}:" .. the rest given
-- ARGV  1 layout version  2 outbox_max (entries, 0 = no limit)  3 parts  4 records  5 outs  6 groups  7 feed entry ("" = none)
--       a part   (4): field of `off`, epoch, next the store must hold, new value of the field
--       a record (5): rest of the key, 8-byte version it must have ("" = absent), what to do (check, keep, set, del, wait, done, late), bytes, ttl_ms
--                (0 = never; for keep, a check that lets it live on as if it were written: from now; for wait: the event time until which it waits). A correction without its target waits (set, and listed in cp:{s}:orphans; an erasure
--                that is not final yet likewise, in cp:{s}:erasures)
--                until it is done, or late: given up, and counted in meta.
--       an out   (5): topic, key, id, type, payload
--       a group  (3 + 2 n): rest of a pane's key, expire_ms (0 = never), n, n fields, n integers to add; no field comes twice
-- Result {code, detail, overflowed cells}; code: 0 applied, 1 stale, 2 record conflict, 4 busy (outbox full), 5 broken. Not 0: nothing was written.
--
-- A script is not rolled back, so all that can fail is looked at before the first write; the header line makes Redis refuse the whole
-- script when it is out of memory, read-only or cannot save. Sums below 2^53 are exact in Lua and go out as one HSET per thousands of
-- fields; larger ones take HINCRBY. A sum at or beyond 2^63 - 16384 is not added: the field `<field>!` counts how often that happened.
local STALE, CONFLICT, BUSY, BROKEN = 1, 2, 4, 5
local EXACT = 9007199254740992
local LIMIT = 9223372036854759424
local CHUNK = 3000 -- fields per command: unpack() and the Lua stack end near 8000

local meta, off, feed, outbox, panes = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local prefix = string.sub(meta, 1, -5)
local orphans, erasures = prefix .. 'orphans', prefix .. 'erasures'
local outbox_max = tonumber(ARGV[2])
local n_parts, n_records, n_outs, n_groups = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local parts_at = 8
local records_at = parts_at + 4 * n_parts
local outs_at = records_at + 5 * n_records
local groups_at = outs_at + 5 * n_outs

local function id_of(seq)
    return string.format('%.0f-0', seq)
end

local function check_permissions()
    local needed = {
        { 'XADD', feed, '1-0', 'd', '' }, { 'XADD', outbox, '1-0', 'd', '' }, { 'HSET', off, 'f', 'v' }, { 'ZADD', panes, '0', 'm' },
        { 'ZREMRANGEBYSCORE', panes, '0', '0' }, { 'HSET', prefix .. 'pane:', 'f', 'v' }, { 'HINCRBY', prefix .. 'pane:', 'f', '1' },
        { 'PEXPIREAT', prefix .. 'pane:', '1' }, { 'PERSIST', prefix .. 'pane:' }, { 'HDEL', prefix .. 'pane:', 'f' }, { 'SET', prefix .. 'ent:', 'v' }, { 'DEL', prefix .. 'ent:' },
        { 'EXISTS', prefix .. 'ent:' },
    }
    for _, command in ipairs(needed) do
        if not redis.acl_check_cmd(unpack(command)) then
            return { BROKEN, 'the redis user may not run ' .. command[1] .. ' on ' .. command[2] }
        end
    end
end

local function check_types()
    for key, want in pairs({ [meta] = 'hash', [off] = 'hash', [feed] = 'stream', [outbox] = 'stream', [panes] = 'zset', [orphans] = 'zset', [erasures] = 'zset' }) do
        local is = redis.call('TYPE', key).ok
        if is ~= want and (is ~= 'none' or key == meta) then
            return { BROKEN, key .. ' is a ' .. is .. ', it must be a ' .. want }
        end
    end
end

local feed_seq, outbox_seq
local function check_meta()
    local held = redis.call('HMGET', meta, 'layout', 'feed_seq', 'outbox_seq', 'orphans_late')
    if held[4] and not (string.find(held[4], '^%d+$') and #held[4] < 16) then
        return { BROKEN, meta .. ' counts orphans with ' .. held[4] }
    end
    if held[1] ~= ARGV[1] then
        return { BROKEN, meta .. ' has layout ' .. tostring(held[1]) .. ', this program writes ' .. ARGV[1] }
    end
    feed_seq, outbox_seq = tonumber(held[2] or '0'), tonumber(held[3] or '0')
    if not feed_seq or not outbox_seq or feed_seq % 1 ~= 0 or outbox_seq % 1 ~= 0 or feed_seq < 0 or outbox_seq < 0 then
        return { BROKEN, meta .. ' holds a sequence that is no number' }
    end
    if feed_seq + n_outs + 1 >= EXACT or outbox_seq + n_outs + 1 >= EXACT then
        return { BROKEN, meta .. ' holds a sequence that is out of range' }
    end
end

-- An entry of a foreign writer would make XADD fail: the outbox is asked for its last id here, the feed's XADD is the first write.
local function check_outbox()
    local length = redis.call('XLEN', outbox)
    if outbox_max > 0 and length >= outbox_max then
        return { BUSY, 'the outbox holds ' .. length .. ' entries' }
    end
    local info = n_outs > 0 and redis.pcall('XINFO', 'STREAM', outbox) or {}
    for i = 1, #info, 2 do
        if info[i] == 'last-generated-id' and tonumber(string.match(info[i + 1], '^%d+')) > outbox_seq then
            return { BROKEN, outbox .. ' ends with ' .. info[i + 1] .. ', ' .. meta .. ' knows ' .. id_of(outbox_seq) }
        end
    end
end

local function check_parts()
    for at = parts_at, records_at - 1, 4 do
        local held = redis.call('HGET', off, ARGV[at])
        if not held then
            return { STALE, ARGV[at] .. ' is not claimed' }
        end
        local has_next, has_epoch = string.match(held, '^next=(%-?%d+) epoch=(%d+) ')
        if not has_next then
            return { BROKEN, off .. ' ' .. ARGV[at] .. ' cannot be read' }
        end
        if has_epoch ~= ARGV[at + 1] or has_next ~= ARGV[at + 2] then
            return { STALE, ARGV[at] .. ' holds next=' .. has_next .. ' epoch=' .. has_epoch .. ', the flush follows next=' .. ARGV[at + 2]
                .. ' epoch=' .. ARGV[at + 1] }
        end
    end
end

-- Most records of a busy flush are new. One command asks for many of them; only if some key is there each is looked at.
local function all_absent(keys)
    for from = 1, #keys, CHUNK do
        if redis.call('EXISTS', unpack(keys, from, math.min(from + CHUNK - 1, #keys))) > 0 then
            return false
        end
    end
    return true
end

local function check_records()
    local fresh, n, conflict = {}, 0, nil
    for at = records_at, outs_at - 1, 5 do
        if ARGV[at + 1] == '' then
            n = n + 1
            fresh[n] = prefix .. ARGV[at]
        end
    end
    local absent = all_absent(fresh)
    for at = records_at, outs_at - 1, 5 do
        if ARGV[at + 1] ~= '' or not absent then
            local head = redis.pcall('GETRANGE', prefix .. ARGV[at], 0, 7)
            if type(head) == 'table' or (#head ~= 0 and #head ~= 8) then
                return { BROKEN, prefix .. ARGV[at] .. ' is no record' }
            end
            if head ~= ARGV[at + 1] then
                conflict = conflict or { CONFLICT, ARGV[at] .. ' was changed by another' }
            end
        end
    end
    return conflict
end

-- sums[i]: what becomes of the i-th cell: a number to store, true for HINCRBY, or {n}: overflow number n, to be counted.
local sums, n_sums, overflowed = {}, 0, 0
local function large_sum(key, field, held, sum)
    if held and (not string.find(held, '^%-?[1-9]%d*$') and held ~= '0' or math.abs(tonumber(held)) >= LIMIT) then
        return nil
    end
    if math.abs(sum) < LIMIT then
        return true
    end
    local count = redis.call('HGET', key, field .. '!') or '0'
    overflowed = overflowed + 1
    return string.find(count, '^%d+$') and { tonumber(count) + 1 } or nil
end

local function cell_sum(key, field, held, delta)
    if held and not string.find(held, '^%-?%d+$') then
        return nil
    end
    local a, b = held and tonumber(held) or 0, tonumber(delta)
    local sum = a + b
    if math.abs(a) < EXACT and math.abs(b) < EXACT and math.abs(sum) < EXACT then
        return sum
    end
    return large_sum(key, field, held, sum)
end

local function check_group(at)
    local key, n = prefix .. ARGV[at], tonumber(ARGV[at + 2])
    local field, value = at + 3, at + 3 + n
    for from = 0, n - 1, CHUNK do
        local to = math.min(from + CHUNK, n) - 1
        local held = redis.pcall('HMGET', key, unpack(ARGV, field + from, field + to))
        if held.err then
            return { BROKEN, key .. ' is no pane: ' .. held.err }
        end
        for i = from, to do
            local sum = cell_sum(key, ARGV[field + i], held[i - from + 1], ARGV[value + i])
            if sum == nil then
                return { BROKEN, key .. ' ' .. ARGV[field + i] .. ' is no integer' }
            end
            n_sums = n_sums + 1
            sums[n_sums] = sum
        end
    end
end

local function check_groups()
    local at = groups_at
    for _ = 1, n_groups do
        local bad = check_group(at)
        if bad then
            return bad
        end
        at = at + 3 + 2 * tonumber(ARGV[at + 2])
    end
end

local function write_outs()
    for at = outs_at, groups_at - 1, 5 do
        outbox_seq = outbox_seq + 1
        redis.call('XADD', outbox, id_of(outbox_seq), 'topic', ARGV[at], 'key', ARGV[at + 1], 'id', ARGV[at + 2], 'type', ARGV[at + 3],
            'payload', ARGV[at + 4])
    end
end

local function write_orphan(rest, verb, bytes, due)
    local list = string.sub(rest, 1, 10) == 'ent:final:' and erasures or orphans
    if verb == 'wait' then
        redis.call('SET', prefix .. rest, bytes)
        redis.call('ZADD', list, due, rest)
        return
    end
    redis.call('DEL', prefix .. rest)
    redis.call('ZREM', list, rest)
    if verb == 'late' then
        redis.call('HINCRBY', meta, 'orphans_late', 1)
    end
end

local function now_ms()
    local now = redis.call('TIME')
    return now[1] * 1000 + math.floor(now[2] / 1000)
end

local function write_records()
    for at = records_at, outs_at - 1, 5 do
        local key, verb = prefix .. ARGV[at], ARGV[at + 2]
        if verb == 'wait' or verb == 'done' or verb == 'late' then
            write_orphan(ARGV[at], verb, ARGV[at + 3], ARGV[at + 4])
        elseif verb == 'del' then
            redis.call('DEL', key)
        elseif verb == 'keep' then
            redis.call('PEXPIREAT', key, string.format('%.0f', now_ms() + tonumber(ARGV[at + 4])))
        elseif verb == 'set' and ARGV[at + 4] == '0' then
            redis.call('SET', key, ARGV[at + 3])
        elseif verb == 'set' then
            redis.call('SET', key, ARGV[at + 3], 'PX', ARGV[at + 4])
        end
    end
end

local done = 0
local function write_group(at)
    local key, n = prefix .. ARGV[at], tonumber(ARGV[at + 2])
    local parked = string.find(ARGV[at], '^pane:[^:]*:f:') ~= nil -- what cancelled out while it waited never was
    local field, value = at + 3, at + 3 + n
    local args, m = {}, 0
    for i = 0, n - 1 do
        local sum = sums[done + i + 1]
        if sum == true then
            redis.call('HINCRBY', key, ARGV[field + i], ARGV[value + i])
        elseif type(sum) == 'table' then
            redis.call('HSET', key, ARGV[field + i] .. '!', sum[1])
        elseif parked and sum == 0 then
            redis.call('HDEL', key, ARGV[field + i])
        else
            args[m + 1], args[m + 2] = ARGV[field + i], sum
            m = m + 2
        end
        if m >= 2 * CHUNK or (i == n - 1 and m > 0) then
            redis.call('HSET', key, unpack(args, 1, m))
            m = 0
        end
    end
    done = done + n
    return key
end

local function write_groups()
    local at = groups_at
    for _ = 1, n_groups do
        local key, expire = write_group(at), ARGV[at + 1]
        redis.call('ZADD', panes, expire == '0' and '+inf' or expire, ARGV[at])
        if expire == '0' then
            redis.call('PERSIST', key)
        else
            redis.call('PEXPIREAT', key, expire)
        end
        at = at + 3 + 2 * tonumber(ARGV[at + 2])
    end
    if n_groups > 0 then
        redis.call('ZREMRANGEBYSCORE', panes, '-inf', string.format('%.0f', now_ms()))
    end
end

for _, check in ipairs({ check_permissions, check_types, check_meta, check_outbox, check_parts, check_records, check_groups }) do
    local bad = check()
    if bad then
        return bad
    end
end

if ARGV[7] ~= '' then
    feed_seq = feed_seq + 1
    local added = redis.pcall('XADD', feed, id_of(feed_seq), 'd', ARGV[7])
    if type(added) == 'table' then
        return { BROKEN, feed .. ' cannot take ' .. id_of(feed_seq) .. ': ' .. added.err }
    end
end
write_outs()
write_records()
write_groups()
for at = parts_at, records_at - 1, 4 do
    redis.call('HSET', off, ARGV[at], ARGV[at + 3])
end
redis.call('HSET', meta, 'feed_seq', string.format('%.0f', feed_seq), 'outbox_seq', string.format('%.0f', outbox_seq))
return { 0, '', overflowed }
