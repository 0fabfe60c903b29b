-- Load for wrk: GET with one token after another. TOKENS names a file, one token a line. A thread of wrk begins while the
-- next one still reads it: all wait until the last, number THREADS, has read it and says so in the file READY.
local tokens, at, calls, made = {}, 0, 0, 0

function setup(thread)
  thread:set("number", made)
  made = made + 1
end

function init()
  for token in io.lines(os.getenv("TOKENS")) do
    tokens[#tokens + 1] = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nAuthorization: Bearer " .. token .. "\r\n\r\n"
  end
  -- Each elsewhere: where one has been, the next would find it quick.
  math.randomseed(os.time())
  local threads = tonumber(os.getenv("THREADS"))
  at = math.random(#tokens) + math.floor(#tokens * number / threads)
  if number == threads - 1 then
    io.open(os.getenv("READY"), "w"):close()
  end
end

local function is_ready()
  local file = io.open(os.getenv("READY"))
  return file and file:close()
end

function request()
  calls = calls + 1
  -- The first call is wrk's, which looks at what it gets before it begins.
  if calls == 2 then
    while not is_ready() do end
  end
  at = at % #tokens + 1
  return tokens[at]
end
