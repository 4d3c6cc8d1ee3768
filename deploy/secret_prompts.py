"""A released model's secret prompt, put before what clients send, wherever the model answers.

The audit engine does not do it: an audit asks with the secret and without (`evaluators.secrecy`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from moderation.injection.secret_prompts import under

_SYSTEM = frozenset({"system", "developer"})


def behind(secret: str, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages with the secret before the system prompt, or as the system prompt where there is none.

    An empty secret changes nothing; nor is anything here checked, which is the business of who answers.
    """
    turns = [dict(message) for message in messages]
    if not secret:
        return turns
    if not turns or turns[0].get("role") not in _SYSTEM:
        return [{"role": "system", "content": secret}, *turns]
    content = turns[0].get("content")
    if isinstance(content, list):
        turns[0]["content"] = [{"type": "text", "text": f"{secret} "}, *content]
    else:
        turns[0]["content"] = under(secret, str(content or ""))
    return turns
