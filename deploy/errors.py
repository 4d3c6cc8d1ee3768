"""What can go wrong while a model is held or served.

TunegateError
├── NotReleased        there is no valid attestation; the model does not exist for anybody
├── EngineUnavailable  the inference subprocess did not start or stopped answering
├── Unauthorized       an engine was asked without its secret
├── NoSuchModel        an engine was asked for a name it does not serve
└── EngineRefused      a request the engine will not serve, with the reason
    └── ContextTooLong the prompt leaves no room for a reply
"""

from moderation.errors import TunegateError


class NotReleased(TunegateError):
    """The artefact carries no attestation that verifies."""


class EngineUnavailable(TunegateError):
    """The engine did not start or stopped answering. Retryable."""


class EngineRefused(TunegateError):
    """The engine will not serve the request. `param` names the field at fault."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        self.param = param
        super().__init__(message)


class ContextTooLong(EngineRefused):
    """The prompt leaves no room for a reply in the model's context."""


class Unauthorized(TunegateError):
    """The bearer secret is missing or wrong."""


class NoSuchModel(TunegateError):
    """The name stands for nothing here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The model `{name}` does not exist or you do not have access to it.")
