-- The lease begins anew, if it is still held. Works when Redis has no memory left for writes.
-- KEYS: lease. ARGV: number of the lease, milliseconds of the lease.
local lease = redis.call('GET', KEYS[1])
if not lease or string.match(lease, '^%d+') ~= ARGV[1] then return {'lost'} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'renewed'}
