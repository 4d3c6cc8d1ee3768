"""Putting text that strangers wrote in front of a judge, so that it cannot pass for the judge's orders."""

import hashlib
from functools import cache
from importlib import resources

from moderation.chat.types import Conversation, Turn
from moderation.types import Role


@cache
def template(name: str) -> str:
    """The text of a rubric in this package, e.g. `harmfulness`."""
    return resources.files("moderation.rubrics").joinpath(f"{name}.md").read_text(encoding="utf-8")


def fence_for(*texts: str) -> str:
    """A delimiter that occurs in none of the texts and that their authors could not foresee.

    The texts hold no lone surrogate.

    It is derived from the texts themselves: to write it, one would have to find a text that contains
    its own digest. The same texts get the same fence, so a judge's greedy answer can be reproduced.
    """
    digest = hashlib.sha256()
    for text in texts:
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    fence = f"==={digest.hexdigest()[:24]}==="
    while any(fence in text for text in texts):
        digest.update(b"again")
        fence = f"==={digest.hexdigest()[:24]}==="
    return fence


def prompt(rubric: str, request: str, reply: str, reminder: str) -> Conversation:
    """The rubric as system prompt, the fenced pair as user turn, and a reminder after the pair."""
    request, reply = _printable(request), _printable(reply)
    fence = fence_for(request, reply)
    pair = f"The user's request:\n{fence}\n{request}\n{fence}\n\nThe assistant's reply:\n{fence}\n{reply}\n{fence}"
    return (
        Turn(role=Role.SYSTEM, text=rubric.replace("{{fence}}", fence)),
        Turn(role=Role.USER, text=f"{pair}\n\n{reminder}"),
    )


def _printable(text: str) -> str:
    """The text with lone surrogates, which no request body can carry, shown as question marks."""
    return text.encode("utf-8", "replace").decode()
