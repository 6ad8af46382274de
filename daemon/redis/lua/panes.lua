#!lua flags=no-writes
-- panes: contents of panes and the feed sequence they stand at, read in one step.
--
-- KEYS  1 cp:{s}:meta
-- ARGV  rests of pane keys
-- Result {code, detail, feed sequence, {field, value, ..}, {..}, ..}: one list per key, in their order; code 0 or 5.
local meta = KEYS[1]
local prefix = string.sub(meta, 1, -5)

if redis.call('TYPE', meta).ok ~= 'hash' then
    return { 5, meta .. ' is missing: the shard was emptied' }
end
local result = { 0, '', redis.call('HGET', meta, 'feed_seq') or '0' }
for i, rest in ipairs(ARGV) do
    local cells = redis.pcall('HGETALL', prefix .. rest)
    if cells.err then
        return { 5, prefix .. rest .. ' is no pane: ' .. cells.err }
    end
    result[i + 3] = cells
end
return result
