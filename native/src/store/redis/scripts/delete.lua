-- Removes record and ledger of the version expected. The last number of a lease stays for a while.
-- KEYS: credential. ARGV: expected version, milliseconds that the number stays.
local stored = redis.call('HMGET', KEYS[1], 'version', 'record')
if stored[2] and stored[1] ~= ARGV[1] then return {'conflict', stored[2]} end
redis.call('HDEL', KEYS[1], 'version', 'format', 'key', 'record', 'changed', 'ledger', 'noted')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'deleted'}
