"""What can go wrong while a model is trained.

TunegateError
├── TrainingFailed     the run ended without a model; carries the job's error code
└── BaseModelError     a base model on the admin's list cannot be used
"""

from moderation.errors import TunegateError


class TrainingFailed(TunegateError):
    """The run ended without a model. `code` goes into the job's error."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class BaseModelError(TunegateError):
    """A base model cannot be used: not found, not safetensors, no chat template, digest changed."""
