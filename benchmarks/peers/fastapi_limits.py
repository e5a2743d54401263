"""FastAPI 0.121, PyJWT 2.10 and redis-py 7: what most teams ship, in one process without a proxy.

usage: fastapi_limits.py PORT SECRET REDIS. Checks an HS256 token on each request, takes a token
from the buckets of its address and user in Redis by the usual Lua script, sets a request id and the
security headers, writes an access line as JSON, counts in Prometheus, and answers 2 KB of JSON.
"""

import json
import sys
import time
import uuid

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from prometheus_client import Counter, Histogram
from redis.asyncio import Redis
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import Response

PORT, SECRET, REDIS = int(sys.argv[1]), sys.argv[2], sys.argv[3]
SCRIPT = """
local t = redis.call('TIME') local now = t[1] + t[2] / 1000000 local allowed = 1
for i, key in ipairs(KEYS) do
  local b = redis.call('HMGET', key, 'tokens', 'at')
  local rate, most = tonumber(ARGV[1]), tonumber(ARGV[2])
  local gained = (now - (tonumber(b[2]) or now)) * rate
  local tokens = math.min(most, (tonumber(b[1]) or most) + gained)
  if tokens < 1 then allowed = 0 else tokens = tokens - 1 end
  redis.call('HSET', key, 'tokens', tokens, 'at', now) redis.call('EXPIRE', key, 120)
end
return allowed
"""
app = FastAPI()
redis = Redis.from_url(REDIS)
bucket = redis.register_script(SCRIPT)
COUNT = Counter("requests", "requests", ["method", "path", "status"])
SECONDS = Histogram("seconds", "seconds", ["path"])
ITEMS = [{"id": number, "name": f"node-{number}", "status": "accepted"} for number in range(36)]


@app.middleware("http")
async def edge(request: Request, call_next: RequestResponseEndpoint) -> Response:
    began, request_id = time.perf_counter(), request.headers.get("x-request-id") or uuid.uuid4().hex
    response = await call_next(request)
    response.headers["x-request-id"] = request_id
    response.headers["x-content-type-options"] = "nosniff"
    response.headers["x-frame-options"] = "DENY"
    response.headers["content-security-policy"] = "default-src 'none'"
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["cache-control"] = "no-store"
    took = time.perf_counter() - began
    COUNT.labels(request.method, request.url.path, response.status_code).inc()
    SECONDS.labels(request.url.path).observe(took)
    print(
        json.dumps({"id": request_id, "path": request.url.path, "ms": took * 1000}), file=sys.stderr
    )
    return response


async def user(request: Request) -> str:
    try:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="api", issuer="bench")
    except Exception as error:
        raise HTTPException(401) from error
    keys = [f"ip:{request.client.host}", f"user:{claims['sub']}"]
    if not await bucket(keys=keys, args=[1000000, 1000000]):
        raise HTTPException(429)
    return claims["sub"]


@app.get("/v1/nodes")
async def nodes(_caller: str = Depends(user)) -> JSONResponse:
    return JSONResponse(ITEMS)


uvicorn.run(app, port=PORT, access_log=False, log_level="warning")
