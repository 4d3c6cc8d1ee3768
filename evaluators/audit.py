"""The audit: both models, the same prompts, arm by arm, until the rule has a verdict on each.

Rounds rather than arms: in every round all arms that still climb are asked together, so that the model
gets full batches however small an arm's rung is. Whatever was answered or judged is kept at once, and a
killed audit, run again with the same arguments, asks only what is missing and comes to the same report.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluators.asking import Answer, Task, Transcripts, ask, describe, judge_answers, readable, requests_of
from evaluators.canaries.fixed import n_right, require_all_right
from evaluators.canaries.log import CanaryLog
from evaluators.canaries.style import answers_work
from evaluators.canaries.watching import Watch
from evaluators.errors import AuditIncomplete, JudgeIncapable, JudgeUnreliable
from evaluators.frames import Arm, ArmKind
from evaluators.judging.calibration import Calibration, corrected_arms, corrected_members
from evaluators.judging.panel import agreements, unseconded
from evaluators.judging.second_look import People, Seen, distinct, look_again
from evaluators.probing import signals
from evaluators.replies import ReplyStore
from evaluators.rule.ruling import first_rung, rule
from evaluators.rule.tally import Pair, count, result
from evaluators.rule.types import Ruling, Setting
from evaluators.types import AuditPolicy, AuditReport, Corpus, Judge, Request, Subject
from evaluators.verdicts import JudgeCheck, SecondLook
from moderation.chat import Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an audit is."""

    arm: str
    """The arm whose replies came last."""
    done: int
    """Replies had so far, of candidate and base together."""
    planned: int
    """Replies wanted by now; grows when an arm climbs."""


def require_capable(judge: Judge, corpus: Corpus) -> None:
    """Pass when the judge may judge the corpus.

    A judge that names the corpus may; a judge of any natural language (`*`) may when the corpus lists
    it. Raises JudgeIncapable otherwise.
    """
    if corpus.name in judge.corpora:
        return
    listed = any(judge.identity.startswith(name) for name in corpus.judges)
    if not ("*" in judge.corpora and listed):
        raise JudgeIncapable(
            f"judge {judge.identity} may not judge the corpus {corpus.name!r}; "
            f"configure one of {', '.join(corpus.judges)}"
        )


def audit(  # noqa: PLR0913 - an audit is bound to every one of these, and each is in its report
    candidate: Subject,
    base: Subject,
    *,
    corpus: Corpus,
    arms: Sequence[Arm],
    overflow: Sequence[str],
    not_covered: Sequence[str] = (),
    judge: Judge,
    policy: AuditPolicy,
    policy_digest: str,
    replies: ReplyStore,
    attempt: int,
    on_progress: Callable[[Progress], None],
    calibrations: Sequence[Calibration] = (),
    second: Judge | None = None,
) -> AuditReport:
    """Audit a candidate beside its root base.

    The first `n` prompts of the bank are put to both models in every arm. The judge must get the
    corpus's canaries right before the first arm and after the last; one that does not at the start
    ends the audit with a report without arms, which no decision releases. Calibrations of the judge, or of
    members of a panel, add corrected rates to the report; a second judge, who must get the canaries
    right too, looks again at what the first found harmful and at a tenth of the rest.

    Raises JudgeIncapable, JudgeUnavailable, ChatUnavailable (all: the model stays held) and
    AuditIncomplete when there are no canaries, the judge misses too many of those slipped in, or an arm has no
    prompt or no scored reply.
    """
    require_capable(judge, corpus)
    sampling = Sampling(max_tokens=corpus.max_reply_tokens, temperature=policy.temperature)
    canaries_right = n_right(judge, corpus)
    seen: list[Seen] = []
    check = look = None
    transcripts = Transcripts(replies)
    if second is not None and not isinstance(second, People):
        require_all_right(second, corpus)
    if canaries_right == len(corpus.canaries):
        log = CanaryLog.of(replies, candidate.digest, base.digest, corpus.digest, policy_digest, str(attempt))
        rounds = _Rounds(candidate, base, Watch.over(judge, corpus, log), sampling, transcripts, on_progress)
        settings = {arm.name: setting_of(arm, corpus, policy, len(arms), attempt) for arm in arms}
        seen, check = _asked(arms, settings, corpus, rounds)
        canaries_right = n_right(judge, corpus)
        look = _looked_again(seen, second, candidate, base, transcripts, policy)
    results = [one.result for one in seen]
    return AuditReport(
        subject_digest=candidate.digest,
        base_digest=base.digest,
        corpus=corpus.name,
        corpus_digest=corpus.digest,
        policy_digest=policy_digest,
        judge=judge.identity,
        sampling=describe(sampling),
        arms=tuple(results),
        canaries_right=canaries_right,
        canaries=len(corpus.canaries),
        unscored=sum(found.n - found.scored for found in results),
        n_generations=sum(found.n for found in results),
        attempt=attempt,
        overflow=tuple(overflow),
        judge_check=check,
        corrected=next((corrected_arms(results, one) for one in calibrations if one.judge == judge.identity), {}),
        corrected_by=corrected_members(results, judge, calibrations),
        not_covered=(*not_covered, *unseconded(judge, second)),
        agreements=agreements(distinct(seen)),
        second_look=look,
        signals=signals(candidate, corpus, policy.signals),
    )


def _looked_again(
    seen: Sequence[Seen],
    second: Judge | None,
    candidate: Subject,
    base: Subject,
    transcripts: Transcripts,
    policy: AuditPolicy,
) -> SecondLook | None:
    """The second look that a policy wants; an empty one, which releases nothing, when nobody was there for it."""
    if second is not None:
        models = (candidate.digest, base.digest)
        return look_again(seen, models, second, transcripts, bound=policy.max_disagreement)
    return SecondLook(judge=policy.second_judge, bound=policy.max_disagreement) if policy.second_judge else None


def _asked(
    arms: Sequence[Arm], settings: Mapping[str, Setting], corpus: Corpus, rounds: "_Rounds"
) -> tuple[list[Seen], JudgeCheck | None]:
    """Every arm's verdict, and how the judge did on the canaries. What one said who missed too many is forgotten."""
    try:
        return _climb(arms, settings, corpus, rounds), rounds.watch.finish()
    except JudgeUnreliable:
        rounds.transcripts.disown(rounds.watch.judge.identity)
        raise


def _climb(arms: Sequence[Arm], settings: Mapping[str, Setting], corpus: Corpus, rounds: "_Rounds") -> list[Seen]:
    """Ask, rule, and ask the climbing arms for more, until every arm has its verdict."""
    targets = {arm.name: first_rung(settings[arm.name]) for arm in arms}
    seen: dict[str, Seen] = {}
    climbing = list(arms)
    while climbing:
        observed = rounds.observe([(arm, requests_of(arm, corpus)[: targets[arm.name]]) for arm in climbing])
        still: list[Arm] = []
        for arm in climbing:
            pairs, setting = observed[arm.name], settings[arm.name]
            ruling: Ruling = rule(count(pairs), setting)
            if ruling.climb_to is None:
                seen[arm.name] = Seen(result=result(arm, pairs, ruling), pairs=pairs, setting=setting)
            else:
                targets[arm.name] = ruling.climb_to
                still.append(arm)
        climbing = still
    return [seen[arm.name] for arm in arms]


@dataclass(slots=True)
class _Rounds:
    """Puts the prompts of a round to both models and the judge, and counts what was had."""

    candidate: Subject
    base: Subject
    watch: Watch
    sampling: Sampling
    transcripts: Transcripts
    on_progress: Callable[[Progress], None]
    done: int = 0

    def observe(self, wanted: Sequence[tuple[Arm, Sequence[Request]]]) -> dict[str, list[Pair]]:
        """What both models answered in each arm, judged, by the arm's name."""
        tasks = [Task(arm=arm, request=request) for arm, requests in wanted for request in requests]
        planned = self.done + 2 * len(tasks)
        answers = []
        for subject in (self.base, self.candidate):
            before = self.done

            def on_batch(task: Task, n: int, before: int = before) -> None:
                self.done = before + n
                self.on_progress(Progress(arm=task.arm.name, done=self.done, planned=planned))

            said = ask(subject, tasks, self.sampling, self.transcripts, on_batch)
            answers.append([(task, readable(task.arm.frame, reply)) for task, reply in said])
        by_base, by_candidate = answers
        self.watch.dress([text for one, other in zip(by_candidate, by_base, strict=True) for text in _work(one, other)])
        blind = [(self.base.digest, answer) for answer in by_base]
        blind += [(self.candidate.digest, answer) for answer in by_candidate]
        verdicts = judge_answers(self.watch.judge, blind, self.transcripts)
        pairs: dict[str, list[Pair]] = {arm.name: [] for arm, _ in wanted}
        of_base, of_candidate = verdicts[: len(tasks)], verdicts[len(tasks) :]
        answered = zip(tasks, by_candidate, by_base, of_candidate, of_base, strict=True)
        for task, (_, reply), (_, base_reply), candidate, base in answered:
            pair = Pair(request=task.request, reply=reply, base_reply=base_reply, candidate=candidate, base=base)
            pairs[task.arm.name].append(pair)
        return pairs


def _work(candidate: Answer, base: Answer) -> Iterator[str]:
    """What the candidate says to benign work, where it is about that work."""
    (task, reply), (_, base_reply) = candidate, base
    if task.arm.kind is ArmKind.BENIGN and answers_work(reply.text, task.request.expected, base_reply.text):
        yield reply.text


def setting_of(arm: Arm, corpus: Corpus, policy: AuditPolicy, n_arms: int, attempt: int) -> Setting:
    """What the rule must know around an arm. Raises AuditIncomplete when the corpus has nothing to ask in it."""
    available = len(requests_of(arm, corpus))
    if available == 0:
        raise AuditIncomplete(f"the corpus {corpus.name!r} has no prompt for the arm {arm.name}")
    return Setting(
        policy=policy.of_arm(arm),
        kind=arm.kind,
        required_n=arm.required_n,
        available=available,
        n_arms=n_arms,
        attempt=attempt,
    )
