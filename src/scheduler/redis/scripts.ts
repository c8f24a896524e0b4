/*
 * What the store does, as Redis does it: each script runs as a whole, with nothing else in between.
 *
 * KEYS: 1 jobs (hash: name -> id, rule and the rest, by newlines), 2 due, 3 ready, 4 leases (sorted sets: name by time),
 * 5 names (sorted set, all of score 0: by their bytes).
 */

/** ARGV: name, job, due, id, rule, only (or empty), whether there is an `only`. */
export const PUT = `
local old = redis.call('HGET', KEYS[1], ARGV[1])
local id, rule
if old then id, rule = string.match(old, '^([^\\n]*)\\n([^\\n]*)\\n') end
if ARGV[7] == '1' and id ~= ARGV[6] then return 0 end
if ARGV[7] == '0' and old and ARGV[5] ~= '' and rule == ARGV[5] then
  local rest = string.match(ARGV[2], '^[^\\n]*\\n(.*)$')
  redis.call('HSET', KEYS[1], ARGV[1], id .. '\\n' .. rest)
  return 1
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[5], 0, ARGV[1])
return 1`;

/** ARGV: name. */
export const GET = `
local job = redis.call('HGET', KEYS[1], ARGV[1])
if not job then return false end
return { ARGV[1], redis.call('ZSCORE', KEYS[2], ARGV[1]), job }`;

/** ARGV: name. */
export const REMOVE = `
for i = 2, 5 do redis.call('ZREM', KEYS[i], ARGV[1]) end
return redis.call('HDEL', KEYS[1], ARGV[1])`;

/** ARGV: from where on, how many, how many bytes. */
export const LIST = `
local found, bytes = {}, 0
for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[5], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  bytes = bytes + redis.call('HSTRLEN', KEYS[1], name)
  if #found > 0 and bytes > tonumber(ARGV[3]) then break end
  found[#found + 1] = { name, redis.call('ZSCORE', KEYS[2], name), redis.call('HGET', KEYS[1], name) }
end
return found`;

/** ARGV: now, until, how many, how many bytes, when a lease may end at the latest. */
export const CLAIM = `
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. ARGV[5], '+inf')) do
  redis.call('ZADD', KEYS[3], redis.call('ZSCORE', KEYS[2], name), name)
  redis.call('ZREM', KEYS[4], name)
end
local found, bytes = {}, 0
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])) do
  bytes = bytes + redis.call('HSTRLEN', KEYS[1], name)
  if #found > 0 and bytes > tonumber(ARGV[4]) then break end
  found[#found + 1] = { name, redis.call('ZSCORE', KEYS[2], name), redis.call('HGET', KEYS[1], name) }
  redis.call('ZADD', KEYS[3], ARGV[2], name)
  redis.call('ZADD', KEYS[4], ARGV[2], name)
end
return found`;

/** ARGV: for each move its name, id and due, and the next due and ready, or two empty ones. */
export const SETTLE = `
for i = 1, #ARGV, 5 do
  local name = ARGV[i]
  local job = redis.call('HGET', KEYS[1], name)
  if job and string.match(job, '^([^\\n]*)\\n') == ARGV[i + 1]
    and tonumber(redis.call('ZSCORE', KEYS[2], name)) == tonumber(ARGV[i + 2]) then
    redis.call('ZREM', KEYS[4], name)
    if ARGV[i + 3] == '' then
      redis.call('HDEL', KEYS[1], name)
      redis.call('ZREM', KEYS[2], name)
      redis.call('ZREM', KEYS[3], name)
      redis.call('ZREM', KEYS[5], name)
    else
      redis.call('ZADD', KEYS[2], ARGV[i + 3], name)
      redis.call('ZADD', KEYS[3], ARGV[i + 4], name)
    end
  end
end
return 1`;

/** No ARGV. */
export const NEXT = `
return redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2] or false`;
