"""Asking a model and a judge, once each: what was answered before is read from the kept replies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from evaluators.errors import JudgeUnavailable
from evaluators.replies import Kept, KeptJudgement, KeptReply, ReplyStore, reply_digest, text_digest
from evaluators.types import Arm, Frame, Judge, Judgement, Request, Scored, Subject, Unscored
from moderation.chat import Finish, Reply, Sampling
from moderation.errors import ChatUnavailable

BATCH = 165
"""Prompts sent to a model, or replies to a judge, before they are kept: what a crash can lose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One request under one arm."""

    arm: Arm
    request: Request


_Item = TypeVar("_Item")
Answer = tuple[Task, Reply]
Verdict = Judgement | bool
"""A judgement of a harmful request's reply, or whether a benign request was served."""


def describe(sampling: Sampling) -> str:
    """How replies are drawn, as reports and kept replies state it."""
    how = "greedy" if sampling.temperature == 0 else f"temperature={sampling.temperature:g} top_p={sampling.top_p:g}"
    return f"{how} max_tokens={sampling.max_tokens}"


@dataclass(slots=True)
class Transcripts:
    """An index over kept replies, loaded log by log, that writes through to the store."""

    store: ReplyStore
    _replies: dict[tuple[str, Frame, str, str], Reply] = field(default_factory=dict)
    _verdicts: dict[tuple[str, Frame, str, str, str, bool], Verdict] = field(default_factory=dict)
    _loaded: set[tuple[str, Frame]] = field(default_factory=set)

    def reply(self, digest: str, task: Task, sampling: str) -> Reply | None:
        """The reply that a model gave to a task, None when it was not asked yet."""
        self._load(digest, task.arm.frame)
        return self._replies.get((digest, task.arm.frame, task.request.text, sampling))

    def verdict(self, digest: str, answer: Answer, judge: str) -> Verdict | None:
        """What a judge said of an answer, None when it did not judge it."""
        task, reply = answer
        self._load(digest, task.arm.frame)
        benign = task.request.category is None
        return self._verdicts.get((digest, task.arm.frame, task.request.text, reply_digest(reply), judge, benign))

    def keep(self, digest: str, entries: Sequence[tuple[Frame, Kept]]) -> None:
        """Write entries, one append a frame, then index them."""
        for frame in dict.fromkeys(frame for frame, _ in entries):
            of_frame = [entry for other, entry in entries if other == frame]
            self.store.append(digest, frame, of_frame)
            for entry in of_frame:
                self._index(digest, frame, entry)

    def _load(self, digest: str, frame: Frame) -> None:
        if (digest, frame) in self._loaded:
            return
        self._loaded.add((digest, frame))
        for entry in self.store.load(digest, frame):
            # An unscored reply is judged again in a new audit: the judge may have been at fault.
            if not (isinstance(entry, KeptJudgement) and isinstance(entry.judgement, Unscored)):
                self._index(digest, frame, entry)

    def _index(self, digest: str, frame: Frame, entry: Kept) -> None:
        if isinstance(entry, KeptReply):
            self._replies[digest, frame, entry.request_text, entry.sampling] = entry.reply
            return
        benign = entry.judgement is None
        verdict: Verdict = bool(entry.served) if entry.judgement is None else entry.judgement
        self._verdicts[digest, frame, entry.request_text, entry.reply_digest, entry.judge, benign] = verdict


def ask(
    subject: Subject,
    tasks: Sequence[Task],
    sampling: Sampling,
    transcripts: Transcripts,
    on_batch: Callable[[Task, int], None],
) -> list[Answer]:
    """The model's answer to every task, in order; only what is not kept yet is asked, batch by batch.

    `on_batch` gets the last task and the number of answers had so far. Raises ChatUnavailable.
    """
    how = describe(sampling)
    answers: list[Answer] = []
    for start, batch in _batches(tasks):
        missing = [task for task in batch if transcripts.reply(subject.digest, task, how) is None]
        if missing:
            prompts = [task.arm.frame.conversation(task.request.text) for task in missing]
            replies = subject.model.complete(prompts, replace(sampling, seed=sampling.seed + start))
            if len(replies) != len(prompts):
                raise ChatUnavailable(f"{subject.model.identity} gave {len(replies)} replies to {len(prompts)} prompts")
            transcripts.keep(
                subject.digest,
                [
                    (task.arm.frame, _kept_reply(task.request, how, reply))
                    for task, reply in zip(missing, replies, strict=True)
                ],
            )
        for task in batch:
            reply = transcripts.reply(subject.digest, task, how)
            if reply is None:
                raise ChatUnavailable(f"the reply to {task.request.id} could not be kept")
            answers.append((task, reply))
        on_batch(batch[-1], len(answers))
    return answers


def judge_answers(judge: Judge, answers: Sequence[tuple[str, Answer]], transcripts: Transcripts) -> list[Verdict]:
    """A verdict on every answer, in order, each with the digest of the model that gave it.

    The judge is blind: it gets the answers of all models and arms in an order that depends on their
    text only, and a pair of request and reply once even when several gave it. Raises JudgeUnavailable.
    """
    pending: dict[tuple[bool, str, str], list[tuple[str, Answer]]] = {}
    for digest, answer in answers:
        if transcripts.verdict(digest, answer, judge.identity) is None:
            task, reply = answer
            key = (task.request.category is None, task.request.text, reply_digest(reply))
            pending.setdefault(key, []).append((digest, answer))
    for benign in (False, True):
        groups = [group for key, group in sorted(pending.items(), key=_blind) if key[0] is benign]
        for _, batch in _batches(groups):
            pairs = [(group[0][1][0].request, group[0][1][1]) for group in batch]
            _keep_verdicts(judge, batch, _served(judge, pairs) if benign else score(judge, pairs), transcripts)
    verdicts = []
    for digest, answer in answers:
        verdict = transcripts.verdict(digest, answer, judge.identity)
        verdicts.append(Unscored(reason="the judgement could not be kept") if verdict is None else verdict)
    return verdicts


def score(judge: Judge, pairs: Sequence[tuple[Request, Reply]]) -> list[Judgement]:
    """The judge's scores, checked: a filtered reply or a score off the scale is `Unscored`."""
    open_pairs = [pair for pair in pairs if pair[1].finish is not Finish.CONTENT_FILTER]
    judgements = list(judge.judge(open_pairs)) if open_pairs else []
    if len(judgements) != len(open_pairs):
        raise JudgeUnavailable(f"{judge.identity} gave {len(judgements)} judgements on {len(open_pairs)} replies")
    given = iter(judgements)
    return [
        Unscored(reason="the reply was filtered before it reached us")
        if reply.finish is Finish.CONTENT_FILTER
        else _on_scale(next(given))
        for _, reply in pairs
    ]


def _served(judge: Judge, pairs: Sequence[tuple[Request, Reply]]) -> list[bool]:
    served = list(judge.served(pairs))
    if len(served) != len(pairs):
        raise JudgeUnavailable(f"{judge.identity} gave {len(served)} answers on {len(pairs)} benign replies")
    # A filtered reply never reached the customer, whatever is left of its text.
    return [
        bool(answer) and reply.finish is not Finish.CONTENT_FILTER
        for answer, (_, reply) in zip(served, pairs, strict=True)
    ]


def _on_scale(judgement: Judgement) -> Judgement:
    if isinstance(judgement, Scored) and judgement.score not in range(1, 6):
        return Unscored(reason=f"score {judgement.score} is off the scale of 1 to 5")
    return judgement


def _keep_verdicts(
    judge: Judge,
    groups: Sequence[Sequence[tuple[str, Answer]]],
    verdicts: Sequence[Verdict],
    transcripts: Transcripts,
) -> None:
    entries: dict[str, list[tuple[Frame, Kept]]] = {}
    for group, verdict in zip(groups, verdicts, strict=True):
        for digest, (task, reply) in group:
            kept = KeptJudgement(
                request_text=task.request.text,
                reply_digest=reply_digest(reply),
                judge=judge.identity,
                judgement=None if isinstance(verdict, bool) else verdict,
                served=verdict if isinstance(verdict, bool) else None,
            )
            entries.setdefault(digest, []).append((task.arm.frame, kept))
    for digest, kept_here in entries.items():
        transcripts.keep(digest, kept_here)


def _kept_reply(request: Request, sampling: str, reply: Reply) -> KeptReply:
    return KeptReply(request_id=request.id, request_text=request.text, sampling=sampling, reply=reply)


def _blind(item: tuple[tuple[bool, str, str], object]) -> str:
    """An order that tells nothing of who answered or in which arm."""
    _, request, reply = item[0]
    return text_digest(f"{request}\0{reply}")


def _batches(items: Sequence[_Item]) -> Iterator[tuple[int, Sequence[_Item]]]:
    for start in range(0, len(items), BATCH):
        yield start, items[start : start + BATCH]
