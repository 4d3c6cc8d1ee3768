"""Replies with known answers, slipped between those of an audit: they try the judge, not the model.

The judge cannot tell them from the rest. One that misses too many is not believed about anything, and the audit ends
as not completed; nothing is held against the model. Of a panel each member is tried by itself, since a release needs
them all: one that is deaf would agree with everything. What was said of a canary is kept at once, like any verdict, so
that an audit that was killed asks only what is missing.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from evaluators.canaries.log import CanaryLog, reply_of
from evaluators.canaries.style import Style, dress, dress_service
from evaluators.canaries.trying import HARM, SERVICE, Trial
from evaluators.errors import JudgeUnavailable
from evaluators.judging.panel import Panel, fitness, short_name
from evaluators.types import Corpus, Judge, Request
from evaluators.verdicts import Fitness, JudgeCheck, Judgement, Service, Verdict
from moderation.chat import Reply

SHARE = 0.25
"""Canaries beside each pair of a batch, until all of them were asked."""
BATCH = 256
"""Canaries asked at once when an audit has nothing else left to ask."""
_Pair = tuple[Request, Reply]
_Said = TypeVar("_Said", bound=Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedJudge:
    """A `Judge` that is tried while it works. One is made for each audit."""

    inner: Judge
    harm: Trial
    service: Trial

    @classmethod
    def of(cls, judge: Judge, corpus: Corpus, log: CanaryLog) -> Self:
        """A judge and all that it can be tried with."""
        fit, binding = fitness(judge), fitness(judge) is not Fitness.SMOKE_TEST
        service = corpus.slipped_service if fit is Fitness.FULL else ()
        return cls(
            inner=judge,
            harm=Trial(judge=judge.identity, kinds=HARM, canaries=corpus.slipped, log=log, binding=binding),
            service=Trial(judge=judge.identity, kinds=SERVICE, canaries=service, log=log, binding=binding),
        )

    @property
    def identity(self) -> str:
        """The watched judge's."""
        return self.inner.identity

    @property
    def corpora(self) -> tuple[str, ...]:
        """The watched judge's."""
        return self.inner.corpora

    @property
    def fitness(self) -> Fitness:
        """The watched judge's."""
        return fitness(self.inner)

    def judge(self, pairs: Sequence[_Pair]) -> Sequence[Judgement]:
        """The watched judge's judgements.

        Raises JudgeUnavailable, and JudgeUnreliable when it missed too many canaries.
        """
        return _mixed(pairs, self.harm, self.inner.judge)

    def served(self, pairs: Sequence[_Pair]) -> Sequence[Service]:
        """The watched judge's answers. Raises as `judge` does."""
        return _mixed(pairs, self.service, self.inner.served)

    def finish(self) -> None:
        """Ask the canaries that are left. Raises as `judge` does."""
        while batch := self.harm.next(BATCH):
            said = _each(self.identity, self.inner.judge, [(canary.request, reply_of(canary)) for canary in batch])
            self.harm.take_in(list(zip(batch, said, strict=True)))
        while batch := self.service.next(BATCH):
            answers = _each(self.identity, self.inner.served, [(canary.request, reply_of(canary)) for canary in batch])
            self.service.take_in(list(zip(batch, answers, strict=True)))
        self.harm.require_reliable()
        self.service.require_reliable()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A judge, or a panel, every member of which is tried while it works."""

    judge: Judge
    members: tuple[WatchedJudge, ...]

    @classmethod
    def over(cls, judge: Judge, corpus: Corpus, log: CanaryLog) -> Self:
        """The watch over the judge of an audit."""
        if not isinstance(judge, Panel):
            alone = WatchedJudge.of(judge, corpus, log)
            return cls(judge=alone, members=(alone,))
        counted = tuple(WatchedJudge.of(member, corpus, log) for member in judge.counted)
        reported = tuple(WatchedJudge.of(member, corpus, log) for member in judge.reported)
        return cls(judge=Panel(counted=counted, reported=reported), members=(*counted, *reported))

    def dress(self, replies: Sequence[str]) -> None:
        """Put the canaries in the style of these replies of the candidate, unless some were asked already."""
        style = Style.of(replies)
        for member in self.members:
            if not (member.harm.begun or member.service.begun):
                member.harm.canaries = dress(member.harm.canaries, style)
                member.service.canaries = dress_service(member.service.canaries, style)

    def finish(self) -> JudgeCheck | None:
        """Ask the canaries that are left; how the judges did on all of them, None without canaries.

        Raises as `WatchedJudge.judge` does.
        """
        for member in self.members:
            member.finish()
        binding = [member for member in self.members if member.harm.binding]
        harm, service = [member.harm for member in binding], [member.service for member in binding]
        several = self.members if len(self.members) > 1 else ()
        harmful, safe = (harm[0].count(harmful=kind) for kind in (True, False))
        if not harmful + safe:
            return None
        full = [trial for trial in service if trial.canaries]
        return JudgeCheck(
            harmful=harmful,
            harmful_right=min(trial.right(harmful=True) for trial in harm),
            safe=safe,
            safe_right=min(trial.right(harmful=False) for trial in harm),
            refused=max((trial.count(harmful=True) for trial in full), default=0),
            refused_right=min((trial.right(harmful=True) for trial in full), default=0),
            served=max((trial.count(harmful=False) for trial in full), default=0),
            served_right=min((trial.right(harmful=False) for trial in full), default=0),
            missed_by={short_name(one): harmful - one.harm.right(harmful=True) for one in several},
            condemned_by={short_name(one): safe - one.harm.right(harmful=False) for one in several},
        )


def _mixed(pairs: Sequence[_Pair], trial: Trial, ask: Callable[[Sequence[_Pair]], Sequence[_Said]]) -> Sequence[_Said]:
    """What a judge says of the pairs, asked among canaries in an order that depends on the texts only."""
    slipped = trial.next(math.ceil(SHARE * len(pairs)))
    mixed = [*pairs, *((canary.request, reply_of(canary)) for canary in slipped)]
    order = sorted(range(len(mixed)), key=lambda place: _blind(*mixed[place]))
    answers = _each(trial.judge, ask, [mixed[place] for place in order])
    said = dict(zip(order, answers, strict=True))
    trial.take_in([(canary, said[len(pairs) + place]) for place, canary in enumerate(slipped)])
    return [said[place] for place in range(len(pairs))]


def _each(judge: str, ask: Callable[[Sequence[_Pair]], Sequence[_Said]], pairs: Sequence[_Pair]) -> list[_Said]:
    """One answer a pair: of fewer nobody knows which reply they are about."""
    answers = list(ask(pairs))
    if len(answers) != len(pairs):
        raise JudgeUnavailable(f"{judge} gave {len(answers)} answers on {len(pairs)} replies")
    return answers


def _blind(request: Request, reply: Reply) -> str:
    return hashlib.sha256(f"{request.text}\0{reply.text}".encode("utf-8", "surrogatepass")).hexdigest()
