"""Writes the trail: what a request did is on record before its answer leaves. Pure ASGI."""

import logging
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.errors import unavailable
from gateway.api.services import Services
from gateway.api.wire import error_response
from gateway.store import trail
from gateway.store.errors import DatabaseUnavailable
from gateway.store.trail import Actor

logger = logging.getLogger(__name__)
REFUSED = 403
CREATES = (".created", ".added")
"""Ends of the names of acts whose object is in the answer rather than in the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A line of the trail that lacks only its outcome; the check of the key leaves it in the request's state."""

    actor: Actor
    act: str


class Trailing:
    """Records acts that were done, and those that were refused for want of a permission."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; the answer waits for the record of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        held: Message | None = None
        broken = False

        async def send_recorded(message: Message) -> None:
            nonlocal held, broken
            if message["type"] == "http.response.start" and _is_recorded(state, message["status"]):
                held = message
                return
            if held is not None:
                start, held = held, None
                try:
                    await run_in_threadpool(self._record, scope, start["status"], message.get("body", b""))
                except (DatabaseUnavailable, SQLAlchemyError) as error:
                    logger.error("an act could not be recorded, so it is not confirmed: %s", type(error).__name__)
                    broken = True
                    await error_response(unavailable())(scope, receive, send)
                    return
                await send(start)
            if not broken:
                await send(message)

        await self._app(scope, receive, send_recorded)

    def _record(self, scope: Scope, status: int, body: bytes) -> None:
        pending: Pending = scope["state"]["trail"]
        resource_id = next(reversed(scope.get("path_params", {}).values()), "")
        if status < 400 and pending.act.endswith(CREATES):
            resource_id = _id_in(body) or resource_id
        with self._services.database.write() as session:
            trail.add(
                session,
                self._services.ids,
                pending.actor,
                pending.act,
                str(resource_id),
                now=self._services.now(),
                status=status,
                request_id=scope["state"].get("request_id"),
            )


def _is_recorded(state: dict[str, Any], status: int) -> bool:
    return "trail" in state and (status < 400 or status == REFUSED)


def _id_in(body: bytes) -> str:
    """The id of the object that an answer shows; empty when it shows none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(value.get("id", "")) if isinstance(value, dict) else ""
