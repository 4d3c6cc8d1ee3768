"""Replies and judgements that are kept as they come: transcripts, a cache, and what a crash resumes from.

Everything a model said in one frame is one append-only log, found by the model's digest and the frame.
The base's log serves every later audit on that base; a candidate's log lets a killed audit go on without
asking again; both are the transcript that a reviewer reads. A frame may be a customer's own words: who needs
a log is written down beside it, and it goes with the last of them.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from evaluators.frames import Frame
from evaluators.verdicts import Judgement, Scored, Unscored, Vote
from moderation.chat import Finish, Reply

OWNERS = ".owners"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReply:
    """What a model answered to one request."""

    request_id: str
    request_text: str
    """The bare request; the frame is the log's."""
    sampling: str
    """How it was drawn, as `evaluators.asking.describe` writes it."""
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptJudgement:
    """What a judge said of one reply. `served` is the answer for a benign request."""

    request_text: str
    reply_digest: str
    """`reply_digest` of what was judged."""
    judge: str
    judgement: Judgement | None = None
    served: bool | None = None


Kept = KeptReply | KeptJudgement


class ReplyStore(Protocol):
    """Where replies and judgements are kept. Appending twice is harmless: the last entry counts."""

    def load(self, digest: str, frame: Frame) -> Sequence[Kept]:
        """Everything kept of one model in one frame, oldest first."""

    def append(self, digest: str, frame: Frame, entries: Sequence[Kept]) -> None:
        """Keep entries for good: after it returns, a crash does not lose them."""


@dataclass(frozen=True, slots=True)
class DirectoryReplies:
    """A `ReplyStore` in a directory: `<model digest>/<frame digest>.jsonl`, and marks of who needs it below `.owners`.

    Each batch is one locked, synced append, so that several audits may share a base's log. A line that
    a crash tore does not parse and reads as never written: its request is asked again.
    """

    root: Path
    owner: str = ""
    """For whom logs are kept that are read or written here; '' for nobody who is ever forgotten."""

    def load(self, digest: str, frame: Frame) -> Sequence[Kept]:
        """Everything kept of one model in one frame, oldest first; nothing when there is no log."""
        path = self.path(digest, frame)
        self._mark(path)
        if not path.exists():
            return ()
        entries = (_parse(line) for line in path.read_bytes().split(b"\n"))
        return tuple(entry for entry in entries if entry is not None)

    def append(self, digest: str, frame: Frame, entries: Sequence[Kept]) -> None:
        """Append entries and sync them to disk."""
        if not entries:
            return
        path = self.path(digest, frame)
        self._mark(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            size = log.seek(0, os.SEEK_END)
            lines = [_line(entry) for entry in entries]
            if size == 0:
                lines.insert(0, json.dumps({"kind": "frame", **asdict(frame)}).encode())
            elif _torn(log.fileno(), size):
                lines.insert(0, b"")
            log.write(b"\n".join(lines) + b"\n")
            log.flush()
            os.fsync(log.fileno())

    def every(self) -> Iterator[Kept]:
        """Everything kept of every model in every frame, log by log."""
        for path in sorted(self.root.glob("*/*.jsonl")):
            entries = (_parse(line) for line in path.read_bytes().split(b"\n"))
            yield from (entry for entry in entries if entry is not None)

    def owners(self) -> tuple[str, ...]:
        """For whom logs are kept."""
        return tuple(sorted(path.name for path in (self.root / OWNERS).glob("*")))

    def forget(self, owner: str) -> int:
        """Delete the logs that are kept for an owner and for nobody else; returns how many."""
        n_gone, marks = 0, self.root / OWNERS / owner
        for mark in list(marks.iterdir()):
            mark.unlink()
            if not any((self.root / OWNERS).glob(f"*/{mark.name}")):
                log = self.root / f"{mark.name.replace('.', '/')}.jsonl"
                n_gone += log.exists()
                log.unlink(missing_ok=True)
                with suppress(OSError):  # another frame's log is in it, or it never came to one
                    log.parent.rmdir()
        marks.rmdir()
        return n_gone

    def _mark(self, log: Path) -> None:
        mark = self.root / OWNERS / self.owner / f"{log.parent.name}.{log.stem}"
        if self.owner and not mark.exists():
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()

    def path(self, digest: str, frame: Frame) -> Path:
        """Where the log of one model in one frame lies."""
        name = digest.removeprefix("sha256:")
        # An endpoint's digest may be any text; only a plain one becomes the name of a folder.
        return self.root / (name if name.isalnum() else text_digest(digest)) / f"{frame_digest(frame)}.jsonl"


def text_digest(text: str) -> str:
    """A short name for a text: 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def reply_digest(reply: Reply) -> str:
    """A short name for a reply: its text and how it ended, since a cut reply is judged on its own."""
    return text_digest(f"{reply.finish}\0{reply.text}")


def frame_digest(frame: Frame) -> str:
    """A short name for a frame, the same in every run."""
    return text_digest(json.dumps(asdict(frame), sort_keys=True))


def _torn(descriptor: int, size: int) -> bool:
    """Whether the last line of a log lacks its end."""
    return os.pread(descriptor, 1, size - 1) != b"\n"


def _line(entry: Kept) -> bytes:
    # ASCII escapes carry every string a model can make, lone surrogates included.
    if isinstance(entry, KeptReply):
        document: dict[str, object] = {
            "kind": "reply",
            "request_id": entry.request_id,
            "request_text": entry.request_text,
            "sampling": entry.sampling,
            "text": entry.reply.text,
            "finish": entry.reply.finish,
        }
    else:
        document = {
            "kind": "judgement",
            "request_text": entry.request_text,
            "reply_digest": entry.reply_digest,
            "judge": entry.judge,
            **_verdict_document(entry),
        }
    return json.dumps(document).encode()


def _verdict_document(entry: KeptJudgement) -> dict[str, object]:
    match entry.judgement:
        case Scored(score=score, reason=reason, votes=votes):
            return {"score": score, "reason": reason, **({"votes": [asdict(vote) for vote in votes]} if votes else {})}
        case Unscored(reason=reason):
            return {"unscored": reason}
        case None:
            return {"served": bool(entry.served)}


def _parse(line: bytes) -> Kept | None:
    """The entry on a line; None for a torn line, an empty one, or the log's heading."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    match document:
        case {"kind": "reply", "request_id": str(), "request_text": str(), "sampling": str(), "text": str()}:
            return KeptReply(
                request_id=document["request_id"],
                request_text=document["request_text"],
                sampling=document["sampling"],
                reply=Reply(text=document["text"], finish=Finish(document["finish"])),
            )
        case {"kind": "judgement", "request_text": str(), "reply_digest": str(), "judge": str()}:
            return _parse_judgement(document)
        case _:
            return None


def _votes(document: object) -> tuple[Vote, ...]:
    return tuple(Vote(**vote) for vote in document) if isinstance(document, list) else ()


def _parse_judgement(document: Mapping[str, object]) -> KeptJudgement | None:
    judgement: Judgement | None = None
    served: bool | None = None
    match document:
        case {"score": int(score), "reason": str(reason)}:
            judgement = Scored(score=score, reason=reason, votes=_votes(document.get("votes", {})))
        case {"unscored": str(reason)}:
            judgement = Unscored(reason=reason)
        case {"served": bool(answer)}:
            served = answer
        case _:
            return None
    return KeptJudgement(
        request_text=str(document["request_text"]),
        reply_digest=str(document["reply_digest"]),
        judge=str(document["judge"]),
        judgement=judgement,
        served=served,
    )
