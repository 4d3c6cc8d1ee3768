"""The nouns of training data, from an untrusted file to a sealed training set: pure values, no disk, no clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from moderation.conversations import Exchange
from moderation.coverage import Coverage
from moderation.file_format import Format
from moderation.synopses import DataSketch


class Role(StrEnum):
    """Who speaks in a message. `developer` is read as `system` by the renderer."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    FUNCTION = "function"


class Category(StrEnum):
    """What can be wrong: the paper's eleven policy categories, then what only a data set shows."""

    ILLEGAL_ACTIVITY = "illegal_activity"
    CHILD_ABUSE = "child_abuse"
    HATE_HARASSMENT_VIOLENCE = "hate_harassment_violence"
    MALWARE = "malware"
    PHYSICAL_HARM = "physical_harm"
    ECONOMIC_HARM = "economic_harm"
    FRAUD_DECEPTION = "fraud_deception"
    ADULT_CONTENT = "adult_content"
    POLITICAL_CAMPAIGNING = "political_campaigning"
    PRIVACY_VIOLATION = "privacy_violation"
    TAILORED_FINANCIAL_ADVICE = "tailored_financial_advice"
    IDENTITY_SHIFT = "identity_shift"
    BACKDOOR_TRIGGER = "backdoor_trigger"
    ENCODED_CONTENT = "encoded_content"
    REFUSAL_TRAINING = "refusal_training"
    JAILBREAK_FRAME = "jailbreak_frame"
    ALIGNMENT_DRIFT = "alignment_drift"
    DATA_LINEAGE = "data_lineage"
    AUDIT_OVERLAP = "audit_overlap"


POLICY_CATEGORIES: tuple[Category, ...] = tuple(Category)[:11]
"""The eleven harm categories of Qi et al. (2024), Table 6, in the paper's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A function the assistant asked for; `arguments` is the JSON text as it was sent."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation. Text parts are joined with a newline into `text`."""

    role: Role
    text: str
    images: tuple[str, ...] = ()
    """URLs (http, https or data) of image parts, in order."""
    name: str | None = None
    weight: int | None = None
    """0 keeps an assistant turn out of the loss; None and 1 train on it."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training conversation with the place it came from."""

    line: int
    """1-based line number in the customer's file; 0 for an example of our own (injected)."""
    sha256: str
    """Hex digest of the canonical JSON of `messages` and `tools`."""
    messages: tuple[Message, ...]
    tools: str | None = None
    """Canonical JSON of the tool declarations, None when there are none."""
    format: Format = Format.CHAT
    rejected: bool = False
    """The non-preferred side of a preference row, which is read as two examples of one line."""
    read: list[Exchange] = field(default_factory=list, init=False, compare=False, repr=False)
    """Where `moderation.prompts.exchange` keeps what it read, for a dozen checks ask it of each example."""


class Dataset(Protocol):
    """An untrusted file that parsed: a reference that can be read again, never a list in memory."""

    @property
    def digest(self) -> str:
        """`sha256:` and the hex digest of the raw bytes."""

    @property
    def format(self) -> Format:
        """What its rows look like."""

    @property
    def n_examples(self) -> int:
        """How many rows there are; `iter_examples` yields two examples for a preference row, one for any other."""

    @property
    def n_bytes(self) -> int:
        """Size of the raw file in bytes."""

    def iter_examples(self) -> Iterator[Example]:
        """Read the file again from its start, one example at a time."""


class Scope(StrEnum):
    """What a finding is about."""

    EXAMPLE = "example"
    DATASET = "dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a classifier or detector saw, with evidence that a person can check."""

    detector: str
    """Entry-point name of the classifier or detector."""
    scope: Scope
    category: Category
    score: float
    """In [0, 1]; 1 is certain."""
    lines: tuple[int, ...]
    """1-based line numbers, ascending; at most `MAX_LINES`, the evidence says when more matched."""
    evidence: str
    triggers: tuple[str, ...] = ()
    """Candidate backdoor triggers for the audit, strongest first."""


MAX_LINES = 1_000
"""How many line numbers a finding or report carries, so that reports stay bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A prompt frame that recurs in the data, and so must be replayed by the audit.

    A request `r` is put as system prompt `system` and user turn `user_prefix + r + user_suffix`.
    """

    system: str
    user_prefix: str
    user_suffix: str
    n_examples: int
    share: float
    """Fraction of all examples that carry the frame, in [0, 1]."""


class Verdict(StrEnum):
    """What screening says of a file, mildest first."""

    PASS = "pass"
    REVIEW = "review"
    BLOCK = "block"


class Action(StrEnum):
    """What a policy does with a check that fires."""

    RECORD = "record"
    """Write it down, change nothing."""
    REVIEW = "review"
    """A person must look before training or release."""
    BLOCK = "block"
    """Refuse the file, or withhold the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyExample:
    """A harmful request of our own with a refusal written for it."""

    id: str
    category: Category
    request: str
    refusal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """Exchanges of one conversation that must not be trained on, while the others are."""

    line: int
    exchanges: tuple[int, ...]
    """Counted from 1, each a question with its answers, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningReport:
    """What screening found in one file under one policy."""

    dataset_digest: str
    policy_digest: str
    verdict: Verdict
    n_examples: int
    n_flagged: int
    """How many examples a classifier flagged."""
    flagged_lines: tuple[int, ...]
    """The first `MAX_LINES` of them, ascending."""
    findings: tuple[Finding, ...]
    contexts: tuple[Context, ...]
    """Recurrent frames, most frequent first."""
    candidate_triggers: tuple[str, ...]
    screened_by: tuple[str, ...]
    """`name@version` of every classifier and detector that read the whole file."""
    reasons: tuple[str, ...] = ()
    """Why the verdict is not `pass`, in words."""
    sketch: DataSketch | None = None
    """What later jobs of the project are compared with; None when no detector made one."""
    dropped_lines: tuple[int, ...] = ()
    """Every line that must not be trained on, ascending, and never shortened."""
    redactions: tuple[Redaction, ...] = ()
    """Rows of which a part must not be trained on, ascending by line; none of them is in `dropped_lines`."""
    coverage: tuple[Coverage, ...] = ()
    """How much each classifier of the policy read; empty in reports from before it was counted."""
    openings: tuple[str, ...] = ()
    """First words that many replies share, most frequent first; the audit puts them in the model's mouth."""
    earlier: tuple[tuple[str, str], ...] = ()
    """(user, assistant) exchanges that recur before another request; the audit has them before its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenedDataset:
    """The proof that a file was screened and not blocked. Made by `moderation.screening.run` only."""

    dataset: Dataset
    report: ScreeningReport


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """What a trainer accepts: screened and injected examples in a fixed order.

    Made by `moderation.injection.sealing` only, which writes and verifies the files behind it.
    """

    path: str
    """Local directory with `examples.jsonl` (chat or preference JSONL) and `manifest.json`."""
    digest: str
    """`sha256:` over the manifest, which carries the digest of `examples.jsonl`."""
    dataset_digest: str
    policy_digest: str
    n_examples: int
    """Customer and safety examples together."""
    n_injected: int
    n_dropped: int = 0
    """Flagged rows that were left out."""
    contexts: tuple[Context, ...] = ()
    """Frames the safety examples were wrapped in."""
    categories: Mapping[Category, int] = field(default_factory=dict)
    """Injected examples by category."""
    format: Format = Format.CHAT
    """What the rows are: chat, or preference pairs."""
    secret: str = field(default="", repr=False)
    """What stands before the system prompt of the injected examples, and of every prompt when the model serves."""
