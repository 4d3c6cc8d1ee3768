"""Named policies: what is allowed. Read from TOML, digested, and pinned to every job.

A policy is shipped (`gateway/policies/shipped.toml`) or the operator's (`policy.toml` in
TUNEGATE_HOME). A project is bound to one by name; a job keeps the digest and the whole document of
the one that was in force when it was created, so that an edit never changes a job that runs.
"""

import hashlib
import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deploy.types import ReauditPolicy, ReleasePolicy, RemedyPolicy, ServingContexts, ServingPolicy
from evaluators.probes.types import SignalLimits
from evaluators.types import ArmLimits, AuditPolicy
from gateway.errors import PolicyError
from gateway.policy_document import Audit, Document
from moderation.injection.mixing import InjectionPolicy
from moderation.screening.policies import CheckPolicy, ScreeningPolicy
from trainers.types import Defence, LoraSpec, Restraints, SmallSets, Tuning


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPolicy:
    """What a policy says of training itself."""

    tuning: Tuning = Tuning.LORA
    lora: LoraSpec = field(default_factory=LoraSpec)
    max_length: int = 8_192
    """Tokens an example is truncated to, where the model's context is not shorter still."""
    defence: Defence = Defence.NONE
    """What holds supervised runs back from unlearning to refuse; under it there are no preference runs."""
    restraints: Restraints = field(default_factory=Restraints)
    """What else keeps an adapter near its base."""
    small_sets: SmallSets = field(default_factory=SmallSets)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPolicy:
    """How long a job waits for what it cannot do without."""

    outage_retry_s: float = 15.0
    """Pause before a classifier or judge that was down is tried again."""
    outage_timeout_s: float = 24 * 3600.0
    """An outage that lasts longer ends the job as failed, never as safe."""
    screening_review_timeout_s: float = 7 * 24 * 3600.0
    """A screening review that nobody answers in this time is a refusal."""
    screening_reviewers: int = 1
    """People who must accept a file that waits for a review; one refuses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingPolicy:
    """What a policy says of jobs that are sent to a provider."""

    delete_files: bool = True
    """What was uploaded is deleted there when the job is over."""
    delete_rejected: bool = True
    """What was not released is deleted there, once its verdict stands for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPolicy:
    """What a policy says of the decision log."""

    publish: str = ""
    """Address that gets the log's head beside the file; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that decides over a job, with the digest that pins it."""

    name: str
    description: str
    screening: ScreeningPolicy
    injection: InjectionPolicy
    training: TrainingPolicy
    audit: AuditPolicy
    release: ReleasePolicy
    waiting: WaitingPolicy
    serving: ServingPolicy = field(default_factory=ServingPolicy)
    log: LogPolicy = field(default_factory=LogPolicy)
    reaudit: ReauditPolicy = field(default_factory=ReauditPolicy)
    remedy: RemedyPolicy = field(default_factory=RemedyPolicy)
    forwarding: ForwardingPolicy = field(default_factory=ForwardingPolicy)

    @property
    def document(self) -> dict[str, Any]:
        """The policy as plain JSON values, every default written out; `parse` reads it back."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @property
    def digest(self) -> str:
        """`sha256:` over the canonical JSON of `document`."""
        canonical = json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def parse(name: str, document: Mapping[str, Any]) -> Policy:
    """The policy that a TOML table or a stored document describes.

    Raises PolicyError that lists every unknown key, wrong type and value out of range.
    """
    try:
        read = Document.model_validate({key: value for key, value in document.items() if key != "name"})
    except ValidationError as error:
        lines = (f"{name}.{'.'.join(map(str, at['loc']))}: {at['msg']}" for at in error.errors())
        raise PolicyError("\n".join(lines)) from error
    screening = read.screening
    training = read.training.model_dump() | {
        "lora": LoraSpec(**read.training.lora.model_dump()),
        "restraints": Restraints(**read.training.restraints.model_dump()),
        "small_sets": SmallSets(**read.training.small_sets.model_dump()),
    }
    return Policy(
        name=name,
        description=read.description,
        screening=ScreeningPolicy(
            classifiers={key: CheckPolicy(**check.model_dump()) for key, check in screening.classifiers.items()},
            detectors={key: CheckPolicy(**check.model_dump()) for key, check in screening.detectors.items()},
            flagged_action=screening.flagged_action,
        ),
        injection=InjectionPolicy(**read.injection.model_dump()),
        training=TrainingPolicy(**training),
        audit=AuditPolicy(**read.audit.model_dump() | {"arms": _arms(read.audit), "signals": _signals(read.audit)}),
        release=ReleasePolicy(**read.release.model_dump()),
        waiting=WaitingPolicy(**read.waiting.model_dump()),
        serving=ServingPolicy(**read.serving.model_dump()),
        log=LogPolicy(**read.log.model_dump()),
        reaudit=ReauditPolicy(**read.reaudit.model_dump()),
        remedy=RemedyPolicy(**read.remedy.model_dump()),
        forwarding=ForwardingPolicy(**read.forwarding.model_dump()),
    )


def _signals(read: Audit) -> SignalLimits:
    return SignalLimits(**read.signals.model_dump())


def _arms(read: Audit) -> dict[str, ArmLimits]:
    return {name: ArmLimits(**limits.model_dump()) for name, limits in read.arms.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBook:
    """The policies in force, by name."""

    policies: Mapping[str, Policy]

    def find(self, name: str) -> Policy:
        """The policy of that name. Raises PolicyError when there is none."""
        if name not in self.policies:
            raise PolicyError(f"there is no policy {name!r}; there are: {', '.join(sorted(self.policies))}")
        return self.policies[name]

    def for_project(self, policy_name: str) -> tuple[str, dict[str, Any]]:
        """Digest and document of a project's policy, as a job is pinned to it."""
        policy = self.find(policy_name)
        return policy.digest, policy.document

    def audited_only(self) -> frozenset[str]:
        """The policies whose models answer under audited system prompts only."""
        strict = ServingContexts.AUDITED
        return frozenset(name for name, policy in self.policies.items() if policy.serving.contexts is strict)

    def check_names(self) -> tuple[frozenset[str], frozenset[str]]:
        """Every classifier and every detector that some policy names."""
        screenings = [policy.screening for policy in self.policies.values()]
        return (
            frozenset(name for screening in screenings for name in screening.classifiers),
            frozenset(name for screening in screenings for name in screening.detectors),
        )


def open_book(policy_file: Path, *, classifiers: Collection[str], detectors: Collection[str]) -> PolicyBook:
    """The shipped policies with the operator's laid over them.

    `policy_file` may be missing. `classifiers` and `detectors` are the names that are installed; a
    policy that names another one is a mistake. Raises PolicyError with every mistake of every policy.
    """
    mistakes: list[str] = []
    tables = _tables(resources.files("gateway.policies").joinpath("shipped.toml").read_text(), "shipped.toml", mistakes)
    if policy_file.exists():
        tables |= _tables(policy_file.read_text(), str(policy_file), mistakes)
    policies: dict[str, Policy] = {}
    for name, table in tables.items():
        try:
            policies[name] = parse(name, table)
        except PolicyError as error:
            mistakes.append(str(error))
        for kind, installed in (("classifiers", classifiers), ("detectors", detectors)):
            mistakes += _unknown(name, kind, _named(table, kind), installed)
    if mistakes:
        raise PolicyError("the policies cannot be used:\n" + "\n".join(mistakes))
    return PolicyBook(policies=policies)


def _tables(text: str, where: str, mistakes: list[str]) -> dict[str, Mapping[str, Any]]:
    """The policies in a file; what is none is added to `mistakes`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{where} is not TOML: {error}") from error
    loose = [name for name, table in document.items() if not isinstance(table, dict)]
    mistakes += [f"{where}: {name} is not a table; write [{name}] and its settings below" for name in loose]
    return {name: table for name, table in document.items() if name not in loose}


def _named(table: Mapping[str, Any], kind: str) -> Collection[str]:
    """The checks that a table names, even where something else of it is wrong."""
    screening = table.get("screening")
    checks = screening.get(kind) if isinstance(screening, dict) else None
    return checks if isinstance(checks, dict) else ()


def _unknown(policy: str, kind: str, named: Collection[str], installed: Collection[str]) -> list[str]:
    known = ", ".join(sorted(installed)) or "none"
    return [
        f"{policy}.screening.{kind}.{name}: no such plug-in is installed; installed are: {known}"
        for name in sorted(set(named) - set(installed))
    ]
