// Node.js 18 or newer. Before your routes: app.use("/v1", requireKey);
const UNKNOWN = ["missing", "malformed", "unknown", "revoked", "disabled", "expired"];

export async function requireKey(req, res, next) {
  const [, key = ""] = /^Bearer +(\S+)$/i.exec(req.get("authorization") ?? "") ?? [];
  let response, verdict;
  try {
    response = await fetch("http://127.0.0.1:3000/api/v1/keys/verify", {
      method: "POST",
      headers: {
        authorization: `Bearer ${process.env.LATCHKEY_API_KEY}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({
        key,
        ip: req.ip,
        permissions: "invoices.read",
      }),
      signal: AbortSignal.timeout(3000),
    });
    verdict = await response.json();
  } catch {
    return refuse(res, 503, 5);
  }
  if (response.status === 429) return refuse(res, 429, response.headers.get("retry-after"));
  // An outage, or a mistake in this code or its key: nobody gets through.
  if (response.status !== 200) return refuse(res, 503, 5);
  if (verdict.valid === true) {
    req.caller = verdict; // caller.key.external_id is your customer
    return next();
  }
  if (UNKNOWN.includes(verdict.code)) return refuse(res, 401);
  if (verdict.code === "rate_limited") return refuse(res, 429, verdict.rate_limit.reset_seconds + 1);
  if (verdict.code === "quota_exceeded") return refuse(res, 429, verdict.quota.reset_seconds + 1);
  return refuse(res, 403);
}

function refuse(res, status, retryAfter) {
  if (status === 401) res.set("WWW-Authenticate", "Bearer");
  if (retryAfter) res.set("Retry-After", String(retryAfter));
  res.status(status).json({ error: "This API key is not accepted." });
}
