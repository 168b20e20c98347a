package journal

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts by SHA-1
	"encoding/hex"
)

// Script is a Lua script and the name EVALSHA knows it by.
type Script struct{ Text, SHA string }

func newScript(text string) Script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
	return Script{Text: text, SHA: hex.EncodeToString(sum[:])}
}

// prelude is shared by the scripts that write the journal. The first seven KEYS are always dn:journal, dn:late,
// dn:cards, dn:floor, dn:cursors, dn:marks:<peer> and dn:epoch; the series keys follow. Scores go through
// string.format, because Lua writes a number with 14 digits only and a µs score has 16.
const prelude = `
local floor = redis.call('GET', KEYS[4]) or ''
local time = redis.call('TIME')
local last = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '0')
local function tick()
  last = math.max(last + 1, time[1] * 1000000 + time[2])
  return string.format('%.0f', last)
end
local lateLast
local function late(key, hour)
  lateLast = lateLast or tonumber(redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or '0')
  lateLast = math.max(lateLast + 1, time[1] * 1000000 + time[2])
  local days = math.floor(hour / 24)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local d = doy - math.floor((153 * mp + 2) / 5) + 1
  local m = mp < 10 and mp + 3 or mp - 9
  local y = yoe + era * 400 + (m <= 2 and 1 or 0)
  local name = string.format('%s#%04d-%02d-%02dT%02d', key, y, m, d, hour % 24)
  redis.call('ZADD', KEYS[2], string.format('%.0f', lateLast), name)
end
local function dropped(key) return string.sub(key, 1, #floor) < floor end
local function newest(key)
  return redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
end
`

// Unite adds points. ARGV: the peer ("" = local), its cursor ("" = leave it, "-" = forget peer and marks), the epoch
// that the caller saw last, then per key: its mark ("" = leave it), the number of points, and score and member of
// each. It answers the number of points added per key, and at the end 1 if the cursor was kept, else 0: after a
// FLUSHALL (another epoch, or none) a cursor from before would hide that everything is gone.
// The newest timestamp counts as it was before the batch: whoever has never seen a key takes all of it.
// Members of equal score are added in one ZADD each, at most 500 at a time (Lua's stack is limited).
var Unite = newScript(prelude + `
local out, a = {}, 4
for k = 8, #KEYS do
  local key, mark, n = KEYS[k], ARGV[a], tonumber(ARGV[a + 1])
  local first = a + 2
  a = first + 2 * n
  local added = 0
  if n > 0 and not dropped(key) then
    local top = newest(key)
    local below = top and tonumber(top) - 60
    local hours = {}
    local i = first
    while i < a do
      local s = tonumber(ARGV[i])
      if below and s < below then
        if redis.call('ZADD', key, 'NX', ARGV[i], ARGV[i + 1]) == 1 then
          added = added + 1
          hours[math.floor(s / 3600)] = true
        end
        i = i + 2
      else
        local batch = {}
        while i < a and #batch < 500 and not (below and tonumber(ARGV[i]) < below) do
          batch[#batch + 1] = ARGV[i]
          batch[#batch + 1] = ARGV[i + 1]
          i = i + 2
        end
        added = added + redis.call('ZADD', key, 'NX', unpack(batch))
      end
    end
    if added > 0 then
      redis.call('ZADD', KEYS[1], tick(), key)
      for hour in pairs(hours) do late(key, hour) end
      local card = redis.call('HGET', KEYS[3], key)
      local count = card and tonumber(string.match(card, '^%d+')) or 0
      redis.call('HSET', KEYS[3], key, string.format('%.0f', count + added) .. ' ' .. newest(key) .. ' -1')
    end
  end
  out[#out + 1] = added
end
local kept = 0
if ARGV[1] ~= '' then
  if ARGV[2] == '-' then
    redis.call('HDEL', KEYS[5], ARGV[1])
    redis.call('DEL', KEYS[6])
    kept = 1
  elseif redis.call('GET', KEYS[7]) == ARGV[3] then
    a = 4
    for k = 8, #KEYS do
      if ARGV[a] ~= '' and not dropped(KEYS[k]) then redis.call('HSET', KEYS[6], KEYS[k], ARGV[a]) end
      a = a + 2 + 2 * tonumber(ARGV[a + 1])
    end
    if ARGV[2] ~= '' then redis.call('HSET', KEYS[5], ARGV[1], ARGV[2]) end
    kept = 1
  end
end
out[#out + 1] = kept
return out
`)

// Adopt finds what writers added to keys without the script and journals it. dn:cards tells how many members of a key
// are journalled, the newest score among them, and how many lay in its last 60 s (-1 = not known). The difference to
// ZCARD is what nobody journalled. A peer may have seen any of it already, and with it a newest timestamp that no
// journal knew: so whatever can lie more than 60 s below the newest member of now is late, and all its hours are
// named that may hold it. Of a key that stood in no journal peers have seen nothing. It answers the number of members
// found per key.
var Adopt = newScript(prelude + `
local out = {}
for k = 8, #KEYS do
  local key, found = KEYS[k], 0
  local card = redis.call('ZCARD', key)
  local known, top, tail
  local seen = redis.call('HGET', KEYS[3], key)
  if seen then known, top, tail = string.match(seen, '^(%d+) (%S+) (%S+)$') end
  known = tonumber(known or '0')
  if card ~= known and not dropped(key) then
    local now = newest(key)
    if card > known then
      found = card - known
      local from = redis.call('ZSCORE', KEYS[1], key) and 0 or tonumber(now)
      redis.call('ZADD', KEYS[1], tick(), key)
      if top then
        local above = redis.call('ZCOUNT', key, '(' .. top, '+inf')
        local low = string.format('%.17g', tonumber(top) - 60)
        if above == found then
          from = tonumber(top) + 0.0005
        elseif tonumber(tail) >= 0 then
          local inside = redis.call('ZCOUNT', key, low, top) - tonumber(tail)
          from = above + inside == found and tonumber(top) - 60 or 0
        else
          from = 0
        end
      end
      local till = tonumber(now) - 60
      if from < till and redis.call('ZCOUNT', key, from, string.format('(%.17g', till)) > 0 then
        local first = math.floor(tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) / 3600)
        for hour = math.max(first, math.floor(from / 3600)), math.floor(till / 3600) do
          local last = string.format('(%.4f', hour * 3600 + 3599.9995)
          if redis.call('ZCOUNT', key, hour * 3600 - 0.0005, last) > 0 then late(key, hour) end
        end
      end
    end
    if card == 0 then
      redis.call('HDEL', KEYS[3], key)
    else
      local count = redis.call('ZCOUNT', key, string.format('%.17g', tonumber(now) - 60), now)
      redis.call('HSET', KEYS[3], key, card .. ' ' .. now .. ' ' .. count)
    end
  end
  out[#out + 1] = found
end
return out
`)

// HourSums gives the SHA-1 over the members between two scores, each followed by a line feed, per key; "" where there
// are none. A member beyond the strictest ASCII reading of the grammar, or with a score that is not its timestamp,
// makes the answer "?": then the caller computes it. KEYS: the series keys. ARGV: the two scores.
var HourSums = newScript(`
local out = {}
for k = 1, #KEYS do
  local z = redis.call('ZRANGEBYSCORE', KEYS[k], ARGV[1], ARGV[2], 'WITHSCORES')
  local members, plain = {}, true
  for i = 1, #z, 2 do
    local ts, value = string.match(z[i], '^([%d%.]+):([\32-\126]+)$')
    if not ts or #value > 128 or tonumber(ts) ~= tonumber(z[i + 1])
       or not (string.match(ts, '^[1-9]%d*$') or string.match(ts, '^[1-9]%d*%.%d%d?%d?$')) then
      plain = false
      break
    end
    members[#members + 1] = z[i]
  end
  if not plain then
    out[k] = '?'
  elseif #members == 0 then
    out[k] = ''
  else
    members[#members + 1] = ''
    out[k] = redis.sha1hex(table.concat(members, '\n'))
  end
end
return out
`)

// Forget takes the entries of dropped keys out of journal, late journal, cards and marks, and frees the keys. KEYS:
// dn:journal, dn:late, dn:cards, then all marks, then the keys; ARGV: the number of marks. It answers how many of the
// keys were there. The highest score of the journal survives under another name.
var Forget = newScript(`
local marks = tonumber(ARGV[1])
local n = 0
local top = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
for k = 4 + marks, #KEYS do
  local key = KEYS[k]
  n = n + redis.call('UNLINK', key)
  redis.call('ZREM', KEYS[1], key)
  redis.call('HDEL', KEYS[3], key)
  for m = 4, 3 + marks do redis.call('HDEL', KEYS[m], key) end
end
if top[1] and not redis.call('ZSCORE', KEYS[1], top[1]) then
  redis.call('ZADD', KEYS[1], top[2], 'dn:dropped')
end
return n
`)
