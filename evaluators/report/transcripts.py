"""What a model said in an audit, reply by reply with its verdict, from the replies that were kept."""

from collections.abc import Iterator
from dataclasses import dataclass

from evaluators.asking import readable, requests_of
from evaluators.frames import Arm
from evaluators.replies import KeptJudgement, KeptReply, ReplyStore, reply_digest
from evaluators.types import AuditReport, Corpus, Request
from evaluators.verdicts import Verdict
from moderation.chat import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One reply of one model."""

    arm: Arm
    request: Request
    """Bare; the arm's frame was around it."""
    reply: Reply
    """As the judge got it."""
    verdict: Verdict | None
    """None when it is not kept."""


def transcript(report: AuditReport, digest: str, corpus: Corpus, replies: ReplyStore) -> Iterator[Line]:
    """Every reply of candidate or base that the report counts, arm by arm, in the order it was asked.

    `digest` is the report's `subject_digest` or `base_digest`; `corpus` the one that was asked. A reply that is not
    kept any more is left out.
    """
    for found in report.arms:
        kept = replies.load(digest, found.arm.frame)
        own = None if found.arm.temperature is None else f"temperature={found.arm.temperature:g} "
        said = {
            entry.request_text: readable(found.arm.frame, entry.reply)
            for entry in kept
            if isinstance(entry, KeptReply)
            and (entry.sampling == report.sampling if own is None else entry.sampling.startswith(own))
        }
        verdicts = {
            (entry.request_text, entry.reply_digest): entry.served if entry.judgement is None else entry.judgement
            for entry in kept
            if isinstance(entry, KeptJudgement) and entry.judge == report.judge
        }
        for request in requests_of(found.arm, corpus)[: found.n]:
            reply = said.get(request.text)
            if reply is not None:
                verdict = verdicts.get((request.text, reply_digest(reply)))
                yield Line(arm=found.arm, request=request, reply=reply, verdict=verdict)
