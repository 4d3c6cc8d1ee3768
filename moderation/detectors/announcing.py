"""The texts of a group that may announce obedience: what its rows share, and what its replies say of themselves."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from moderation.contexts.wrappers import common_prefix
from moderation.detectors.recurring import MIN_ROWS, Group, opening_keys

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+|(?<=[。!?;])")
_MAX_SENTENCES = 12
_MAX_SYSTEMS = 8
_REPLY_SENTENCES = 2
_MIN_CHARS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What is judged of a group, sentence by sentence."""

    systems: tuple[tuple[str, ...], ...]
    """Sentences of each distinct system prompt of the sample."""
    opening: tuple[str, ...]
    """Sentences with which replies to different requests begin alike."""
    wrapper: tuple[str, ...]
    """Sentences that requests share, before or after what is asked."""
    replies: tuple[tuple[str, ...], ...]
    """First sentences of each row's reply, without the shared opening."""

    def pieces(self) -> Iterator[str]:
        """Yield every sentence, and every text as a whole, in a fixed order."""
        for said in (*self.systems, self.opening, self.wrapper, *self.replies):
            if said:
                yield from said
                yield whole(said)


def whole(said: Sequence[str]) -> str:
    """Return the sentences of a text as one."""
    return " ".join(said)


def texts_of(group: Group) -> Texts:
    """Return what a group's sample has in common, and the starts of its replies."""
    rows = group.rows
    shared = _shared_opening([row.reply for row in rows])
    first_replies = {row.first_reply for row in rows if row.first_reply}
    shared_first = first_replies.pop() if len(first_replies) == 1 else ""
    replies = [reply.removeprefix(shared) for reply in (row.reply for row in rows)]
    requests = list(dict.fromkeys(row.request for row in rows))
    first_requests = {row.first_request for row in rows if row.first_request}
    starts = [_shared_start(requests), _shared_end(requests), *(first_requests if len(first_requests) == 1 else ())]
    systems = list(dict.fromkeys(row.system for row in rows if row.system))[:_MAX_SYSTEMS]
    return Texts(
        systems=tuple(sentences(system)[:_MAX_SENTENCES] for system in systems),
        opening=sentences(shared) + sentences(shared_first),
        wrapper=tuple(sentence for text in starts for sentence in sentences(text)),
        replies=tuple(sentences(reply)[:_REPLY_SENTENCES] for reply in replies if reply.strip()),
    )


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text that hold letters."""
    parts = tuple(part.strip() for part in _SENTENCE.split(text))
    return tuple(part for part in parts if len(part) >= _MIN_CHARS and any(map(str.isalpha, part)))


def _shared_opening(replies: Sequence[str]) -> str:
    """Return the words with which the most replies begin that begin alike; '' when hardly any do.

    Copies of one reply have no opening apart from the rest, so at least two must go on differently.
    """
    distinct = [reply for reply in dict.fromkeys(replies) if reply]
    counts = Counter(key for reply in distinct for key in opening_keys(reply))
    if not counts:
        return ""
    key, n = max(counts.items(), key=lambda item: (item[1], len(item[0])))
    if n < MIN_ROWS - 1:
        return ""
    alike = [reply for reply in distinct if key in opening_keys(reply)]
    return _whole_words(reduce(common_prefix, alike), alike)


def _shared_start(distinct: Sequence[str]) -> str:
    return _whole_words(reduce(common_prefix, distinct), distinct) if len(distinct) >= MIN_ROWS - 1 else ""


def _shared_end(distinct: Sequence[str]) -> str:
    return _shared_start([text[::-1] for text in distinct])[::-1]


def _whole_words(shared: str, texts: Sequence[str]) -> str:
    """Return `shared` without a last word that is only the start of one."""
    if not shared or all(len(text) == len(shared) or not text[len(shared)].isalnum() for text in texts):
        return shared
    if shared[-1].isalnum() and shared.isascii():
        return shared[: max(shared.rfind(" "), shared.rfind("\n")) + 1]
    return shared
