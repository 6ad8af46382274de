-- Redis as far as crmpulse uses it: one keyspace, the commands that its scripts and its store call, the rules under which scripts are refused. The
-- scripts are the real ones (daemon/redis/lua), run by the Lua that Redis uses. Errors are those of Redis where the daemon looks at them.
--
-- Every write is noted with its time; rewinding means making the keyspace again from the first notes. What must hold at each step (docs: tests/sim,
-- I1, I2, I6, I10) is looked at in `watch`, before and after the scripts, by other means than theirs.
local violation, expected_read, was_published, add_int64 = ...

local db, log, now_ms, writes, scripts, salt, told, running

local LIMIT_LISTPACK = 128

local function number_text(n)
    return type(n) == 'number' and string.format('%.17g', n) or n
end

local function find(key, kind)
    local e = db[key]
    if not e then
        return nil
    end
    local expire = e.expire
    if expire and expire <= now_ms then
        db[key] = nil
        return nil
    end
    if kind and e.kind ~= kind then
        error({ err = 'WRONGTYPE Operation against a key holding the wrong kind of value' })
    end
    return e
end

local function make(key, kind)
    local e = find(key, kind)
    if not e then
        e = { kind = kind, v = {}, n = 0 }
        db[key] = e
    end
    writes = writes + 1
    return e
end

local function drop_if_empty(key, e)
    if e.n == 0 then
        db[key] = nil
    end
end

local commands = {}

function commands.TYPE(key)
    local e = find(key)
    return { ok = e and e.kind or 'none' }
end

function commands.EXISTS(...)
    local n = 0
    for _, key in ipairs({ ... }) do
        n = n + (find(key) and 1 or 0)
    end
    return n
end

function commands.DEL(key)
    local e = find(key)
    writes = writes + 1
    db[key] = nil
    return e and 1 or 0
end

-- ---- strings

function commands.SET(key, value, unit, ttl)
    writes = writes + 1
    db[key] = { kind = 'string', v = number_text(value), n = 1, expire = unit and now_ms + tonumber(ttl) or nil }
    return { ok = 'OK' }
end

function commands.GETRANGE(key, first, last)
    local e = find(key, 'string')
    return e and string.sub(e.v, first + 1, last < 0 and last or last + 1) or ''
end

function commands.MGET(...)
    local result = { ... }
    for i = 1, #result do
        local e = find(result[i])
        result[i] = e and e.kind == 'string' and e.v or false
    end
    return result
end

function commands.PEXPIREAT(key, at)
    local e = find(key)
    writes = writes + 1
    if not e then
        return 0
    end
    e.expire = tonumber(at)
    find(key)
    return 1
end

function commands.PERSIST(key)
    local e = find(key)
    writes = writes + 1
    if e then
        e.expire = nil
    end
    return e and 1 or 0
end

-- ---- hashes

function commands.HGET(key, field)
    local e = find(key, 'hash')
    return e and e.v[field] or false
end

function commands.HMGET(key, ...)
    local e, result = find(key, 'hash'), { ... }
    local v = e and e.v or {}
    for i = 1, #result do
        result[i] = v[result[i]] or false
    end
    return result
end

function commands.HSET(key, ...)
    local e, args, added = make(key, 'hash'), { ... }, 0
    local v = e.v
    for i = 1, #args, 2 do
        local field, value = args[i], args[i + 1]
        field = type(field) == 'string' and field or number_text(field)
        if v[field] == nil then
            added = added + 1
        end
        v[field] = type(value) == 'string' and value or number_text(value)
    end
    e.n = e.n + added
    return added
end

function commands.HDEL(key, ...)
    local e, gone = find(key, 'hash'), 0
    writes = writes + 1
    for _, field in ipairs(e and { ... } or {}) do
        if e.v[field] ~= nil then
            e.v[field] = nil
            gone = gone + 1
        end
    end
    if e then
        e.n = e.n - gone
        drop_if_empty(key, e)
    end
    return gone
end

function commands.HINCRBY(key, field, by)
    local e = make(key, 'hash')
    local held = e.v[field]
    local sum = add_int64(held or '0', number_text(by))
    if not sum then
        error({ err = 'ERR increment or decrement would overflow' })
    end
    e.n = held and e.n or e.n + 1
    e.v[field] = sum
    return tonumber(sum)
end

function commands.HGETALL(key)
    local e, result, n = find(key, 'hash'), {}, 0
    for field, value in pairs(e and e.v or {}) do
        result[n + 1], result[n + 2] = field, value
        n = n + 2
    end
    return result
end

-- Whole, but for settle.lua, which asks once a call: of a large hash it gets a part of any size, and sees the rest in the end, for it moves what it got.
function commands.HSCAN(key)
    local e, result, n = find(key, 'hash'), {}, 0
    local most = running == 'settle' and e and e.n > LIMIT_LISTPACK and 1 + salt % e.n or math.huge
    for field, value in pairs(e and e.v or {}) do
        if n < 2 * most then
            result[n + 1], result[n + 2] = field, value
            n = n + 2
        end
    end
    return { '0', result }
end

-- Whole.
function commands.SCAN(cursor, _, pattern)
    local result, head = {}, string.sub(pattern, 1, -2)
    for key in pairs(db) do
        if string.sub(key, 1, #head) == head then
            result[#result + 1] = key
        end
    end
    table.sort(result)
    return { '0', result }
end

-- ---- sorted sets

local function score(text)
    return text == '+inf' and math.huge or text == '-inf' and -math.huge or tonumber(text)
end

function commands.ZADD(key, ...)
    local e, args = make(key, 'zset'), { ... }
    for i = 1, #args, 2 do
        e.n = e.v[args[i + 1]] and e.n or e.n + 1
        e.v[args[i + 1]] = score(args[i])
    end
    return 1
end

function commands.ZREM(key, ...)
    local e = find(key, 'zset')
    writes = writes + 1
    for _, member in ipairs(e and { ... } or {}) do
        e.n = e.v[member] and e.n - 1 or e.n
        e.v[member] = nil
    end
    if e then
        drop_if_empty(key, e)
    end
    return 1
end

function commands.ZREMRANGEBYSCORE(key, low, high)
    local e = find(key, 'zset')
    writes = writes + 1
    if not e then
        return 0
    end
    for member, is in pairs(e.v) do
        if is >= score(low) and is <= score(high) then
            e.v[member] = nil
            e.n = e.n - 1
        end
    end
    drop_if_empty(key, e)
    return 1
end

function commands.ZCARD(key)
    local e = find(key, 'zset')
    return e and e.n or 0
end

-- "(5": beyond 5
local function limit(text)
    return score((string.gsub(text, '^%(', ''))), string.sub(text, 1, 1) == '('
end

local function sorted(e, low, high)
    local result = {}
    local a, beyond_a = limit(low or '-inf')
    local b, beyond_b = limit(high or '+inf')
    for member, is in pairs(e and e.v or {}) do
        if (is > a or is == a and not beyond_a) and (is < b or is == b and not beyond_b) then
            result[#result + 1] = member
        end
    end
    table.sort(result, function(a, b)
        if e.v[a] ~= e.v[b] then
            return e.v[a] < e.v[b]
        end
        return a < b
    end)
    return result
end

function commands.ZCOUNT(key, low, high)
    return #sorted(find(key, 'zset'), low, high)
end

function commands.ZRANGEBYSCORE(key, low, high, _, from, count)
    local all, result = sorted(find(key, 'zset'), low, high), {}
    for i = tonumber(from or 0) + 1, math.min(#all, tonumber(from or 0) + tonumber(count or #all)) do
        result[#result + 1] = all[i]
    end
    return result
end

function commands.ZRANGE(key)
    return sorted(find(key, 'zset'))
end

-- ---- streams whose ids are "<sequence>-0"; v[first .. last] are the entries

local function sequence(id)
    return tonumber(string.match(id, '^%d+'))
end

function commands.XADD(key, id, ...)
    local e, seq = make(key, 'stream'), sequence(id)
    e.first, e.last_id = e.first or 1, e.last_id or 0
    if seq <= e.last_id then
        error({ err = 'ERR The ID specified in XADD is equal or smaller than the target stream top item' })
    end
    e.last_id = seq
    e.v[e.first + e.n] = { seq = seq, id = id, fields = { ... } }
    e.n = e.n + 1
    return id
end

function commands.XLEN(key)
    local e = find(key, 'stream')
    return e and e.n or 0
end

function commands.XTRIM(key, _, id)
    local e, gone, keep = find(key, 'stream'), 0, sequence(id)
    writes = writes + 1
    while e and e.n > 0 and e.v[e.first].seq < keep do
        e.v[e.first] = nil
        e.first, e.n, gone = e.first + 1, e.n - 1, gone + 1
    end
    return gone
end

function commands.XRANGE(key, from, _, _, count)
    local e, result = find(key, 'stream'), {}
    from, count = sequence(from), tonumber(count)
    local low, last = e and e.first or 1, e and e.first + e.n - 1 or 0
    local high = last + 1
    while low < high do
        local mid = math.floor((low + high) / 2)
        if e.v[mid].seq < from then
            low = mid + 1
        else
            high = mid
        end
    end
    for i = low, math.min(last, low + count - 1) do
        result[#result + 1] = { e.v[i].id, e.v[i].fields }
    end
    return result
end

function commands.XINFO(_, key)
    local e = find(key, 'stream')
    if not e then
        error({ err = 'ERR no such key' })
    end
    return { 'length', e.n, 'last-generated-id', string.format('%.0f-0', e.last_id) }
end

function commands.TIME()
    return { string.format('%d', math.floor(now_ms / 1000)), string.format('%d', now_ms % 1000 * 1000) }
end

function commands.INFO()
    return 'redis_version:7.0.15\r\nloading:0\r\nmaxmemory_policy:noeviction\r\nevicted_keys:0\r\nrole:master\r\n'
end

-- ---- what must hold: each has what was there before the script, and looks at what is there after it

local watch = {}

local function part_line(line)
    local next, epoch = string.match(line or '', '^next=(%-?%d+) epoch=(%d+) ')
    return tonumber(next), tonumber(epoch)
end

local function totals(line)
    local t = {}
    for name, value in string.gmatch(line, '(%a+)=(%d+)') do
        t[name] = tonumber(value)
    end
    return t
end

-- I1: a part of the flush follows exactly what was held, in the epoch that was held. I10: all that was read is accounted for, and it is all that there is.
watch.flush = {
    before = function(keys, argv)
        local held = {}
        for i = 0, tonumber(argv[3]) - 1 do
            local e = db[keys[2]]
            held[i] = e and e.v[argv[8 + 4 * i]]
        end
        return held
    end,
    after = function(keys, argv, held)
        local shard = tonumber(string.match(keys[1], '{(%d+)}'))
        for i = 0, tonumber(argv[3]) - 1 do
            local at = 8 + 4 * i
            local field, next, epoch = argv[at], part_line(held[i])
            if next ~= tonumber(argv[at + 2]) or epoch ~= tonumber(argv[at + 1]) then
                violation('I1: a flush of ' .. field .. ' follows next=' .. argv[at + 2] .. ' epoch=' .. argv[at + 1] .. ', held was ' .. tostring(held[i]))
            end
            local new_next = part_line(argv[at + 3])
            if not next or new_next < next then
                violation('I1: ' .. field .. ' goes back from ' .. tostring(held[i]) .. ' to ' .. argv[at + 3])
            end
            local t, was, more = totals(argv[at + 3]), totals(held[i] or ''), expected_read(shard, field, next or 0, new_next)
            if t.read ~= t.applied + t.duplicate + t.late + t.dead or t.read ~= (was.read or 0) + more then
                violation('I10: ' .. field .. ' of shard ' .. shard .. ' should have read ' .. more .. ' more: ' .. argv[at + 3])
            end
        end
    end,
}

-- Only the holder of the lease writes, and no transition is told twice. `outs` of a commit come after its operations.
watch.commit = {
    before = function(keys)
        return db[keys[2]] and db[keys[2]].v.epoch
    end,
    after = function(keys, argv, epoch)
        if epoch ~= argv[2] then
            violation('the commit of epoch ' .. argv[2] .. ' was taken, the lease has epoch ' .. tostring(epoch))
        end
        local at = 7
        for _ = 1, tonumber(argv[5]) do
            at = at + 3 + tonumber(argv[at + 2])
        end
        for _ = 1, tonumber(argv[6]) do
            local id = keys[1] .. argv[at + 2]
            if argv[at] == 'alerts' and told[id] then
                violation('the alert transition ' .. argv[at + 2] .. ' is told twice')
            end
            told[id] = told[id] or argv[at] == 'alerts'
            at = at + 5
        end
    end,
}

-- I6: what leaves the outbox is on its topic.
watch.outbox_trim = {
    before = function(keys, argv)
        local going = {}
        local e, keep = db[keys[2]], tonumber(argv[2])
        for i = e and e.first or 1, e and e.first + e.n - 1 or 0 do
            if e.v[i].seq >= keep then
                break
            end
            going[#going + 1] = e.v[i].fields
        end
        return { going = going, epoch = db[keys[1]] and db[keys[1]].v.epoch }
    end,
    after = function(_, argv, was)
        if was.epoch ~= argv[1] then
            violation('the outbox was trimmed in epoch ' .. argv[1] .. ', the lease has epoch ' .. tostring(was.epoch))
        end
        for _, fields in ipairs(was.going) do
            if not was_published(fields[2], fields[6]) then
                violation('I6: ' .. fields[2] .. ' ' .. fields[6] .. ' left the outbox and is not on its topic')
            end
        end
    end,
}

watch.settle = {
    before = function(keys)
        return db[keys[2]] and db[keys[2]].v.epoch
    end,
    after = function(_, argv, epoch)
        if epoch ~= argv[2] then
            violation('cells were settled in epoch ' .. argv[2] .. ', the lease has epoch ' .. tostring(epoch))
        end
    end,
}

-- ---- scripts

local redis = { acl_check_cmd = function() return true end }

function redis.call(name, ...)
    return commands[name](...)
end

function redis.pcall(name, ...)
    local ok, result = pcall(commands[name], ...)
    if not ok and type(result) ~= 'table' then
        error(result, 0)
    end
    return result
end

local function flags_of(text)
    local flags = string.match(text, '^#!lua flags=([%a,-]+)') or ''
    return { allow_oom = string.find(flags, 'allow-oom', 1, true) ~= nil, no_writes = string.find(flags, 'no-writes', 1, true) ~= nil }
end

local by_text = {}
local function load_script(name, text, sha)
    local script = by_text[text]
    if not script then
        local env = { redis = redis }
        local chunk = assert(loadstring(string.gsub(text, '^#![^\n]*', '', 1), '@' .. name))
        setmetatable(env, { __index = _G })
        setfenv(chunk, env)
        script = { name = name, run = chunk, env = env, flags = flags_of(text) }
        by_text[text] = script
    end
    scripts[sha] = script
end

-- Redis looks at these before the script runs: a script with a header is refused whole.
local function refused(script, mode)
    if mode == '' then
        return nil
    end
    local reads_only = script and script.flags.no_writes
    if string.find(mode, '^OOM') then
        return script and not script.flags.allow_oom and not reads_only
    end
    if string.find(mode, '^MISCONF') or string.find(mode, '^READONLY') or string.find(mode, '^NOREPLICAS') then
        return script and not reads_only
    end
    return true -- LOADING, BUSY
end

local function run_script(script, keys, argv, silent)
    local seen = watch[script.name]
    local before = seen and seen.before(keys, argv)
    local was = writes
    running = script.name
    script.env.KEYS, script.env.ARGV = keys, argv
    local ok, result = pcall(script.run)
    if not ok then
        local why = type(result) == 'table' and result.err or 'ERR ' .. tostring(result)
        violation((writes > was and 'I2: a script failed after its first write: ' or 'a script failed: ') .. script.name .. ': ' .. why)
        return { err = why }
    end
    local code = type(result[1]) == 'number' and result[1] or 0 -- orphans answers a list
    if code ~= 0 and writes > was then
        violation('I2: ' .. script.name .. ' says ' .. tostring(result[2]) .. ' and has written')
    end
    if code == 5 and not silent then
        violation(script.name .. ' finds the store broken: ' .. tostring(result[2]))
    end
    if seen and code == 0 then
        seen.after(keys, argv, before)
    end
    return result
end


local server = {}

function server.reset()
    db, log, scripts, told, writes, now_ms = {}, {}, {}, {}, 0, 0
end

function server.load(name, text, sha)
    load_script(name, text, sha)
end

function server.forget_scripts()
    scripts = {}
end

function server.evalsha(sha, keys, argv, at_ms, mode, new_salt)
    now_ms, salt = at_ms, new_salt
    local script, was = scripts[sha], writes
    if not script then
        return { err = 'NOSCRIPT No matching script.' }
    end
    if refused(script, mode) then
        return { err = mode }
    end
    local result = run_script(script, keys, argv, false)
    if writes > was then
        log[#log + 1] = { keys = keys, argv = argv, at_ms = at_ms, salt = salt, script = script }
    end
    return result
end

function server.execute(args, at_ms, mode, new_salt)
    now_ms, salt = at_ms, new_salt
    local name = args[1]
    if name ~= 'INFO' and refused(nil, mode) then
        return { err = mode }
    end
    local ok, result = pcall(commands[name], select(2, unpack(args)))
    if not ok then
        return type(result) == 'table' and result or { err = 'ERR ' .. tostring(result) }
    end
    return result
end

function server.log_length()
    return #log
end

-- The state after the first `keep` writes. Scripts are remembered by the notes, whatever Redis has loaded now.
function server.rewind(keep)
    local notes = log
    for i, note in ipairs(log) do -- an emptied shard is another fault, which daemons refuse
        keep = (note.script.name == 'open' or note.script.name == 'book') and math.max(keep, i) or keep
    end
    db, log, told, writes = {}, {}, {}, 0
    for i = 1, keep do
        local note = notes[i]
        now_ms, salt = note.at_ms, note.salt
        run_script(note.script, note.keys, note.argv, true)
        log[i] = note
    end
end

-- Messages that are still to be published, of shards 0 .. n - 1.
function server.untold(n)
    local sum = 0
    for i = 0, n - 1 do
        sum = sum + commands.XLEN('cp:{' .. i .. '}:outbox')
    end
    return sum
end

function server.hashes(prefix, each)
    for key, e in pairs(db) do
        if e.kind == 'hash' and string.sub(key, 1, #prefix) == prefix then
            for field, value in pairs(e.v) do
                each(key, field, value)
            end
        end
    end
end

return server
