"""Azure's further step: what was tuned there answers only once it is deployed, over Azure Resource Manager.

Source: Azure Resource Manager, `Microsoft.CognitiveServices/accounts/deployments`. A service principal signs in
with OAuth's client credentials; one attempt a call, as at the provider itself.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from trainers.errors import NotNow, TrainingFailed
from trainers.forwarding.answers import PASSING, pause_s
from trainers.hosted import MAX_SAID

API_VERSION = "2024-10-01"
TIMEOUT_S = 20.0
MAX_PAGES = 100
TOKEN_SPARE_S = 60.0
"""A token is not used in the last seconds of its life."""
REQUIRED = ("resource", "tenant_id", "client_id", "client_secret")
PREFIX = "TUNEGATE_UPSTREAM_AZURE_"
RESOURCE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.CognitiveServices/accounts/[^/]+"
)
OVER = frozenset({"failed", "canceled", "disabled", "deleting"})
REFUSED = (
    "upstream_key_refused",
    (
        f"Azure lets the gateway deploy nothing; the operator checks {PREFIX}RESOURCE and that the service principal "
        f"of {PREFIX}CLIENT_ID has the role Cognitive Services Contributor there."
    ),
)
QUOTA = (
    "upstream_quota",
    "Azure has no capacity left for the tuned model; ask the operator for quota, then create the job again.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """How models are trained and deployed in one Azure resource: the variables `TUNEGATE_UPSTREAM_AZURE_...`."""

    resource: str
    """`/subscriptions/.../accounts/NAME`, as the portal shows it."""
    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)
    training_type: str = "Standard"
    """`Standard`, `GlobalStandard` or `DeveloperTier`."""
    sku: str = "Standard"
    """Of deployments."""
    capacity: int = 50
    """Of deployments, in thousands of tokens a minute; an audit asks thousands of prompts."""
    management_url: str = "https://management.azure.com"
    login_url: str = "https://login.microsoftonline.com"

    @classmethod
    def read(cls, config: Mapping[str, str]) -> Self | None:
        """What the variables say; None when none is set. Raises `ValueError` that names what is missing or wrong."""
        given = {name.removeprefix("azure_"): value for name, value in config.items() if name.startswith("azure_")}
        if not given:
            return None
        if missing := [f"{PREFIX}{name.upper()}" for name in REQUIRED if not given.get(name)]:
            raise ValueError(f"{', '.join(missing)} not set; a model that Azure tuned has to be deployed there")
        if not RESOURCE.fullmatch(given["resource"]):
            raise ValueError(
                f"{PREFIX}RESOURCE is '{given['resource']}'; expected /subscriptions/.../resourceGroups/.../providers/"
                "Microsoft.CognitiveServices/accounts/NAME"
            )
        if unknown := sorted(set(given) - set(cls.__slots__)):
            raise ValueError(f"{', '.join(PREFIX + name.upper() for name in unknown)}: there is no such setting")
        capacity = given.pop("capacity", "50")
        if not capacity.isdecimal() or not int(capacity):
            raise ValueError(f"{PREFIX}CAPACITY is '{capacity}'; expected thousands of tokens a minute, at least 1")
        return cls(**given, capacity=int(capacity))


class Deployments:
    """The deployments of one resource. Every method raises `NotNow` and `TrainingFailed`."""

    def __init__(self, azure: Azure, clock: Callable[[], float]) -> None:
        self._azure = azure
        self._clock = clock
        self._certificates = httpx.create_ssl_context()
        self._token = ""
        self._token_ends = 0.0
        self._root = f"{azure.management_url.rstrip('/')}{azure.resource}/deployments"

    def deploy(self, name: str, model: str) -> bool:
        """Whether a model answers under a name, for which it is deployed when that has not begun."""
        found = self._ask("GET", f"{self._root}/{name}")
        if found is None:
            sku = {"name": self._azure.sku, "capacity": self._azure.capacity}
            what = {"model": {"format": "OpenAI", "name": model, "version": "1"}}
            found = self._ask("PUT", f"{self._root}/{name}", {"sku": sku, "properties": what})
        state = str(_table(found, "properties").get("provisioningState")).lower()
        if state in OVER:
            raise TrainingFailed(
                "upstream_not_deployed",
                f"Azure trained the model and does not deploy it (state {state}); its own safety evaluation may have "
                "refused it. Ask the operator to look there.",
            )
        return state == "succeeded"

    def named(self, prefix: str) -> tuple[str, ...]:
        """Names of deployments that begin so."""
        return tuple(name for name in self._names() if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Take a deployment down; one that is not there is no error."""
        self._ask("DELETE", f"{self._root}/{name}")

    def _names(self) -> Iterator[str]:
        url: str | None = self._root
        for _ in range(MAX_PAGES):
            page = self._ask("GET", url) if url else None
            if page is None:
                return
            yield from (str(one["name"]) for one in page.get("value", ()) if isinstance(one, dict) and "name" in one)
            following = str(page.get("nextLink"))
            url = following if following.startswith(self._root) else None  # the token goes nowhere else

    def _ask(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any] | None:
        """One request; None for what is not there."""
        query = None if "api-version=" in url else {"api-version": API_VERSION}
        headers = {"Authorization": f"Bearer {self._signed_in()}"}
        response = self._sent(method, url, params=query, headers=headers, json=body)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if not response.is_success:
            raise _meaning(response, now=self._clock())
        return _object(response) if response.content else {}

    def _signed_in(self) -> str:
        if self._clock() < self._token_ends:
            return self._token
        azure = self._azure
        form = {
            "grant_type": "client_credentials",
            "client_id": azure.client_id,
            "client_secret": azure.client_secret,
            "scope": f"{azure.management_url.rstrip('/')}/.default",
        }
        url = f"{azure.login_url.rstrip('/')}/{azure.tenant_id}/oauth2/v2.0/token"
        response = self._sent("POST", url, data=form)
        if not response.is_success:
            passing = response.status_code in PASSING or response.status_code >= 500
            raise NotNow(f"the sign-in has status {response.status_code}") if passing else TrainingFailed(*REFUSED)
        said = _object(response)
        self._token = str(said.get("access_token"))
        self._token_ends = self._clock() + float(said.get("expires_in") or 0) - TOKEN_SPARE_S
        return self._token

    def _sent(self, method: str, url: str, **what: Any) -> httpx.Response:
        """One request over a connection of its own: there are few, and minutes lie between them."""
        try:
            return httpx.request(method, url, timeout=TIMEOUT_S, verify=self._certificates, **what)
        except httpx.TransportError as exc:
            raise NotNow(f"Azure Resource Manager does not answer ({type(exc).__name__})") from exc


def _meaning(response: httpx.Response, *, now: float) -> Exception:
    """What an error of Azure Resource Manager means."""
    status = response.status_code
    error = _table(_object(response) if response.content else {}, "error")
    code, said = str(error.get("code")), str(error.get("message"))[:MAX_SAID]
    if "quota" in code.lower():
        return TrainingFailed(*QUOTA)
    if status in PASSING or status >= 500:
        return NotNow(f"status {status}", pause_s=pause_s(response.headers.get("retry-after"), now=now))
    if status in (401, 403):
        return TrainingFailed(*REFUSED)
    return TrainingFailed("upstream_not_deployed", f"Azure trained the model and refuses to deploy it: {said}")


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        said = response.json()
    except ValueError as exc:
        raise NotNow(f"an answer that cannot be read (status {response.status_code})") from exc
    if not isinstance(said, dict):
        raise NotNow(f"an answer of another shape (status {response.status_code})")
    return said


def _table(said: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    inner = (said or {}).get(name)
    return inner if isinstance(inner, dict) else {}
