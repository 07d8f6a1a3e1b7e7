"""The yardstick of the hot reads and of the redirect: Starlette, a psycopg pool, redis, msgspec.

`granian --interface asgi tests.bench.yardstick:app`. It replays the very statements that the
product sent for a page (token, page), with the same parameters, on prepared statements; before
them it counts the caller in Redis by the product's own script; after them it encodes the rows as
they come, as dictionaries, by msgspec. No validation, no permission, no middleware.
"""

import hashlib
import os
import pickle
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

# {"pages": {path: [(statement, parameters), …]}, "token": (statement, parameters) of the last one,
#  "scripts": {name: text}}
PLAN: dict[str, Any] = pickle.loads(Path(os.environ["YARDSTICK_PLAN"]).read_bytes())
BARE = os.environ.get("YARDSTICK_BARE") == "1"
_encoder = msgspec.json.Encoder(decimal_format="string")
_own: dict[str, Any] = {}


@asynccontextmanager
async def _life(app: Starlette) -> AsyncIterator[None]:
    async def configure(connection: Any) -> None:
        connection.prepare_threshold = 2

    pool = AsyncConnectionPool(
        os.environ["DATABASE_URL"],
        min_size=4,
        max_size=8,
        open=False,
        configure=configure,
        kwargs={"autocommit": True, "row_factory": dict_row},
    )
    await pool.open()
    redis = Redis.from_url(os.environ["REDIS_URL"])
    scripts = {name: redis.register_script(text) for name, text in PLAN["scripts"].items()}
    _own.update(pool=pool, redis=redis, **scripts)
    yield
    await pool.close()
    await redis.aclose()


async def _page(request: Request) -> Response:
    statements = PLAN["pages"][request.url.path]
    given = request.headers.get("authorization")
    if BARE:
        given, statements = None, statements[-1:]
    async with _own["pool"].connection() as connection:
        caller = "i127.0.0.1"
        if given:
            statement, (_, _, *rest) = PLAN["token"]
            digest = hashlib.sha256(given[7:].encode()).digest()
            found = await connection.execute(statement, [digest, datetime.now(UTC), *rest])
            signed_in = await found.fetchone()
            if signed_in is None:
                return Response(status_code=401)
            caller = f"a{signed_in['id']}"
        if not BARE:
            window = int(datetime.now(UTC).timestamp()) // 60
            await _own["limit"](keys=[f"throttle:yardstick:{caller}:{window}"], args=[60])
        for statement, parameters in statements:
            found = await connection.execute(statement, parameters)
            results = await found.fetchall()
    body = _encoder.encode({"results": results, "next": None})
    return Response(body, media_type="application/json")


async def _follow(request: Request) -> Response:
    """A short link with all that the product does in Redis, by the product's own script: where the
    code leads, the caller's count, the stream, the click's key."""
    code, click, visitor = request.path_params["code"], _token(), _visitor(request)
    at = datetime.now(UTC).timestamp()
    meter = f"throttle:yardstick:{request.client and request.client.host}:{int(at) // 60}"
    url = await _own["pass_by"](
        keys=["tuike:touches", f"tuike:click:{click}", f"tuike:link:{code}", meter],
        args=[click, visitor, 0, int(at * 1_000_000), code, 86_400, 60, 10**12],
    )
    return _leads(url.decode(), click, visitor)


async def _stream(request: Request) -> Response:
    """A short link with the stream alone: the code is known, nobody is counted."""
    code, click, visitor = request.path_params["code"], _token(), _visitor(request)
    at = int(datetime.now(UTC).timestamp() * 1_000_000)
    entry = {"click": click, "link": 1, "visitor": visitor, "account": 0, "at": at}
    await _own["redis"].xadd("tuike:touches", entry)
    return _leads(f"https://tuike.example/products/{code}", click, visitor)


def _token() -> str:
    return secrets.token_urlsafe(16)


def _visitor(request: Request) -> str:
    return request.cookies.get("visitor") or _token()


def _leads(url: str, click: str, visitor: str) -> Response:
    answer = RedirectResponse(f"{url}?click={click}", 302, {"Cache-Control": "no-store"})
    answer.set_cookie("visitor", visitor, max_age=31_536_000, httponly=True, samesite="lax")
    return answer


app = Starlette(
    routes=[
        *(Route(path, _page) for path in PLAN["pages"]),
        Route("/l/{code}", _follow),
        Route("/x/{code}", _stream),
    ],
    lifespan=_life,
)
