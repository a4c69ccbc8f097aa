-- Lets a request wait, fail or vanish at the door of a replica, as long as the door's value in the map says so:
-- UNTIL_MS:DELAY_MS:JITTER_MS:ERROR_PERCENT:CUT. A value whose time is over says nothing any more, whoever set it.
core.register_action("door", { "http-req" }, function(txn)
  local value = txn:get_var("txn.door")
  if not value then return end
  local until_ms, delay_ms, jitter_ms, error_percent, cut = string.match(value, "^(%d+):(%d+):(%d+):(%d+):([01])$")
  if not until_ms then return end
  local now = core.now()
  local left_ms = tonumber(until_ms) - (now.sec * 1000 + now.usec // 1000)
  if left_ms <= 0 then return end
  if cut == "1" then
    -- First, as a caller who gives up ends the wait. Longer than any caller waits is long enough.
    txn:set_var("txn.fate", "vanish")
    core.msleep(math.min(left_ms, 15000))
    return
  end
  local wait_ms = tonumber(delay_ms) + (math.random() * 2 - 1) * tonumber(jitter_ms)
  if math.random() * 100 < tonumber(error_percent) then txn:set_var("txn.fate", "fail") end
  -- The gateway's checks don't wait: who answers late is slow, and not away.
  if wait_ms >= 1 and not txn:get_var("txn.checks") then core.msleep(math.floor(wait_ms)) end
end, 0)
