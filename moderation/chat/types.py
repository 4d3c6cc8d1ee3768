"""What is said to a language model and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from moderation.types import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a prompt."""

    role: Role
    text: str


Conversation = tuple[Turn, ...]
"""A prompt. A last turn by the assistant is a prefill that the model continues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a reply is drawn. Temperature 0 is greedy."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    """Seed of the first conversation; the i-th of a batch uses `seed + i`."""


class Finish(StrEnum):
    """Why a reply ended."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model said. `text` excludes a prefill."""

    text: str
    finish: Finish


class ChatModel(Protocol):
    """A language model, wherever it runs."""

    @property
    def identity(self) -> str:
        """Model name and endpoint, enough to say in a report what answered."""

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        """One reply a conversation, in order.

        Raises `moderation.errors.ChatUnavailable` when any of them could not be had.
        """


@runtime_checkable
class Chooser(Protocol):
    """A `ChatModel` that can also say how likely it is to answer each of a few words."""

    @property
    def identity(self) -> str:
        """As of `ChatModel`."""

    def choose(self, conversations: Sequence[Conversation], answers: Sequence[str]) -> Sequence[Sequence[float] | None]:
        """The probability of each answer, one token each, relative to the others; None where the prompt does not fit.

        Raises `moderation.errors.ChatUnavailable` as `complete` does.
        """
