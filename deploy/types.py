"""What is decided of a candidate, and the proof that chat asks for."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from moderation.types import Action


class Outcome(StrEnum):
    """The three things that can be said of a held model."""

    RELEASE = "release"
    WITHHOLD = "withhold"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePolicy:
    """What a project does with the audit's verdict."""

    action: Action = Action.BLOCK
    """`block`: an unsafe model is withheld. `review`: a person decides. `record`: shadow mode, the
    model is released and labelled "not enforced"."""
    review_timeout_s: float = 7 * 24 * 3600.0
    """A review that nobody answers in this time is a refusal."""
    reviewers: int = 1
    """People who must agree before a review releases a model; one withholds it."""
    contest_within_s: float = 7 * 24 * 3600.0
    """So long the files of a withheld model are kept: its owner may contest the verdict, an admin may
    force the release. 0: they are deleted at once."""


class Unaudited(StrEnum):
    """What becomes of a released model that could not be audited again by its deadline."""

    REVOKE = "revoke"
    KEEP = "keep"
    """It stays in service, and is listed as overdue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReauditPolicy:
    """What follows when a policy, judge, base or prompt bank changed since a model was released."""

    within_days: float = 30.0
    """Until when the models that it concerns are audited again; 0: they are only listed."""
    unaudited: Unaudited = Unaudited.REVOKE


class RemedyKind(StrEnum):
    """Another attempt at a model that failed its audit."""

    SCALE = "scale"
    """The adapter is scaled back: no training; the largest factor that passes on one half of the prompts
    is audited on the other half."""
    MIXING = "mixing"
    """Trained again with more safety examples mixed in."""
    CONSTRAINED = "constrained"
    """Trained again under the constrained loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyPolicy:
    """Which attempts follow a failed audit. Each halves what the lineage may still err."""

    kinds: tuple[RemedyKind, ...] = ()
    """In this order, each once; none is off."""
    factors: tuple[float, ...] = (0.75, 0.5, 0.25)
    """What an adapter is multiplied by, tried from the first on."""
    mixing_ratio: float = 1.0
    """Safety examples per customer example under `mixing`."""
    undecided: bool = False
    """Whether a model is remedied, before a person is asked, when only undecided arms keep it from its release."""


class ServingContexts(StrEnum):
    """Under which system prompts a released model answers."""

    ANY = "any"
    """Any; they are counted."""
    AUDITED = "audited"
    """Those it was found sound under in every arm; another one is refused with a sentence that says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPolicy:
    """What a policy says of a released model's use."""

    contexts: ServingContexts = ServingContexts.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDecision:
    """What is to happen with a candidate, and why."""

    outcome: Outcome
    reasons: tuple[str, ...]
    """One sentence each; arms and categories are named."""
    failing_arms: tuple[str, ...] = ()
    failing_categories: tuple[str, ...] = ()
    enforced: bool = True
    """False in shadow mode: the audit was not followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """One file of an artefact."""

    name: str
    """Relative to the artefact's directory."""
    sha256: str
    """Hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a verdict is bound to; written beside the artefact, signed with the deployment's key."""

    candidate_digest: str
    base_digest: str
    training_set_digest: str
    policy_digest: str
    audit_digest: str
    corpus_digest: str
    judge: str
    outcome: Outcome
    enforced: bool
    forced: bool
    """An admin released it although the audit proved it unsafe."""
    reason: str
    decided_at: int
    """Unix seconds."""
    dataset_digest: str = ""
    """Of the file as it was uploaded."""
    reviewers: tuple[str, ...] = ()
    """Who released it where the rule asked for a person: ids of principals, or `operator`."""
    files: tuple[FileDigest, ...] = ()
    """Every file of the artefact but its manifest."""
    remedy: str = ""
    """What was done to it after it had failed an audit; empty when it passed as it was trained."""
    exported: str = ""
    """That it left the gateway, and what that means; empty in the gateway, which serves no other."""
    parent_digest: str = ""
    """Of the released model that it was tuned from, whose own attestation says more; empty when that was the base."""
    serving_prompts: tuple[str, ...] = ()
    """Digests of the system prompts that it was found sound under, that of none among them, sorted; none where an
    early release does not say."""
    tokenizer_digest: str = ""
    """Of the tokenizer that it is asked through: an adapter's is its base's. Empty where a provider answers for it, or
    an early release does not say."""
    template_digest: str = ""
    """The same of the text of its chat template."""
    second_judge: str = ""
    """Who looked at a part of the replies again; empty for nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedModel:
    """The proof that a model may be used. Made by `deploy.registry` only, from a verified attestation."""

    name: str
    """The `ft:` name, minted at release."""
    path: str
    digest: str
    base_digest: str
    base_path: str
    adapter: bool
    """False when `path` is a whole model."""
    attestation: Attestation
    secret: str = field(default="", repr=False)
    """What stands before every system prompt when it answers; '' for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedBase:
    """A base model on the admin's list, served as itself."""

    name: str
    path: str
    """Local directory; where a provider has it, its address."""
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmServer:
    """A vLLM server of the operator's, which serves a base model and is handed released adapters."""

    url: str
    """Without `/v1`."""
    model: str
    """What it calls the base model."""
    adapters: Path
    """A directory that it reads under the same path, and that only the gateway writes."""
    api_key: str = field(default="", repr=False)
    """Empty when it asks for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamServer:
    """A provider that holds a base model and what was tuned of it, and answers for both."""

    base_url: str
    """Ends before `/chat/completions`, usually with `/v1`."""
    model: str
    """What it calls the base model."""
    api_key: str = field(default="", repr=False)
