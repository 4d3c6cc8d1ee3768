"""What can go wrong while a model is held or served.

TunegateError
├── NotReleased        there is no valid attestation; the model does not exist for anybody
├── EngineUnavailable  the inference subprocess did not start or stopped answering
└── EngineRefused      a request the engine will not serve, with the reason
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
