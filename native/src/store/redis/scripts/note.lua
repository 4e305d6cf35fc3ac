-- Writes the ledger under the lease, which begins anew.
-- KEYS: credential, lease. ARGV: number of the lease, milliseconds of the lease, ledger.
local lease = redis.call('GET', KEYS[2])
if not lease or string.match(lease, '^%d+') ~= ARGV[1] then return {'lost'} end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'ledger', ARGV[3], 'noted', now)
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'noted'}
