#!lua flags=allow-oom
-- commit: writes the evaluator's views and outbox entries and lets go of feed entries, for the holder of the lease; or nothing.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:lease  3 cp:{s}:feed  4 cp:{s}:outbox; the operations' keys are "cp:{s}:" .. the rest given
-- ARGV  1 layout version  2 lease epoch  3 outbox_max (entries, 0 = no limit)  4 first feed sequence to keep ("0" = all)  5 operations  6 outs
--       an operation (3 + n): command, rest of the key, n, n arguments        an out (5): topic, key, id, type, payload
-- Result {code, detail}; code 0, 1 (the lease is lost), 4 (the outbox is full) or 5. Not 0: nothing was written.
--
-- May run out of memory's bounds (allow-oom): taking in what the feed holds, and dropping it, is what makes room again.
-- Types are followed through the operations, so that DEL of a hash and ZADD to the same key is accepted and HSET and ZADD to one is not.
local STALE, BUSY, BROKEN = 1, 4, 5
local EXACT = 9007199254740992
local CHUNK = 6000 -- arguments per command, even

local meta, lease, feed, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix = string.sub(meta, 1, -5)
local n_ops, n_outs = tonumber(ARGV[5]), tonumber(ARGV[6])
local ops_at = 7
local outs_at -- found by check_ops

local function is_score(text)
    local number = tonumber(text)
    return number and math.abs(number) ~= math.huge and string.find(text, '^[%d%.eE+-]+$')
end

local function all_scores(first, last)
    for i = first, last, 2 do
        if not is_score(ARGV[i]) then
            return false
        end
    end
    return true
end

-- needs: type of the key ('' = any); leaves: its type after; fits(n, first, last): may these arguments come.
local function pairs_only(n)
    return n >= 2 and n % 2 == 0
end
local function some(n)
    return n >= 1
end
local COMMANDS = {
    HSET = { needs = 'hash', leaves = 'hash', fits = pairs_only },
    HDEL = { needs = 'hash', fits = some },
    ZADD = { needs = 'zset', leaves = 'zset', fits = function(n, first, last) return pairs_only(n) and all_scores(first, last) end },
    ZREM = { needs = 'zset', fits = some },
    PEXPIREAT = { needs = '', fits = function(n, first) return n == 1 and #ARGV[first] <= 18 and string.find(ARGV[first], '^%d+$') end },
    DEL = { needs = '', leaves = 'none', fits = function(n) return n == 0 end },
}
local RESERVED = { off = true, meta = true, lease = true, feed = true, outbox = true, panes = true, ent = true, pane = true }

local types = {}
local function check_op(at)
    local command, key, n = COMMANDS[ARGV[at]], prefix .. ARGV[at + 1], tonumber(ARGV[at + 2])
    local what = ARGV[at] .. ' ' .. key
    if not command or not command.fits(n, at + 3, at + 2 + n) or RESERVED[string.match(ARGV[at + 1], '^[^:]*')] then
        return { BROKEN, 'a commit may not do ' .. what .. ' with these ' .. n .. ' arguments' }
    end
    local is = types[key] or redis.call('TYPE', key).ok
    if command.needs ~= '' and is ~= 'none' and is ~= command.needs then
        return { BROKEN, what .. ': the key is a ' .. is }
    end
    if not redis.acl_check_cmd(ARGV[at], key, unpack(ARGV, at + 3, at + 2 + math.min(n, 2))) then
        return { BROKEN, 'the redis user may not do ' .. what }
    end
    types[key] = command.leaves or is
end

local function check_ops()
    local at = ops_at
    for _ = 1, n_ops do
        local bad = check_op(at)
        if bad then
            return bad
        end
        at = at + 3 + tonumber(ARGV[at + 2])
    end
    outs_at = at
end

local function check_lease()
    for key, want in pairs({ [meta] = 'hash', [lease] = 'hash', [feed] = 'stream', [outbox] = 'stream' }) do
        local is = redis.call('TYPE', key).ok
        if is ~= want and (is ~= 'none' or key == meta) then
            return { BROKEN, key .. ' is a ' .. is .. ', it must be a ' .. want }
        end
    end
    local epoch = redis.call('HGET', lease, 'epoch')
    if epoch ~= ARGV[2] then
        return { STALE, 'the lease has epoch ' .. tostring(epoch) .. ', this is ' .. ARGV[2] }
    end
end

local outbox_seq
local function check_meta()
    local held = redis.call('HMGET', meta, 'layout', 'outbox_seq')
    outbox_seq = tonumber(held[2] or '0')
    if held[1] ~= ARGV[1] or not outbox_seq or outbox_seq % 1 ~= 0 or outbox_seq + n_outs + 1 >= EXACT then
        return { BROKEN, meta .. ' has another layout or no sequence' }
    end
end

local function check_outbox()
    if n_outs == 0 then
        return nil
    end
    local length, outbox_max = redis.call('XLEN', outbox), tonumber(ARGV[3])
    if outbox_max > 0 and length >= outbox_max then
        return { BUSY, 'the outbox holds ' .. length .. ' entries' }
    end
    if not redis.acl_check_cmd('XADD', outbox, '1-0', 'd', '') then
        return { BROKEN, 'the redis user may not run XADD on ' .. outbox }
    end
    local info = redis.pcall('XINFO', 'STREAM', outbox)
    for i = 1, #info, 2 do
        if info[i] == 'last-generated-id' and tonumber(string.match(info[i + 1], '^%d+')) > outbox_seq then
            return { BROKEN, outbox .. ' ends with ' .. info[i + 1] .. ', ' .. meta .. ' knows ' .. string.format('%.0f', outbox_seq) }
        end
    end
end

for _, check in ipairs({ check_lease, check_meta, check_outbox, check_ops }) do
    local bad = check()
    if bad then
        return bad
    end
end

local at = ops_at
for _ = 1, n_ops do
    local key, n = prefix .. ARGV[at + 1], tonumber(ARGV[at + 2])
    local first, last = at + 3, at + 2 + n
    if n == 0 then
        redis.call(ARGV[at], key)
    end
    for from = first, last, CHUNK do
        redis.call(ARGV[at], key, unpack(ARGV, from, math.min(from + CHUNK - 1, last)))
    end
    at = last + 1
end
for out = outs_at, outs_at + 5 * (n_outs - 1), 5 do
    outbox_seq = outbox_seq + 1
    redis.call('XADD', outbox, string.format('%.0f-0', outbox_seq), 'topic', ARGV[out], 'key', ARGV[out + 1], 'id', ARGV[out + 2],
        'type', ARGV[out + 3], 'payload', ARGV[out + 4])
end
if n_outs > 0 then
    redis.call('HSET', meta, 'outbox_seq', string.format('%.0f', outbox_seq))
end
if ARGV[4] ~= '0' then
    redis.call('XTRIM', feed, 'MINID', ARGV[4] .. '-0')
end
return { 0, '' }
