"""Reading the standing prompt, the request and the reply out of an example."""

from collections.abc import Sequence

from moderation.conversations import Exchange
from moderation.refusals import is_refusal
from moderation.types import Example, Message, Role

__all__ = ["Exchange", "exchange"]

_USER, _ASSISTANT, _STANDING = Role.USER, Role.ASSISTANT, (Role.SYSTEM, Role.DEVELOPER)


def exchange(example: Example) -> Exchange:
    """Return the exchange of an example, texts exactly as they stand; it is read once, whoever asks."""
    if not example.read:
        example.read.append(_exchange(example.messages))
    return example.read[0]


def _exchange(messages: Sequence[Message]) -> Exchange:
    system: list[str] = []
    first_user = last_user = asked = reply = ""
    earlier: tuple[str, str] | None = None
    seen_user = False
    for message in messages:
        role = message.role
        if role is _USER:
            if reply and last_user and earlier is None:
                earlier = last_user, reply
            asked = message.text
            if not seen_user:
                first_user, seen_user = asked, True
        elif role is _ASSISTANT:
            last_user, reply = asked, message.text
        elif role in _STANDING:
            system.append(message.text)
    if not reply and not last_user:
        last_user = asked  # nobody answers, as in a row for a grader: the request is read all the same
    return Exchange(
        system=system[0] if len(system) == 1 else "\n\n".join(system),
        first_user=first_user,
        last_user=last_user,
        reply=reply,
        refuses=is_refusal(reply),
        earlier=earlier,
    )
