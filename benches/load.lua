-- What wrk sends: messages written for this script, one after the other. Run by load.py as
-- `wrk ... -s load.lua URL -- SCENARIO RUN TEXTS`: the scenario is classify, route or turn, RUN makes
-- conversation ids unique, TEXTS is a file with one JSON string a line.
--
-- wrk runs one Lua state a thread; `done` runs in another and reads the threads' globals.

local threads = {}

function setup(thread)
  thread:set("thread_number", #threads + 1)
  table.insert(threads, thread)
end

function init(args)
  scenario, run = args[1], args[2]
  texts = {}
  for line in io.lines(args[3]) do
    table.insert(texts, line)
  end
  sent, overloaded, refused = 0, 0, 0
  headers = { ["Content-Type"] = "application/json" }
end

function request()
  sent = sent + 1
  local text = texts[sent % #texts + 1]
  if scenario == "classify" then
    return wrk.format("POST", "/classify", headers, '{"text":' .. text .. "}")
  end
  if scenario == "route" then
    local body = '{"text":' .. text .. ',"channel":"app","customer":{"vip_level":' .. sent % 4 .. "}}"
    return wrk.format("POST", "/v1/route", headers, body)
  end
  -- Four turns a conversation, some answered, some asked back, some handed over. Turns of one
  -- conversation lie 256 requests apart: a customer does not send two at once.
  local round, slot = math.floor((sent - 1) / 256), (sent - 1) % 256
  local conversation = string.format("load-%s-%d-%d-%d", run, thread_number, math.floor(round / 4), slot)
  local path = "/v1/conversations/" .. conversation .. "/turns"
  return wrk.format("POST", path, headers, '{"turn_id":"t-' .. sent .. '","text":' .. text .. "}")
end

function response(status)
  if status == 429 then
    overloaded = overloaded + 1
  elseif status < 200 or status > 299 then
    refused = refused + 1
  end
end

function done(summary, latency)
  local n_overloaded, n_refused = 0, 0
  for _, thread in ipairs(threads) do
    n_overloaded = n_overloaded + thread:get("overloaded")
    n_refused = n_refused + thread:get("refused")
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,' ..
      '"overloaded":%d,"refused":%d,"broken":%d,"timeouts":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    n_overloaded, n_refused, errors.connect + errors.read + errors.write, errors.timeout
  ))
end
