"""What every place that serves models can do, whether it runs here, in vLLM or at a provider."""

from typing import Protocol

from moderation.chat import ChatModel


class Endpoint(Protocol):
    """Serves one base model and what was tuned from it. `deploy.engine.process` is the embedded one."""

    def alive(self) -> bool:
        """Whether it answers now."""

    def models(self) -> tuple[str, ...]:
        """Names it serves, the base's first."""

    def load(self, name: str, path: str, digest: str) -> None:
        """Serve a sealed directory under a name. Raises SealBroken, NotReleased, EngineRefused or
        EngineUnavailable."""

    def unload(self, name: str) -> None:
        """Forget a name; an unknown one is no error."""

    def chat(self, model: str) -> ChatModel:
        """The model under a name."""
