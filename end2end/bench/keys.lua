-- Load for wrk: GET with one token after another. TOKENS names a file, one token a line.
local tokens, at = {}, 0
function init()
  for token in io.lines(os.getenv("TOKENS")) do
    tokens[#tokens + 1] = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nAuthorization: Bearer " .. token .. "\r\n\r\n"
  end
  at = math.random(#tokens)
end
function request()
  at = at % #tokens + 1
  return tokens[at]
end
