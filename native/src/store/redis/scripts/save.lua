-- Writes a record over the version expected.
-- KEYS: credential. ARGV: expected version ('' for none), version, format, key, record, newest format known.
local stored = redis.call('HMGET', KEYS[1], 'version', 'record', 'format')
local version, record, format = stored[1], stored[2], stored[3]
if record ~= ARGV[5] then
  if (version or '') ~= ARGV[1] then return {'conflict', record} end
  if format and tonumber(format) > tonumber(ARGV[6]) then return {'newer'} end
end
-- Our own record is written again as well: the try that put it there may not have reached the replicas.
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'format', ARGV[3], 'key', ARGV[4], 'record', ARGV[5],
  'changed', string.format('%.0f', now[1] * 1000000 + now[2]))
redis.call('PERSIST', KEYS[1])
return {'saved'}
