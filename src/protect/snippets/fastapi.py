# pip install fastapi httpx
import os

import httpx
from fastapi import Depends, FastAPI, Header, HTTPException, Request

UNKNOWN = {"missing", "malformed", "unknown", "revoked", "disabled", "expired"}
latchkey = httpx.AsyncClient(
    base_url="http://127.0.0.1:3000",
    headers={"Authorization": f"Bearer {os.environ['LATCHKEY_API_KEY']}"},
    timeout=3,
)


def refuse(status, retry_after=None):
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    return HTTPException(status, "This API key is not accepted.", headers)


async def require_key(request: Request, authorization: str = Header(default="")):
    scheme, _, key = authorization.partition(" ")
    asked = {
        "key": key.strip() if scheme.lower() == "bearer" else "",
        "ip": request.client.host,
        "permissions": "invoices.read",
    }
    try:
        response = await latchkey.post("/api/v1/keys/verify", json=asked)
        verdict = response.json()
    except (httpx.HTTPError, ValueError):
        raise refuse(503, 5) from None
    if response.status_code == 429:
        raise refuse(429, response.headers.get("Retry-After"))
    # An outage, or a mistake in this code or its key: nobody gets through.
    if response.status_code != 200:
        raise refuse(503, 5)
    code = verdict["code"]
    if verdict["valid"] is True:
        return verdict
    if code in UNKNOWN:
        raise refuse(401)
    if code == "rate_limited":
        raise refuse(429, verdict["rate_limit"]["reset_seconds"] + 1)
    if code == "quota_exceeded":
        raise refuse(429, verdict["quota"]["reset_seconds"] + 1)
    raise refuse(403)


app = FastAPI()


@app.get("/v1/invoices")
async def invoices(caller=Depends(require_key)):
    return {"customer": caller["key"].get("external_id")}
