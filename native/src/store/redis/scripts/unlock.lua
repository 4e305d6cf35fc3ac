-- Gives back the lease of that number, or of that claim if its number was never heard.
-- KEYS: lease. ARGV: number, claim.
local lease = redis.call('GET', KEYS[1])
if not lease then return {'lost'} end
local number, claim = string.match(lease, '^(%d+) %d+ %d+ (%S+) ')
if number ~= ARGV[1] and claim ~= ARGV[2] then return {'lost'} end
redis.call('DEL', KEYS[1])
return {'unlocked'}
