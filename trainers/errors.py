"""What can go wrong while a model is trained.

TunegateError
├── TrainingFailed     the run ended without a model; carries the job's error code
├── BaseModelError     a base model on the admin's list cannot be used
├── NotNow             a provider did not answer; it may later
└── Gone               a provider does not know an id any more
"""

from moderation.errors import TunegateError


class TrainingFailed(TunegateError):
    """The run ended without a model. `code` goes into the job's error."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class BaseModelError(TunegateError):
    """A base model cannot be used: not found, not safetensors, no chat template, digest changed."""


class NotNow(TunegateError):
    """The provider did not answer, or not so that it can be read; `pause_s` is what it asked for."""

    def __init__(self, message: str, *, pause_s: float | None = None) -> None:
        self.pause_s = pause_s
        super().__init__(message)


class Gone(TunegateError):
    """The provider does not know the id any more."""
