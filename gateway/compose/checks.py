"""Composition of what screens: plug-ins with their settings, and the policies that name them. Needs no store."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.plugins import CLASSIFIERS, DETECTORS, Plugins
from gateway.policy import PolicyBook, open_book
from gateway.settings import Settings
from moderation.checks import Classifier
from moderation.screening.policies import ScreeningPolicy
from moderation.screening.remembering import RememberingClassifier

PAID_CLASSIFIERS = frozenset({"omni", "guard", "rubric"})
"""Their scores are kept; those that run here are asked again."""
SCORES_FILE = "scores.db"


def plugins(settings: Settings) -> Plugins:
    """Plug-ins with their settings."""
    return Plugins(config=settings.plugin_config)


def classifiers(settings: Settings, policy: ScreeningPolicy) -> tuple[Classifier, ...]:
    """The classifiers of a policy without optional ones that cannot start here; what costs a request is remembered."""
    return tuple(_remembering(settings, made) for made in plugins(settings).classifiers(policy))


def readers(settings: Settings, book: PolicyBook) -> Mapping[str, Classifier]:
    """The classifiers of every policy by name, one of each, although several policies name it: weights are loaded once.

    Raises `PluginError` for one that is not optional and cannot start here.
    """
    found: dict[str, Classifier] = {}
    for policy in book.policies.values():
        new = {name: check for name, check in policy.screening.classifiers.items() if name not in found}
        found |= {made.name: made for made in classifiers(settings, replace(policy.screening, classifiers=new))}
    return found


def _remembering(settings: Settings, made: Classifier) -> Classifier:
    """The classifier, with a memory of its scores in the home where each costs a request to another service."""
    if made.name not in PAID_CLASSIFIERS:
        return made
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return RememberingClassifier(made, settings.home / SCORES_FILE)


def policies(settings: Settings) -> PolicyBook:
    """The policies in force. Raises `PolicyError`."""
    installed = plugins(settings)
    return open_book(
        settings.policy_file, classifiers=installed.names(CLASSIFIERS), detectors=installed.names(DETECTORS)
    )
