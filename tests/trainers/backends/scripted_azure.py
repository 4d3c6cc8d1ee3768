"""What Azure has besides the provider's API: a sign-in, and deployments over its resource manager."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/ours"
AZURE = {
    "azure_resource": RESOURCE,
    "azure_tenant_id": "tenant",
    "azure_client_id": "client",
    "azure_client_secret": "secret",
}
TOKEN = "signed-in"


@dataclass
class ScriptedAzure:
    """The deployments there are, and what is said of the next request."""

    url: str = ""
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: str = "Creating"
    """Of every deployment."""
    errors: list[tuple[str, Callable[[], web.Response]]] = field(default_factory=list)
    """What is answered instead, once each, to the next request of a method."""
    n_sign_ins: int = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._signed_in])
        app.router.add_post("/tenant/oauth2/v2.0/token", self._sign_in)
        app.router.add_get(f"{RESOURCE}/deployments", self._list)
        app.router.add_get(f"{RESOURCE}/deployments/{{name}}", self._get)
        app.router.add_put(f"{RESOURCE}/deployments/{{name}}", self._put)
        app.router.add_delete(f"{RESOURCE}/deployments/{{name}}", self._delete)
        return app

    @web.middleware
    async def _signed_in(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if "oauth2" not in request.path:
            assert request.headers["Authorization"] == f"Bearer {TOKEN}"
            assert "api-version" in request.query
        for place, (method, respond) in enumerate(self.errors):
            if method == request.method:
                del self.errors[place]
                return respond()
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _sign_in(self, request: web.Request) -> web.Response:
        self.n_sign_ins += 1
        form = await request.post()
        if form["client_secret"] != "secret" or form["scope"] != f"{self.url}/.default":
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response({"access_token": TOKEN, "expires_in": 3600})

    async def _list(self, request: web.Request) -> web.Response:
        """One a page."""
        names, at = sorted(self.deployments), int(request.query.get("skip", "0"))
        following = f"{self.url}{RESOURCE}/deployments?api-version=x&skip={at + 1}" if at + 1 < len(names) else None
        return web.json_response({"value": [{"name": name} for name in names[at : at + 1]], "nextLink": following})

    async def _get(self, request: web.Request) -> web.Response:
        return self._said(request.match_info["name"])

    async def _put(self, request: web.Request) -> web.Response:
        self.deployments[request.match_info["name"]] = await request.json()
        return self._said(request.match_info["name"])

    async def _delete(self, request: web.Request) -> web.Response:
        return web.Response(status=202 if self.deployments.pop(request.match_info["name"], None) else 204)

    def _said(self, name: str) -> web.Response:
        if name not in self.deployments:
            return refusal(404, "DeploymentNotFound", "no such deployment")
        return web.json_response({"name": name, "properties": {"provisioningState": self.state}})


def refusal(status: int, code: str, message: str) -> web.Response:
    """An error of the resource manager."""
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
