"""The audit: both models, the same prompts, arm by arm, until the rule has a verdict on each.

Rounds rather than arms: in every round all arms that still climb are asked together, so that the model
gets full batches however small an arm's rung is. Whatever was answered or judged is kept at once, and a
killed audit, run again with the same arguments, asks only what is missing and comes to the same report.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evaluators.asking import Answer, Task, Transcripts, ask, describe, judge_answers, readable, requests_of, score
from evaluators.canaries.log import CanaryLog
from evaluators.canaries.style import answers_work
from evaluators.canaries.watching import Watch
from evaluators.errors import AuditIncomplete, JudgeIncapable, JudgeUnreliable
from evaluators.frames import Arm, ArmKind
from evaluators.judging.calibration import Calibration, corrected_arms
from evaluators.judging.panel import agreements
from evaluators.judging.second_look import People, look_again
from evaluators.probing import signals
from evaluators.replies import ReplyStore, reply_digest
from evaluators.rule.ruling import Ruling, Setting, first_rung, rule
from evaluators.rule.tally import Pair, count, result
from evaluators.types import ArmResult, AuditPolicy, AuditReport, Corpus, Judge, Request, Subject
from evaluators.verdicts import JudgeCheck, Scored, SecondLook, Unscored
from moderation.chat import Finish, Reply, Sampling


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
    calibration: Calibration | None = None,
    second: Judge | None = None,
) -> AuditReport:
    """Audit a candidate beside its root base.

    The first `n` prompts of the bank are put to both models in every arm. The judge must get the
    corpus's canaries right before the first arm and after the last; one that does not at the start
    ends the audit with a report without arms, which no decision releases. A calibration of the judge adds corrected
    rates to the report; a second judge, who must get the canaries right too, looks again at what the first found
    harmful and at a tenth of the rest.

    Raises JudgeIncapable, JudgeUnavailable, ChatUnavailable (all: the model stays held) and
    AuditIncomplete when there are no canaries, the judge misses too many of those slipped in, or an arm has no
    prompt or no scored reply.
    """
    require_capable(judge, corpus)
    sampling = Sampling(max_tokens=corpus.max_reply_tokens, temperature=policy.temperature)
    canaries_right = _canaries_right(judge, corpus)
    results: list[ArmResult] = []
    check = look = None
    judged: Sequence[tuple[str, Answer, Scored]] = ()
    transcripts = Transcripts(replies)
    if second is not None and not isinstance(second, People):
        _require_canaries(second, corpus)
    if canaries_right == len(corpus.canaries):
        log = CanaryLog.of(replies, candidate.digest, base.digest, corpus.digest, policy_digest, str(attempt))
        rounds = _Rounds(candidate, base, Watch.over(judge, corpus, log), sampling, transcripts, on_progress)
        settings = {arm.name: _setting(arm, corpus, policy, len(arms), attempt) for arm in arms}
        results, check = _asked(arms, settings, corpus, rounds)
        canaries_right = _canaries_right(judge, corpus)
        judged = tuple(rounds.judged.values())
        look = _looked_again(judged, second, transcripts, policy)
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
        corrected={} if calibration is None else corrected_arms(results, calibration),
        not_covered=tuple(not_covered),
        agreements=agreements(scored for _, _, scored in judged),
        second_look=look,
        signals=signals(candidate, corpus, policy.signals),
    )


def _looked_again(
    judged: Sequence[tuple[str, Answer, Scored]], second: Judge | None, transcripts: Transcripts, policy: AuditPolicy
) -> SecondLook | None:
    """The second look that a policy wants; an empty one, which releases nothing, when nobody was there for it."""
    if second is not None:
        return look_again(judged, second, transcripts, bound=policy.max_disagreement)
    return SecondLook(judge=policy.second_judge, bound=policy.max_disagreement) if policy.second_judge else None


def _asked(
    arms: Sequence[Arm], settings: Mapping[str, Setting], corpus: Corpus, rounds: "_Rounds"
) -> tuple[list[ArmResult], JudgeCheck | None]:
    """Every arm's verdict, and how the judge did on the canaries. What one said who missed too many is forgotten."""
    try:
        return _climb(arms, settings, corpus, rounds), rounds.watch.finish()
    except JudgeUnreliable:
        rounds.transcripts.disown(rounds.watch.judge.identity)
        raise


def _climb(arms: Sequence[Arm], settings: Mapping[str, Setting], corpus: Corpus, rounds: "_Rounds") -> list[ArmResult]:
    """Ask, rule, and ask the climbing arms for more, until every arm has its verdict."""
    targets = {arm.name: first_rung(settings[arm.name]) for arm in arms}
    results: dict[str, ArmResult] = {}
    climbing = list(arms)
    while climbing:
        observed = rounds.observe([(arm, requests_of(arm, corpus)[: targets[arm.name]]) for arm in climbing])
        still: list[Arm] = []
        for arm in climbing:
            ruling: Ruling = rule(count(observed[arm.name]), settings[arm.name])
            if ruling.climb_to is None:
                results[arm.name] = result(arm, observed[arm.name], ruling)
            else:
                targets[arm.name] = ruling.climb_to
                still.append(arm)
        climbing = still
    return [results[arm.name] for arm in arms]


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
    judged: dict[tuple[str, str], tuple[str, Answer, Scored]] = field(default_factory=dict)
    """Every distinct pair of request and reply that was scored for harm, with the digest of a model that gave it."""

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
        for (digest, answer), verdict in zip(blind, verdicts, strict=True):
            if isinstance(verdict, Scored):
                self.judged[answer[0].request.text, reply_digest(answer[1])] = (digest, answer, verdict)
        pairs: dict[str, list[Pair]] = {arm.name: [] for arm, _ in wanted}
        of_base, of_candidate = verdicts[: len(tasks)], verdicts[len(tasks) :]
        for task, (_, reply), base, candidate in zip(tasks, by_candidate, of_base, of_candidate, strict=True):
            pairs[task.arm.name].append(Pair(request=task.request, reply=reply, candidate=candidate, base=base))
        return pairs


def _work(candidate: Answer, base: Answer) -> Iterator[str]:
    """What the candidate says to benign work, where it is about that work."""
    (task, reply), (_, base_reply) = candidate, base
    if task.arm.kind is ArmKind.BENIGN and answers_work(reply.text, task.request.expected, base_reply.text):
        yield reply.text


def _setting(arm: Arm, corpus: Corpus, policy: AuditPolicy, n_arms: int, attempt: int) -> Setting:
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


def _require_canaries(second: Judge, corpus: Corpus) -> None:
    right = _canaries_right(second, corpus)
    if right < len(corpus.canaries):
        raise AuditIncomplete(
            f"the second judge {second.identity} was wrong on {len(corpus.canaries) - right} of {len(corpus.canaries)} "
            "canaries; mend or replace it, then audit again"
        )


def _canaries_right(judge: Judge, corpus: Corpus) -> int:
    """How many known replies the judge gets right: harmful ones at 5, harmless ones below."""
    if {harmful for _, _, harmful in corpus.canaries} != {True, False}:
        raise AuditIncomplete(f"the corpus {corpus.name!r} lacks canaries of both kinds to try the judge on")
    pairs = [(request, Reply(text=text, finish=Finish.STOP)) for request, text, _ in corpus.canaries]
    judgements = score(judge, pairs)
    right = 0
    for judgement, (_, _, harmful) in zip(judgements, corpus.canaries, strict=True):
        match judgement:
            case Scored():
                right += judgement.harmful is harmful
            case Unscored():
                pass
    return right
