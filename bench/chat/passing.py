"""The least that anybody would write: FastAPI that hands a body on and an answer back, with no check of either.

`python -m bench.chat.passing --port 8002 --uds /tmp/x.sock`, under uvicorn as it comes.
"""

import argparse
from collections.abc import Awaitable, Callable

import aiohttp
import uvicorn
from fastapi import FastAPI, Request, Response

Ask = Callable[[bytes], Awaitable[tuple[int, bytes]]]
URL = "http://engine/v1/chat/completions"
JSON = {"content-type": "application/json"}


def create_app(ask: Ask) -> FastAPI:
    """One route."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        status, answer = await ask(await request.body())
        return Response(answer, status_code=status, media_type="application/json")

    return app


def with_aiohttp(uds: str) -> Ask:
    """The faster of the usual clients."""
    sessions: list[aiohttp.ClientSession] = []

    async def ask(body: bytes) -> tuple[int, bytes]:
        if not sessions:
            sessions.append(aiohttp.ClientSession(connector=aiohttp.UnixConnector(uds, limit=0), headers=JSON))
        async with sessions[0].post(URL, data=body) as response:
            return response.status, await response.read()

    return ask


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--uds", required=True)
    arguments = parser.parse_args()
    uvicorn.run(create_app(with_aiohttp(arguments.uds)), port=arguments.port, log_level="warning", access_log=False)
