#!lua flags=allow-oom
-- clean: deletes the names of somebody whose erasure is final from panes, where his cells hold 0, and his revision counters and marks of change from the
-- state; for the holder of the lease.
--
-- KEYS  1 cp:{s}:meta  2 cp:{s}:lease  3 cp:{s}:state
-- ARGV  1 layout version  2 lease epoch  3 what fields of the state of his org begin with ("<org>/")  4 his names, a line each ("rep:<id>")  5.. rests of
--       keys of panes
-- Result {code, detail}; code 0, 1 (the lease is lost) or 5. A cell that does not hold 0 stays, unless it only tells of the past.
local STALE, BROKEN = 1, 5
local meta, lease, state = KEYS[1], KEYS[2], KEYS[3]
local prefix = string.sub(meta, 1, -5)
if redis.call('HGET', meta, 'layout') ~= ARGV[1] then
    return { BROKEN, meta .. ' has another layout' }
end
local epoch = redis.call('HGET', lease, 'epoch')
if epoch ~= ARGV[2] then
    return { STALE, 'the lease has epoch ' .. tostring(epoch) .. ', this is ' .. ARGV[2] }
end

local names, counters, marks = {}, {}, {}
for name in string.gmatch(ARGV[4], '[^\n]+') do
    local subject = string.gsub(name, ':', '|', 1)
    names[name] = true
    counters[#counters + 1] = '|' .. subject .. '|'
    marks[ARGV[3] .. 'chg|' .. subject] = true
    marks[ARGV[3] .. 'snc|' .. subject] = true
end

local function his_cell(field, value)
    local name = string.match(field, '^([^|]*)|') or ''
    local past = string.find(field, '.moved#', 1, true) -- what was, not what stands
    return names[name] and (value == '0' or past or string.sub(field, -1) == '!')
end

local function his_counter(field)
    local kind = string.sub(field, 1, #ARGV[3] + 4)
    if kind ~= ARGV[3] .. 'rev|' and kind ~= ARGV[3] .. 'rvc|' then
        return marks[field]
    end
    for _, text in ipairs(counters) do
        if string.find(field, text, 1, true) then
            return true
        end
    end
    return false
end

local function clean(key, is_his)
    local cursor = '0'
    repeat
        local found = redis.call('HSCAN', key, cursor, 'COUNT', 1000)
        local list = found[2]
        cursor = found[1]
        for i = 1, #list, 2 do
            if is_his(list[i], list[i + 1]) then
                redis.call('HDEL', key, list[i])
            end
        end
    until cursor == '0'
end

for i = 5, #ARGV do
    if redis.call('TYPE', prefix .. ARGV[i]).ok == 'hash' then
        clean(prefix .. ARGV[i], his_cell)
    end
end
if redis.call('TYPE', state).ok == 'hash' then
    clean(state, his_counter)
end
return { 0, '' }
