-- Takes the lease if it is free, or if this very call took it before and its answer was lost.
-- KEYS: credential, lease. ARGV: milliseconds of the lease, claim, holder, milliseconds that the number of a credential
-- without a record stays. Busy: who, for how many milliseconds, and when the record was written last.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local number
local lease = redis.call('GET', KEYS[2])
if lease then
  local taken, since, span, claim, who = string.match(lease, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  local changed = redis.call('HGET', KEYS[1], 'changed')
  if not taken then return {'busy', 'something that is not tokenway', '0', changed} end
  if claim ~= ARGV[2] then
    -- Longer than it was taken for: the clock went back, and no time has passed.
    local left = redis.call('PTTL', KEYS[2])
    if left < 0 or left > tonumber(span) then redis.call('PEXPIRE', KEYS[2], span) end
    return {'busy', who, text(math.max(0, now - since)), changed}
  end
  number = taken
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
local stored = redis.call('HMGET', KEYS[1], 'number', 'ledger', 'noted', 'record')
if not number then
  -- Never less than the clock's microseconds, so that the numbers go on from where they were when the last one is lost.
  number = text(math.max(time[1] * 1000000 + time[2], (tonumber(stored[1]) or 0) + 1))
  redis.call('HSET', KEYS[1], 'number', number)
  redis.call('SET', KEYS[2], table.concat({number, text(now), ARGV[1], ARGV[2], ARGV[3]}, ' '), 'PX', ARGV[1])
  if not stored[4] then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
end
local age = 0
if stored[2] then
  age = now - (tonumber(stored[3]) or now)
  if age < 0 then
    -- The clock went back: no time has passed, and the waits end in the new time.
    redis.call('HSET', KEYS[1], 'noted', text(now))
    age = 0
  end
end
return {'locked', number, text(age), stored[2]}
