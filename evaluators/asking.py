"""Asking a model and a judge, once each: what was answered before is read from the kept replies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from evaluators.ciphers import decode
from evaluators.degeneration import degenerate
from evaluators.errors import JudgeUnavailable
from evaluators.frames import Arm, ArmKind, Frame
from evaluators.replies import Kept, KeptJudgement, KeptReply, ReplyStore, reply_digest, text_digest
from evaluators.types import Corpus, Judge, Request, Subject
from evaluators.verdicts import Judgement, Scored, Service, Unscored, Verdict
from moderation.chat import Finish, Reply, Sampling
from moderation.errors import ChatUnavailable

BATCH = 330
"""Prompts sent to a model, or replies to a judge, before they are kept: what a crash can lose. One rung of an arm, so
that a batch has one frame and an engine reads once what all of its prompts begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One request under one arm."""

    arm: Arm
    request: Request


_Item = TypeVar("_Item")
Answer = tuple[Task, Reply]


def describe(sampling: Sampling) -> str:
    """How replies are drawn, as reports and kept replies state it."""
    how = "greedy" if sampling.temperature == 0 else f"temperature={sampling.temperature:g} top_p={sampling.top_p:g}"
    return f"{how} max_tokens={sampling.max_tokens}"


def requests_of(arm: Arm, corpus: Corpus) -> tuple[Request, ...]:
    """What an arm asks; an audit takes as many of the first as its rung says."""
    if arm.language:
        return corpus.languages[arm.language]
    match arm.kind:
        case ArmKind.BENIGN:
            return corpus.benign
        case ArmKind.OVER_REFUSAL:
            return corpus.lookalikes
        case _:
            return corpus.harmful


def drawn_by(arm: Arm, sampling: Sampling) -> Sampling:
    """How an arm's replies are drawn in an audit with this sampling."""
    return sampling if arm.temperature is None else replace(sampling, temperature=arm.temperature)


def readable(frame: Frame, reply: Reply) -> Reply:
    """The reply as a judge gets it: in an enciphered arm with what it says in plain words below it."""
    said = decode(reply.text, frame.cipher) if frame.cipher else ""
    return replace(reply, text=f"{reply.text}\n\n{said}") if said else reply


_Key = tuple[str, str, str, bool]
"""Judge, request, reply digest, benign: all that a verdict depends on, whoever replied in whatever frame."""


@dataclass(slots=True)
class Transcripts:
    """An index over kept replies, loaded log by log, that writes through to the store."""

    store: ReplyStore
    _replies: dict[tuple[str, Frame, str, str], Reply] = field(default_factory=dict)
    _verdicts: dict[_Key, Verdict] = field(default_factory=dict)
    _written: set[tuple[str, Frame, _Key]] = field(default_factory=set)
    _loaded: set[tuple[str, Frame]] = field(default_factory=set)

    def reply(self, digest: str, task: Task, sampling: str) -> Reply | None:
        """The reply that a model gave to a task, None when it was not asked yet."""
        self._load(digest, task.arm.frame)
        return self._replies.get((digest, task.arm.frame, task.request.text, sampling))

    def keep_replies(self, digest: str, tasks: Sequence[Task], replies: Sequence[Reply], sampling: str) -> None:
        """Keep what a model answered to tasks, one append a frame."""
        of_frame: dict[Frame, list[Kept]] = {}
        for task, reply in zip(tasks, replies, strict=True):
            request = task.request
            kept = KeptReply(request_id=request.id, request_text=request.text, sampling=sampling, reply=reply)
            of_frame.setdefault(task.arm.frame, []).append(kept)
            self._replies[digest, task.arm.frame, request.text, sampling] = reply
        for frame, entries in of_frame.items():
            self.store.append(digest, frame, entries)

    def verdict(self, answer: Answer, judge: str) -> Verdict | None:
        """What a judge said of an answer, None when it did not judge it."""
        return self._verdicts.get(_key(answer, judge))

    def learn(self, answer: Answer, judge: str, verdict: Verdict) -> None:
        """Take in what a judge said, for every model and frame with the same reply to the same request."""
        self._verdicts[_key(answer, judge)] = verdict

    def keep_verdicts(self, frame: Frame, answers: Sequence[tuple[str, Answer]], judge: str) -> None:
        """Keep the verdicts on answers in one frame, one append a model; what its log has is left out."""
        of_model: dict[str, list[Kept]] = {}
        for digest, answer in answers:
            verdict, key = self.verdict(answer, judge), _key(answer, judge)
            if verdict is None or (digest, frame, key) in self._written:
                continue
            self._written.add((digest, frame, key))
            kept = KeptJudgement(
                request_text=answer[0].request.text,
                reply_digest=reply_digest(answer[1]),
                judge=judge,
                judgement=None if isinstance(verdict, bool) else verdict,
                served=verdict if isinstance(verdict, bool) else None,
            )
            of_model.setdefault(digest, []).append(kept)
        for digest, entries in of_model.items():
            self.store.append(digest, frame, entries)

    def disown(self, judge: str) -> None:
        """Forget for good what a judge said, in every log that was read or written here."""
        of_log: dict[tuple[str, Frame], list[Kept]] = {}
        nothing = Unscored(reason="said by a judge that is not believed any more")
        for digest, frame, key in [entry for entry in self._written if entry[2][0] == judge]:
            kept = KeptJudgement(request_text=key[1], reply_digest=key[2], judge=judge, judgement=nothing)
            of_log.setdefault((digest, frame), []).append(kept)
            self._written.discard((digest, frame, key))
            self._verdicts.pop(key, None)
        for (digest, frame), entries in of_log.items():
            self.store.append(digest, frame, entries)

    def _load(self, digest: str, frame: Frame) -> None:
        if (digest, frame) in self._loaded:
            return
        self._loaded.add((digest, frame))
        for entry in self.store.load(digest, frame):
            if isinstance(entry, KeptReply):
                self._replies[digest, frame, entry.request_text, entry.sampling] = entry.reply
                continue
            keys = [(entry.judge, entry.request_text, entry.reply_digest, benign) for benign in (False, True)]
            if isinstance(entry.judgement, Unscored):
                # It is judged again in a new audit: the judge may have been at fault.
                for key in keys:
                    self._verdicts.pop(key, None)
                    self._written.discard((digest, frame, key))
            else:
                key = keys[entry.judgement is None]
                self._verdicts[key] = bool(entry.served) if entry.judgement is None else entry.judgement
                self._written.add((digest, frame, key))


def ask(
    subject: Subject,
    tasks: Sequence[Task],
    sampling: Sampling,
    transcripts: Transcripts,
    on_batch: Callable[[Task, int], None],
) -> list[Answer]:
    """The model's answer to every task, in order; only what is not kept yet is asked, batch by batch.

    An arm with a temperature of its own is asked at that; all else of `sampling` is for every arm.
    `on_batch` gets the last task and the number of answers had so far. Raises ChatUnavailable.
    """
    answers: list[Answer] = []
    for start, batch in _batches(tasks):
        missing: dict[Sampling, list[Task]] = {}
        for task in batch:
            drawn = drawn_by(task.arm, sampling)
            if transcripts.reply(subject.digest, task, describe(drawn)) is None:
                missing.setdefault(drawn, []).append(task)
        for drawn, unanswered in missing.items():
            prompts = [task.arm.frame.conversation(task.request.text) for task in unanswered]
            replies = subject.model.complete(prompts, replace(drawn, seed=drawn.seed + start))
            if len(replies) != len(prompts):
                raise ChatUnavailable(f"{subject.model.identity} gave {len(replies)} replies to {len(prompts)} prompts")
            transcripts.keep_replies(subject.digest, unanswered, replies, describe(drawn))
        for task in batch:
            reply = transcripts.reply(subject.digest, task, describe(drawn_by(task.arm, sampling)))
            if reply is None:
                raise ChatUnavailable(f"the reply to {task.request.id} could not be kept")
            answers.append((task, reply))
        on_batch(batch[-1], len(answers))
    return answers


def judge_answers(judge: Judge, answers: Sequence[tuple[str, Answer]], transcripts: Transcripts) -> list[Verdict]:
    """A verdict on every answer, in order, each with the digest of the model that gave it.

    The judge is blind: within an arm it gets the answers of both models in an order that depends on
    their text only, and a pair of request and reply once however often it was given. Raises
    JudgeUnavailable.
    """
    by_frame: dict[Frame, list[tuple[str, Answer]]] = {}
    for digest, answer in answers:
        by_frame.setdefault(answer[0].arm.frame, []).append((digest, answer))
    for frame, members in by_frame.items():
        pending = {_key(answer, judge.identity): answer for _, answer in members}
        unjudged = [answer for answer in pending.values() if transcripts.verdict(answer, judge.identity) is None]
        for benign in (False, True):
            wanted = sorted((a for a in unjudged if (a[0].request.category is None) is benign), key=_blind)
            for _, batch in _batches(wanted):
                pairs = [(task.request, reply) for task, reply in batch]
                for answer, verdict in zip(
                    batch, _served(judge, pairs) if benign else score(judge, pairs), strict=True
                ):
                    transcripts.learn(answer, judge.identity, verdict)
                transcripts.keep_verdicts(frame, members, judge.identity)
        transcripts.keep_verdicts(frame, members, judge.identity)
    verdicts = [transcripts.verdict(answer, judge.identity) for _, answer in answers]
    return [Unscored(reason="not judged") if verdict is None else verdict for verdict in verdicts]


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


def _served(judge: Judge, pairs: Sequence[tuple[Request, Reply]]) -> list[Service]:
    served = list(judge.served(pairs))
    if len(served) != len(pairs):
        raise JudgeUnavailable(f"{judge.identity} gave {len(served)} answers on {len(pairs)} benign replies")
    return [_service(answer, reply) for answer, (_, reply) in zip(served, pairs, strict=True)]


def _service(answer: Service, reply: Reply) -> Service:
    # A filtered reply never reached the customer, and one that goes in circles serves nobody, whatever a judge says.
    if reply.finish is Finish.CONTENT_FILTER or degenerate(reply.text):
        return False
    return answer if isinstance(answer, bool | Unscored) else Unscored(reason=f"the judge said {answer!r:.60}")


def _on_scale(judgement: Judgement) -> Judgement:
    if isinstance(judgement, Scored) and judgement.score not in range(1, 6):
        return Unscored(reason=f"score {judgement.score} is off the scale of 1 to 5")
    return judgement


def _key(answer: Answer, judge: str) -> _Key:
    task, reply = answer
    return judge, task.request.text, reply_digest(reply), task.request.category is None


def _blind(answer: Answer) -> str:
    """An order that tells nothing of who answered."""
    return text_digest(f"{answer[0].request.text}\0{answer[1].text}")


def _batches(items: Sequence[_Item]) -> Iterator[tuple[int, Sequence[_Item]]]:
    for start in range(0, len(items), BATCH):
        yield start, items[start : start + BATCH]
