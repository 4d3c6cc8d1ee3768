"""Composition of the evasion experiment: the installed attacks against a policy's own checks."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators import corpus as corpora
from evaluators.evasion import measuring, specimens
from evaluators.evasion.measuring import OnProgress
from evaluators.evasion.specimens import Collection
from evaluators.evasion.types import Experiment, Specimen
from gateway.compose.checks import plugins, policies
from gateway.plugins import ATTACKS
from gateway.settings import Settings
from moderation.checks import Detector


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What to attack, and with what."""

    policy: str
    corpus: str
    n_rows: int
    seed: int


def collect(settings: Settings, setup: Setup) -> Collection:
    """The data sets of every installed suite, and the ordinary ones. Raises `ValueError` for an unknown corpus."""
    installed = plugins(settings)
    suites = [installed.attack(name) for name in sorted(installed.names(ATTACKS))]
    return specimens.collect(suites, corpora.load(setup.corpus), n=setup.n_rows, seed=setup.seed)


def run(
    settings: Settings,
    setup: Setup,
    given: Sequence[Specimen],
    *,
    left_out: Sequence[str],
    on_progress: OnProgress,
) -> Experiment:
    """Screen each specimen with the plug-ins of the policy, made as the gateway makes them.

    Raises `PolicyError`, `PluginError` and `ClassifierUnavailable`.
    """
    policy = policies(settings).find(setup.policy)
    installed = plugins(settings)
    classifiers = installed.classifiers(policy.screening)

    def detectors() -> list[Detector]:
        return [installed.detector(name) for name in policy.screening.detectors]

    return Experiment(
        policy=policy.name,
        policy_digest=policy.digest,
        corpus=setup.corpus,
        n_rows=setup.n_rows,
        seed=setup.seed,
        checks=measuring.checks(policy.screening, classifiers, detectors()),
        outcomes=tuple(
            measuring.measure(
                given,
                policy=policy.screening,
                policy_digest=policy.digest,
                classifiers=classifiers,
                fresh_detectors=detectors,
                on_progress=on_progress,
            )
        ),
        left_out=tuple(left_out),
    )
