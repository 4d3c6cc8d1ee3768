"""The parts of a conversation that whole-data checks compare."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The parts of a conversation that the data-set detectors compare; missing ones are ''."""

    system: str
    """System and developer messages, joined with a blank line."""
    first_user: str
    last_user: str
    """The user turn that the last reply answers."""
    reply: str
    """The last assistant message."""
    refuses: bool
    """Whether `reply` declines the request, see `moderation.refusals`."""
    earlier: tuple[str, str] | None = None
    """The first user turn that was answered, and the answer, where another user turn follows."""
