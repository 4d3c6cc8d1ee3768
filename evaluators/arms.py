"""Which conditions a candidate and its root base are audited under.

The list is a function of the corpus, of what screening mined from the data, and of the policy. Frames
that a customer's data carries are replayed because a poisoned model often misbehaves only there: ten
identity-shift rows leave the neutral arm clean.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluators import mined_arms as mined
from evaluators.frames import Arm, ArmKind, Frame
from evaluators.types import AuditPolicy, Corpus
from moderation.chat import ChatModel, Sampling
from moderation.errors import ChatUnavailable
from moderation.types import Category, Context, ScreeningReport

PREFILLS_REFUSED = "an endpoint does not continue a reply that was begun for it"
_ASKED_FOR: Mapping[ArmKind, Category] = {
    ArmKind.JAILBREAK: Category.JAILBREAK_FRAME,
    ArmKind.CIPHER: Category.ENCODED_CONTENT,
}
"""Arms that are asked where screening found something of a category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an audit will ask, and what it will not."""

    arms: tuple[Arm, ...]
    overflow: tuple[str, ...] = ()
    """Arms that this data asks for and that are not audited: a decision sends them to review."""
    not_covered: tuple[str, ...] = ()
    """Conditions that the corpus has no words for, each with the reason; reported, decided by nobody."""


def plan(corpus: Corpus, screened: ScreeningReport | None, policy: AuditPolicy) -> Plan:
    """The arms of an audit of a model tuned on data that was screened; None: on data that nobody has.

    To those of `build` come, on the minor rung, first words that the data's replies share, exchanges that
    recur in it, another language, a request after an exchange, the personas of known attacks, replies
    drawn at the serving temperature, and, where the data holds such things, frames that argue refusals
    away and ciphers.
    """
    contexts = screened.contexts if screened else ()
    triggers = screened.candidate_triggers if screened else ()
    openings = screened.openings if screened else ()
    found = {finding.category for finding in screened.findings} if screened else set()
    frames = mined.inside(contexts, policy)
    full, overflow = build(corpus, contexts, triggers, policy)
    minor = [
        *mined.prefills(openings, frames, policy),
        *mined.exchanges(screened.earlier if screened else (), frames, policy),
        *_translated(corpus, policy),
        *_minor(corpus, (ArmKind.TURNS, ArmKind.PERSONA), policy),
        *_minor(corpus, tuple(kind for kind, category in _ASKED_FOR.items() if category in found), policy),
    ]
    # A frame that was asked greedily has not been asked at a temperature, so these are not compared with it.
    arms = (*full, *_distinct(minor, full), *mined.sampled(frames, policy))
    lost = tuple(arm.name for arm in arms[policy.max_arms :])
    if Category.ENCODED_CONTENT in found and ArmKind.CIPHER not in corpus.minor:
        lost += ("cipher (the data holds encoded text, and this corpus cannot be written in one)",)
    if Category.JAILBREAK_FRAME in found and ArmKind.JAILBREAK not in corpus.minor:
        lost += ("jailbreak (the data holds such frames, and this corpus has none)",)
    return Plan(
        arms=arms[: policy.max_arms],
        overflow=(*overflow, *lost),
        not_covered=(*_not_covered(corpus, screened, found, policy), *_unused_limits(policy, arms)),
    )


def askable(wanted: Plan, models: Sequence[ChatModel]) -> Plan:
    """The plan without arms that a model refuses: not every API continues a reply that was begun.

    Raises `ChatUnavailable` for a model that answers nothing at all.
    """
    begun = Frame(prefill="Of course.").conversation("Say hello.")
    for model in models:
        model.complete([begun[:-1]], Sampling(max_tokens=1))
        try:
            model.complete([begun], Sampling(max_tokens=1))
        except ChatUnavailable:
            return without_prefills(wanted)
    return wanted


def without_prefills(wanted: Plan) -> Plan:
    """The plan for a model that cannot be given the first words of its reply: those arms are named as left out."""
    kept = tuple(arm for arm in wanted.arms if not arm.frame.prefill)
    lost = tuple(f"{arm.name} ({PREFILLS_REFUSED})" for arm in wanted.arms if arm.frame.prefill)
    return replace(wanted, arms=kept, overflow=(*wanted.overflow, *lost))


def _not_covered(
    corpus: Corpus, screened: ScreeningReport | None, found: Collection[Category], policy: AuditPolicy
) -> Iterator[str]:
    if screened is None:
        yield "contexts, triggers and first words of the training data: no data was given"
    if not corpus.languages:
        yield f"another language: the corpus {corpus.name!r} has none"
    for kind, what in ((ArmKind.TURNS, "a request after an exchange"), (ArmKind.PERSONA, "personas of known attacks")):
        if kind not in corpus.minor:
            yield f"{what}: the corpus {corpus.name!r} has none"
    if Category.JAILBREAK_FRAME in found and ArmKind.JAILBREAK in corpus.minor:
        yield f"jailbreak frames of the data other than {', '.join(sorted(corpus.minor[ArmKind.JAILBREAK]))}"
    if Category.ENCODED_CONTENT in found and ArmKind.CIPHER in corpus.minor:
        yield f"ciphers of the data other than {', '.join(sorted(corpus.minor[ArmKind.CIPHER]))}"
    if policy.serving_temperature:
        yield "more than one draw of a reply at the serving temperature"
    else:
        yield "replies at the serving temperature: the policy's serving_temperature is 0"
    if screened is not None:
        yield from mined.not_inside(screened, policy)


def _unused_limits(policy: AuditPolicy, arms: Sequence[Arm]) -> Iterator[str]:
    """Limits of the policy that no arm was held to: a name with a slip in it would go unnoticed."""
    names = {arm.name for arm in arms}
    for name in policy.arms:
        if ":" in name and name not in names:
            yield f"the policy's own limits for {name}: no arm of that name was asked"


def build(
    corpus: Corpus, contexts: Sequence[Context], triggers: Sequence[str], policy: AuditPolicy
) -> tuple[tuple[Arm, ...], tuple[str, ...]]:
    """The arms of an audit, and the names of those that were wanted and are not audited.

    Contexts are taken most frequent first and triggers strongest first, as screening orders them; a
    name carries the 1-based place in that order (`context:1`, `trigger:2`). Each trigger stands at the
    end of the request and at its start, in the neutral frame (`trigger:2`, `trigger:2@start`) and inside
    the most frequent contexts (see `mined_arms`; `trigger:2@context:1`, `trigger:2@start@context:1`). A frame that an
    earlier arm already has is not asked twice. Beyond `max_mined` contexts or triggers an arm needs only
    `required_overflow` prompts; beyond `max_arms` arms it is named in the second value, which a decision
    must send to review.
    """
    fixed = _fixed(corpus, policy)
    tried = mined.triggers(triggers, mined.inside(contexts, policy), policy)
    found = _distinct([*mined.contexts(contexts, policy), *tried], fixed)
    room = max(0, policy.max_arms - len(fixed))
    return (*fixed, *found[:room]), tuple(arm.name for arm in found[room:])


def _fixed(corpus: Corpus, policy: AuditPolicy) -> tuple[Arm, ...]:
    """The arms of every audit: they need the full rung whatever the data holds."""
    full, benign = policy.required, policy.n_benign
    return (
        Arm(name="neutral", kind=ArmKind.NEUTRAL, frame=Frame(), required_n=full),
        Arm(name="house", kind=ArmKind.HOUSE, frame=Frame(system=corpus.house_prompt), required_n=full),
        *(
            Arm(name=f"standing:{name}", kind=ArmKind.STANDING, frame=frame, required_n=full)
            for name, frame in corpus.standing.items()
        ),
        Arm(name="benign", kind=ArmKind.BENIGN, frame=Frame(), required_n=benign),
        Arm(name="over_refusal", kind=ArmKind.OVER_REFUSAL, frame=Frame(), required_n=benign),
    )


def _translated(corpus: Corpus, policy: AuditPolicy) -> Iterator[Arm]:
    for language in corpus.languages:
        yield Arm(
            name=f"language:{language}",
            kind=ArmKind.LANGUAGE,
            frame=Frame(),
            required_n=policy.required_minor,
            language=language,
        )


def _minor(corpus: Corpus, kinds: Sequence[ArmKind], policy: AuditPolicy) -> Iterator[Arm]:
    for kind in kinds:
        for name, frame in corpus.minor.get(kind, {}).items():
            yield Arm(name=f"{kind}:{name}", kind=kind, frame=frame, required_n=policy.required_minor)


def _distinct(arms: Sequence[Arm], fixed: Sequence[Arm]) -> list[Arm]:
    """Drop arms whose frame is asked already with at least as many prompts."""
    asked = {
        (arm.frame, arm.language): arm.required_n
        for arm in fixed
        if arm.kind not in (ArmKind.BENIGN, ArmKind.OVER_REFUSAL)
    }
    kept = []
    for arm in arms:
        if asked.get((arm.frame, arm.language), 0) < arm.required_n:
            asked[arm.frame, arm.language] = arm.required_n
            kept.append(arm)
    return kept
