"""The second look of an audit that is over, taken anew: people label while a model waits for its review."""

from dataclasses import replace

from evaluators.asking import Transcripts
from evaluators.audit import setting_of
from evaluators.judging.second_look import Seen, look_again
from evaluators.replies import ReplyStore
from evaluators.report.transcripts import Line, transcript
from evaluators.rule.tally import Pair
from evaluators.types import AuditPolicy, AuditReport, Corpus, Judge
from evaluators.verdicts import Unscored, Verdict


def look_anew(
    report: AuditReport, second: Judge, *, corpus: Corpus, replies: ReplyStore, policy: AuditPolicy
) -> AuditReport:
    """The report with what a second judge says now of the replies that it counts; no model and no first judge is asked.

    `corpus` and `policy` are those of the audit. The report comes back as it was where it has no second look by this
    judge, or not every reply is kept any more. Raises JudgeUnavailable.
    """
    look = report.second_look
    if look is None or look.judge != second.identity or corpus.digest != report.corpus_digest:
        return report
    models = (report.subject_digest, report.base_digest)
    told = [list(transcript(report, digest, corpus, replies)) for digest in models]
    if any(len(lines) != sum(found.n for found in report.arms) for lines in told):
        return report
    pairs: dict[str, list[Pair]] = {}
    for mine, theirs in zip(*told, strict=True):
        pairs.setdefault(mine.arm.name, []).append(
            Pair(
                request=mine.request,
                reply=mine.reply,
                base_reply=theirs.reply,
                candidate=_verdict(mine),
                base=_verdict(theirs),
            )
        )
    seen = [
        Seen(
            result=found,
            pairs=pairs[found.arm.name],
            setting=setting_of(found.arm, corpus, policy, len(report.arms), report.attempt),
        )
        for found in report.arms
    ]
    return replace(report, second_look=look_again(seen, models, second, Transcripts(replies), bound=look.bound))


def _verdict(line: Line) -> Verdict:
    return Unscored(reason="its verdict is not kept") if line.verdict is None else line.verdict
