"""`/v1/moderations` asks the freshest living worker, which has the classifiers in memory."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import aiohttp
import orjson

from gateway.store import engines
from gateway.store.database import Database
from gateway.store.engine_models import Worker
from moderation.errors import ClassifierUnavailable
from moderation.types import Category

FRESH_S = 10
TIMEOUT_S = 60.0


class WorkerModeration:
    """`gateway.api.services.Moderation` over the workers' sockets."""

    def __init__(self, database: Database, *, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def score(self, texts: Sequence[str]) -> Sequence[Mapping[Category, float]]:
        """Probability by category, one mapping a text. Raises `ClassifierUnavailable`."""
        workers = [worker for worker in await asyncio.to_thread(self._living) if worker.moderation_address]
        failure = ClassifierUnavailable("no worker is running; start one with `tunegate worker`")
        for worker in workers:  # the freshest first; one that was killed a moment ago is passed over
            try:
                return await self._ask(worker, texts)
            except ClassifierUnavailable as error:
                failure = error
        raise failure

    async def _ask(self, worker: Worker, texts: Sequence[str]) -> Sequence[Mapping[Category, float]]:
        headers = {"Authorization": f"Bearer {worker.secret}", "Content-Type": "application/json"}
        question = orjson.dumps({"texts": list(texts)})
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(worker.moderation_address or ""),
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                ) as session,
                session.post("http://worker/score", data=question, headers=headers) as answer,
            ):
                body = orjson.loads(await answer.read())
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError) as exc:
            raise ClassifierUnavailable(f"the worker does not answer ({type(exc).__name__})") from exc
        if status != 200:
            raise ClassifierUnavailable(str(body.get("error", f"the worker answered {status}")))
        scores = [{Category(name): float(value) for name, value in one.items()} for one in body["scores"]]
        if len(scores) != len(texts):
            raise ClassifierUnavailable(f"the worker scored {len(scores)} of {len(texts)} texts")
        return scores

    def _living(self) -> Sequence[Worker]:
        with self._database.read() as session:
            return engines.living(session, since=int(self._clock()) - FRESH_S)
