"""The way of requests that ask models: past the framework's routing and injection, which cost more than the rest."""

from collections.abc import Iterable, Mapping

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.wire import failure
from moderation.errors import TunegateError


class Direct:
    """Calls the endpoint of a POST by its path, where the path is one of these; all else goes on. Pure ASGI.

    The endpoints take a request and nothing else; they are registered as every other, which documents them and
    answers what is not a POST.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._routes: Mapping[str, APIRoute] = {route.path: route for route in routes if isinstance(route, APIRoute)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        try:
            response = await route.endpoint(Request(scope, receive))
        except TunegateError as error:
            response = failure(error)
        await response(scope, receive, send)
