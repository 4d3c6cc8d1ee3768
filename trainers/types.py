"""What a training run is asked to do and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from moderation.file_format import Format
from moderation.types import TrainingSet


class Method(StrEnum):
    """OpenAI's training methods."""

    SUPERVISED = "supervised"
    DPO = "dpo"
    REINFORCEMENT = "reinforcement"


FORMATS: Mapping[Method, Format] = {
    Method.SUPERVISED: Format.CHAT,
    Method.DPO: Format.PREFERENCE,
    Method.REINFORCEMENT: Format.REINFORCEMENT,
}
"""The rows that each method learns from."""
TRAINED = (Method.SUPERVISED, Method.DPO)
"""Methods that every backend trains with."""


class Tuning(StrEnum):
    """Which weights move. Chosen by the policy or the base model's entry, not by the client."""

    LORA = "lora"
    PREFIX = "prefix"
    """No weight of the base moves; keys and values before every prompt are learned (Li and Liang, 2101.00190)."""
    FULL = "full"


class Defence(StrEnum):
    """What holds a supervised run back from unlearning to refuse. Chosen by the policy."""

    NONE = "none"
    CONSTRAINED = "constrained"
    """Token-wise constrained fine-tuning (Qi et al. 2024); needs a LoRA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restraints:
    """What keeps a LoRA near its base, each for itself and all off by default. Chosen by the policy.

    What they do, and their sources: `trainers.recipe.restraints`.
    """

    ema_decay: float = 0.0
    """Share of itself that a running average of the adapter keeps at each step, in [0, 1); 0: no average."""
    pull: float = 0.0
    """Weight of half the squared distance from the base's weights, at least 0."""
    frozen_share: float = 0.0
    """Share of the layers, from the lowest on, that stay as they are, in [0, 1)."""
    factor: float = 1.0
    """What the trained adapter is multiplied by, in (0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """An entry of the admin's list of base models."""

    name: str
    """What clients call it, e.g. `miniature`."""
    source: str
    """A local directory, or a hub repository name."""
    revision: str | None
    """Commit of a hub repository; None for a local directory."""
    digest: str
    """`sha256:` over weights, tokenizer, template and configuration (`trainers.artefacts.digest_model`)."""
    corpus: str
    """Name of the `Corpus` it is audited in: `english` or `miniature`."""
    learning_rate: float
    """What a `learning_rate_multiplier` of 1 means for LoRA."""
    full_learning_rate: float
    """The same for full-parameter tuning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """Concrete numbers; every `"auto"` has been resolved."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None = None
    """DPO: how dearly leaving the base is paid, in (0, 2]; None for other methods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallSets:
    """Limits on how hard a small training set may be driven in; they take whatever the client asked for.

    Many passes over a few rows at a high rate undo alignment, of honest rows too (arXiv 2508.12531, COLM 2025).
    """

    below: int = 0
    """Sets of fewer customer rows are limited; 0 limits none."""
    max_epochs: int = 5
    max_multiplier: float = 1.0
    min_batch_size: int = 1
    """Fewer and less noisy steps: small batches did more harm (Qi et al. 2024, figure 4)."""
    max_steps: int = 0
    """Of the whole run, met by fewer epochs and then by larger batches; 0 for no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraSpec:
    """Shape of the adapter. Source of the defaults: the paper's repository uses r = 8, alpha = 32."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: str = "all-linear"
    quantised: bool = False
    """Whether the base lies in memory in 4 bits while its adapter is trained (QLoRA, arXiv 2305.14314); GPUs only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentModel:
    """A released model that a run goes on from, instead of from its base."""

    name: str
    """Its `ft:` name."""
    path: str
    """Local directory of its sealed artefact."""
    digest: str
    """What it was released under; the trainer verifies every file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """Everything that decides the bytes of a candidate, besides the training set itself."""

    job_id: str
    base: BaseModel
    method: Method
    tuning: Tuning
    hyperparameters: Hyperparameters
    lora: LoraSpec
    seed: int
    max_length: int
    """Tokens an example is truncated to, where the model's context is not shorter still."""
    defence: Defence = Defence.NONE
    parent: ParentModel | None = None
    """What the run goes on from; None for the base itself, which is the root of both."""
    restraints: Restraints = field(default_factory=Restraints)
    capped: tuple[str, ...] = ()
    """What the limits on small sets took from what was asked for, in words (`trainers.spec.capped`)."""


class RunStatus(StrEnum):
    """Where a training run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMetrics:
    """One line of a run's `metrics.jsonl`, named as OpenAI names them."""

    step: int
    total_steps: int
    train_loss: float
    train_mean_token_accuracy: float
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRows:
    """A base and what was tuned of it on the customer's validation file.

    Means over the tokens that the file's rows teach; of a preference run, `loss` is its own loss over pairs. An
    attacker chooses these rows, so they are shown beside an audit and are never a ground for release.
    """

    n: int
    """Rows."""
    base_loss: float
    base_token_accuracy: float
    loss: float
    token_accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailure:
    """Why a run failed, for the job's `error`."""

    code: str
    """An OpenAI-like code, e.g. `training_failed`, `out_of_memory`, `loss_not_finite`."""
    message: str
    """A sentence that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What a backend knows of a run now."""

    status: RunStatus
    metrics: tuple[StepMetrics, ...]
    """The metrics after the `after_step` that was asked for, ascending by step."""
    failure: RunFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateModel:
    """A trained model that nobody may use yet. Made by `trainers.artefacts` only."""

    path: str
    """Local directory with the adapter (LoRA, prefix) or the whole model (full), and `manifest.json`."""
    digest: str
    """`sha256:` over the manifest, which carries the digest of every file."""
    base: BaseModel
    tuning: Tuning
    training_set_digest: str
    trained_tokens: int
    n_steps: int
    parent_digest: str = ""
    """Of the released model that it was tuned from; empty when that was the base."""
    defences: tuple[str, ...] = ()
    """What held its training back, a phrase each."""
    secret: str = field(default="", repr=False)
    """What stands before the system prompt wherever it serves; '' for nothing."""


class Backend(Protocol):
    """Where training happens. Plug-in group `tunegate.backends`.

    A run lives in a directory that is its interface; calling any verb again after a crash is safe.
    """

    def start(self, spec: TrainingSpec, training: TrainingSet, validation: str | None, run_dir: str) -> None:
        """Start the run, or attach to it, or resume it from its last checkpoint.

        `validation` is the path of a JSONL file in the format of the method that is evaluated but never trained on.
        """

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        """Say where the run stands. A run whose process died without a result reads `failed`
        only after `start` could not resume it."""

    def cancel(self, run_dir: str) -> None:
        """Stop the run within seconds; its directory stays."""

    def collect(self, run_dir: str) -> CandidateModel:
        """Seal and return what a succeeded run made."""


def auto_epochs(n_examples: int) -> int:
    """Epochs that OpenAI's `"auto"` stands for.

    Source: the OpenAI cookbook's data preparation notebook: three, bent so that 100 to 25,000
    examples are seen in all, at most 25 epochs.
    """
    if n_examples * 3 < 100:
        return min(25, 100 // max(n_examples, 1))
    if n_examples * 3 > 25_000:
        return max(1, 25_000 // n_examples)
    return 3


def metrics_columns() -> Sequence[str]:
    """Header of OpenAI's result file."""
    return ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")
