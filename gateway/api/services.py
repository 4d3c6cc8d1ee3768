"""What the API is handed: everything it needs, and nothing that it makes itself."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.api.checking import Checks
from gateway.settings import Settings
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.ids import Ids
from gateway.store.limits import Limits
from gateway.telemetry.spans import Traces, Untraced
from moderation.types import Category

Clock = Callable[[], float]
"""Unix time in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a model answers. `model` is its name there."""

    engine_id: str
    model: str


class ChatRouter(Protocol):
    """Reaches the engines that serve models."""

    async def resolve(self, project_id: str, model: str) -> Route | None:
        """Where a released model of the project, or a trusted base, answers; None for any other name.

        Raises `deploy.errors.EngineUnavailable` when what is released is not known for certain.
        """

    async def post(self, route: Route, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Ask for a completion with OpenAI's chat body; the status and JSON body of the answer.

        Raises `deploy.errors.EngineUnavailable`.
        """

    def stream(self, route: Route, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """Ask for a streamed completion: the bytes of its server-sent events, cut anywhere.

        Raises `deploy.errors.EngineUnavailable` or `EngineRefused`, before the first bytes or later.
        """


class Moderation(Protocol):
    """The worker's classifiers, for `/v1/moderations`."""

    async def score(self, texts: Sequence[str]) -> Sequence[Mapping[Category, float]]:
        """Probability in [0, 1] by category, one mapping a text, in order.

        Raises `moderation.errors.ClassifierUnavailable` when no worker answers.
        """


class Prompts(Protocol):
    """The system prompts under which released models are asked."""

    async def admit(self, model: str, conditions: str, policy_name: str = "") -> None:
        """Note a request under a system prompt and what else steers the model.

        Raises `ApiError` when the model's policy, or its project's of that name, does not allow it.
        """


class Policies(Protocol):
    """The named policies, as `gateway.policy.PolicyBook` has them."""

    def for_project(self, policy_name: str) -> tuple[str, dict[str, Any]]:
        """Digest and document of the policy that a project is bound to. Raises `PolicyError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a handler may use."""

    settings: Settings
    database: Database
    blobs: Blobs
    ids: Ids
    clock: Clock
    policies: Policies
    bases: Mapping[str, int]
    """Names of the base models that may be tuned and used, with the unix time they were admitted."""
    router: ChatRouter
    moderation: Moderation
    prompts: Prompts
    traces: Traces = field(default_factory=Untraced)
    checks: Checks = field(default_factory=Checks)
    limits: Limits = field(init=False)
    """The settings', made once."""

    def __post_init__(self) -> None:
        """Make what follows from the settings."""
        object.__setattr__(self, "limits", self.settings.limits)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())
