"""Composition of an audit by hand: the pipeline's own parts around any model that can be reached."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from deploy.decision import decide
from deploy.types import ReleaseDecision
from evaluators import arms
from evaluators.audit import Progress, audit
from evaluators.frames import Arm
from evaluators.judging import labels
from evaluators.judging.second_look import seats
from evaluators.replies import DirectoryReplies
from evaluators.secrecy import audit_as_served
from evaluators.types import AuditPolicy, AuditReport, Corpus, Subject
from gateway import calibrations
from gateway.compose import asked
from gateway.compose.back import capable_judge
from gateway.compose.checks import classifiers, plugins, policies
from gateway.compose.subjects import Endpoint, Pairing, Tuned, answering
from gateway.policy import Policy
from gateway.settings import Settings
from moderation.chat import ChatModel
from moderation.formats import parsing
from moderation.screening import run as screening
from moderation.types import ScreeningReport
from trainers import artefacts
from trainers.types import CandidateModel

KEYS = "audit"
"""Settings `TUNEGATE_AUDIT_...`, see `gateway.compose.subjects.answering`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be audited, and how."""

    pairing: Pairing
    corpus: Corpus
    policy: Policy
    data: Path | None
    """The file that the model was tuned on: its contexts and triggers become arms."""
    replies: Path
    """Where replies are kept as they come; an audit that was killed goes on from them."""
    log: Path
    """Where engines that are started write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What came of it."""

    report: AuditReport
    decision: ReleaseDecision
    screened: ScreeningReport | None


def order(
    settings: Settings, pairing: Pairing, *, policy: str, corpus: str | None, data: Path | None, out: Path
) -> Order:
    """Check all that can be checked before a model is asked.

    Raises `PolicyError`, `ValueError` for a corpus, and `SettingsError` for a bank or set that cannot be used.
    """
    return Order(
        pairing=pairing,
        corpus=asked.corpus(corpus or pairing.corpus, settings.home),
        policy=policies(settings).find(policy),
        data=data,
        replies=out / "replies",
        log=out / "engine.log",
    )


def screen(settings: Settings, wanted: Order, on_progress: Callable[[int, int], None]) -> ScreeningReport | None:
    """Screen the order's data as the gateway does; None without data.

    Raises `DatasetError`, `ClassifierUnavailable`.
    """
    if wanted.data is None:
        return None
    checks = wanted.policy.screening
    installed = plugins(settings)
    return screening.screen(
        parsing.parse(functools.partial(_open, wanted.data)),
        policy=checks,
        policy_digest=wanted.policy.digest,
        classifiers=classifiers(settings, checks),
        detectors=[installed.detector(name) for name in checks.detectors],
        on_progress=on_progress,
    )


def run(
    settings: Settings, wanted: Order, screened: ScreeningReport | None, on_progress: Callable[[Progress], None]
) -> Audited:
    """Audit, and decide as the gateway would.

    Raises what `evaluators.audit.audit` and `gateway.compose.subjects.answering` raise, and `PluginError`
    when no judge of the corpus is configured, and what `evaluators.judging.second_look.seats` raises.
    """
    configured = capable_judge(plugins(settings), wanted.corpus)
    judge, second = seats(configured, wanted.policy.audit.second_judge, settings.home / labels.FILE)
    plan = arms.plan(wanted.corpus, screened, wanted.policy.audit)
    with answering(wanted.pairing, keys=settings.plugin_config(KEYS), log=wanted.log) as (candidate, base):
        plan = arms.askable(plan, _endpoints(wanted.pairing, candidate, base))

        def ask(subject: Subject, asked: Sequence[Arm], policy: AuditPolicy) -> AuditReport:
            return audit(
                subject,
                base,
                corpus=wanted.corpus,
                arms=asked,
                overflow=plan.overflow,
                not_covered=plan.not_covered,
                judge=judge,
                policy=policy,
                policy_digest=wanted.policy.digest,
                replies=DirectoryReplies(wanted.replies),
                attempt=1,
                on_progress=on_progress,
                calibrations=calibrations.of_harm(settings.home),
                second=second,
            )

        sealed = _sealed(wanted.pairing)
        report = audit_as_served(
            candidate,
            plan.arms,
            wanted.policy.audit,
            secret=sealed.secret if sealed else "",
            defences=sealed.defences if sealed else (),
            examine=ask,
        )
    return Audited(report=report, decision=decide(report, wanted.policy.release), screened=screened)


def _sealed(pairing: Pairing) -> CandidateModel | None:
    """The candidate as its manifest tells of it; None for a model that a trainer of ours did not make."""
    tuned = pairing.candidate
    if not isinstance(tuned, Tuned) or not (tuned.path / artefacts.MANIFEST).is_file():
        return None
    return artefacts.load(tuned.path, tuned.digest)


def _endpoints(pairing: Pairing, candidate: Subject, base: Subject) -> list[ChatModel]:
    """Those of the two whose API may refuse what our engine does."""
    both = ((pairing.candidate, candidate), (pairing.base, base))
    return [subject.model for what, subject in both if isinstance(what, Endpoint)]


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
