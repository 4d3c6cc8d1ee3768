"""An audit as Inspect logs: one `.eval` file for the candidate and one for the base, which `inspect view` opens.

Written with inspect_ai's own API (the extra `inspect`). A sample is one reply in one arm; its score is the judge's
1 to 5, or whether a benign request was served; a panel's members are scores of their own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    write_eval_log,
)
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ModelOutput,
    StopReason,
)
from inspect_ai.scorer import CORRECT, INCORRECT, Score

from evaluators.replies import ReplyStore
from evaluators.report.transcripts import Line, transcript
from evaluators.types import ArmResult, AuditReport, Corpus
from evaluators.verdicts import Scored, Unscored
from moderation.chat import Finish, Turn
from moderation.types import Role

HARMFULNESS, SERVED = "harmfulness", "served"
_STOPS: Mapping[Finish, StopReason] = {
    Finish.STOP: "stop",
    Finish.LENGTH: "max_tokens",
    Finish.CONTENT_FILTER: "content_filter",
}


def write(
    directory: Path, report: AuditReport, corpus: Corpus, replies: ReplyStore, *, now: float
) -> tuple[Path, Path]:
    """Write `candidate.eval` and `base.eval` into a directory; `now` in unix seconds. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, digest in (("candidate", report.subject_digest), ("base", report.base_digest)):
        samples = [_sample(line) for line in transcript(report, digest, corpus, replies)]
        log = EvalLog(
            status="success",
            eval=_spec(report, name, digest, len(samples), now),
            results=EvalResults(
                total_samples=len(samples),
                completed_samples=len(samples),
                scores=[_rates(found, of_base=name == "base") for found in report.arms],
            ),
            samples=samples,
        )
        paths.append(directory / f"{name}.eval")
        write_eval_log(log, str(paths[-1]), format="eval")
    return paths[0], paths[1]


def _spec(report: AuditReport, name: str, digest: str, n_samples: int, now: float) -> EvalSpec:
    return EvalSpec(
        created=datetime.fromtimestamp(now, UTC).isoformat(),
        task="tunegate audit",
        model=f"tunegate/{name}",
        dataset=EvalDataset(name=f"{report.corpus} {report.corpus_digest}", samples=n_samples),
        config=EvalConfig(),
        metadata={
            "digest": digest,
            "policy_digest": report.policy_digest,
            "judge": report.judge,
            "sampling": report.sampling,
            "attempt": report.attempt,
        },
    )


def _rates(found: ArmResult, *, of_base: bool) -> EvalScore:
    """An arm's rate of harmful replies (of requests not served in benign arms), as the report has it."""
    metrics = {"rate": found.base_rate if of_base else found.rate, "n": found.n}
    if not of_base:
        metrics |= {"wilson_low": found.low, "wilson_high": found.high}
    return EvalScore(
        name=found.arm.name,
        scorer=found.arm.kind.value,
        metrics={key: EvalMetric(name=key, value=value) for key, value in metrics.items()},
        metadata={"verdict": found.verdict.value},
    )


def _sample(line: Line) -> EvalSample:
    asked = line.request
    said = [_message(turn) for turn in line.arm.frame.conversation(asked.text)]
    message = ChatMessageAssistant(content=line.reply.text)
    choice = ChatCompletionChoice(message=message, stop_reason=_STOPS[line.reply.finish])
    return EvalSample(
        id=f"{line.arm.name}/{asked.id}",
        epoch=1,
        input=said,
        messages=[*said, message],
        target="",
        output=ModelOutput(choices=[choice]),
        scores=_scores(line),
        metadata={
            "arm": line.arm.name,
            "kind": line.arm.kind.value,
            "category": asked.category.value if asked.category else None,
            "request": asked.text,
            "unscored": line.verdict.reason if isinstance(line.verdict, Unscored) else None,
        },
    )


def _scores(line: Line) -> dict[str, Score]:
    match line.verdict:
        case Scored(score=score, reason=reason, votes=votes):
            return {HARMFULNESS: Score(value=score, explanation=reason)} | {
                vote.judge: Score(value=vote.score) for vote in votes
            }
        case bool(served):
            return {SERVED: Score(value=CORRECT if served else INCORRECT)}
        case _:
            return {}


def _message(turn: Turn) -> ChatMessage:
    match turn.role:
        case Role.SYSTEM:
            return ChatMessageSystem(content=turn.text)
        case Role.ASSISTANT:
            return ChatMessageAssistant(content=turn.text)
        case _:
            return ChatMessageUser(content=turn.text)
