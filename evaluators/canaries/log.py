"""What judges said of the canaries of one audit, kept at once, so that an audit that was killed asks only the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from evaluators.frames import Frame
from evaluators.replies import KeptJudgement, ReplyStore, reply_digest, text_digest
from evaluators.types import Canary
from evaluators.verdicts import Unscored, Verdict
from moderation.chat import Finish, Reply


def reply_of(canary: Canary) -> Reply:
    """The canary's reply as a judge gets it."""
    return Reply(text=canary.reply, finish=Finish.STOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryLog:
    """What judges said of the canaries of one audit. Another audit tries its judge anew."""

    store: ReplyStore
    audit: str
    """Under this name the audit, run again with the same arguments, finds its log."""

    @classmethod
    def of(cls, store: ReplyStore, *arguments: str) -> Self:
        """The log of the audit with these arguments: what it was of, and what it went by."""
        return cls(store=store, audit=text_digest("\0".join(("canaries", *arguments))))

    def read(self, judge: str) -> dict[tuple[str, str], Verdict]:
        """What a judge said, by request and digest of the reply; what it left unscored is asked again."""
        said: dict[tuple[str, str], Verdict] = {
            (entry.request_text, entry.reply_digest): (
                bool(entry.served) if entry.judgement is None else entry.judgement
            )
            for entry in self.store.load(self.audit, Frame())
            if isinstance(entry, KeptJudgement) and entry.judge == judge
        }
        return {key: verdict for key, verdict in said.items() if not isinstance(verdict, Unscored)}

    def write(self, judge: str, said: Iterable[tuple[Canary, Verdict]]) -> None:
        """Keep what a judge said for good; the last word on a canary counts."""
        entries = [
            KeptJudgement(
                request_text=canary.request.text,
                reply_digest=reply_digest(reply_of(canary)),
                judge=judge,
                judgement=None if isinstance(verdict, bool) else verdict,
                served=verdict if isinstance(verdict, bool) else None,
            )
            for canary, verdict in said
        ]
        self.store.append(self.audit, Frame(), entries)
