"""The provider of a campaign: nobody kills it, and it remembers what was asked of it.

It is the scripted one of the backend's tests on a clock: a job takes a second, and one that is over is over.
`GET /v1/told` says all that it has.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from scripted_provider import BASE, ScriptedProvider, refusal

from gateway.children import die_with

TRAINING_S = 1.0
GOING_ON = ("queued", "running")


@dataclass
class TimedProvider(ScriptedProvider):
    """Jobs go on by themselves."""

    began: dict[str, float] = field(default_factory=dict)

    def app(self) -> web.Application:
        app = super().app()
        app.router.add_get("/v1/told", self._told)
        return app

    @web.middleware
    async def _scripted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        for id, job in self.jobs.items():
            passed_s = time.monotonic() - self.began.setdefault(id, time.monotonic())
            if job["status"] in GOING_ON:
                job["status"] = "running"
                if passed_s > TRAINING_S:
                    made = f"ft:{BASE}:our-org::{id.removeprefix('ftjob-')}"
                    job |= {"status": "succeeded", "fine_tuned_model": made, "trained_tokens": 9, "result_files": ["f"]}
        # As `super()` does not see through the decorator.
        answer: web.StreamResponse = await ScriptedProvider._scripted(self, request, handler)  # type: ignore[operator]
        return answer

    async def _cancel(self, request: web.Request) -> web.Response:
        if self.jobs[request.match_info["id"]]["status"] not in GOING_ON:
            return refusal(400, "The job has ended.")
        cancelled: web.Response = await super()._cancel(request)
        return cancelled

    async def _told(self, request: web.Request) -> web.Response:
        names = [name for name, _ in self.files.values()]
        return web.json_response({"jobs": [*self.jobs.values()], "files": names, "deleted": self.deleted_models})


async def main() -> None:
    provider = TimedProvider()
    for step in (1, 2, 3):
        provider.trains(step)
    runner = web.AppRunner(provider.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    die_with(int(sys.argv[-1]))
    asyncio.run(main())
