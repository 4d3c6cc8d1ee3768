"""The layout of a run's directory, which is the whole interface between a backend and the recipe.

spec.json        what to do (written by the backend, once)
lock             held by the living trainer; its pid and start
trainer.log      the trainer's stderr, bounded
memory.json      how many examples are computed at once, and whether memory ran out before
rendering.json   how many examples were read, truncated, left out, and which of the customer's
base_validation.json  the untouched base on the validation file
metrics.jsonl    one line a step, each step once
checkpoints/     what a resumed run starts from
artefact/        the sealed model, renamed into place when complete
result.json | failure.json | cancelled      how it ended; exactly one counts
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from moderation.types import TrainingSet
from trainers.errors import TrainingFailed
from trainers.spec import spec_from_json, spec_to_json
from trainers.types import TRAINED, RunFailure, RunState, RunStatus, StepMetrics, TrainingSpec

MAX_DEATHS = 3
"""So many deaths of the trainer at the same step, its parent alive, and the run has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Contents of `spec.json`: the specification and where the data lies."""

    spec: TrainingSpec
    training_path: str
    training_digest: str
    validation_path: str | None

    @classmethod
    def of(cls, spec: TrainingSpec, training: TrainingSet, validation: str | None) -> "Order":
        """The order that `Backend.start` is given."""
        return cls(spec=spec, training_path=training.path, training_digest=training.digest, validation_path=validation)

    def to_json(self) -> str:
        """Canonical JSON: equal orders give equal bytes."""
        data = {
            "spec": json.loads(spec_to_json(self.spec)),
            "training": {"path": self.training_path, "digest": self.training_digest},
            "validation": self.validation_path,
        }
        return json.dumps(data, sort_keys=True, indent=1) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDirectory:
    """Paths of one run, and its small files read and written."""

    root: Path

    @property
    def order_file(self) -> Path:
        """`spec.json`."""
        return self.root / "spec.json"

    @property
    def lock_file(self) -> Path:
        """`lock`."""
        return self.root / "lock"

    @property
    def log_file(self) -> Path:
        """`trainer.log`."""
        return self.root / "trainer.log"

    @property
    def metrics_file(self) -> Path:
        """`metrics.jsonl`."""
        return self.root / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Directory of `checkpoint-STEP` directories."""
        return self.root / "checkpoints"

    @property
    def artefact(self) -> Path:
        """Directory of the sealed model."""
        return self.root / "artefact"

    @property
    def cancelled_file(self) -> Path:
        """Its existence cancels the run for good."""
        return self.root / "cancelled"

    @property
    def deaths_file(self) -> Path:
        """One number a line: the last step before each time the trainer died by itself."""
        return self.root / "deaths"

    def last_step(self) -> int:
        """How far the run is; 0 before its first step."""
        return max((metrics.step for metrics in self.metrics()), default=0)

    def n_deaths(self) -> int:
        """How often the trainer died by itself since the last step; a long run may lose its GPU now and then."""
        deaths = self.deaths_file.read_text(encoding="utf-8") if self.deaths_file.exists() else ""
        return deaths.split().count(str(self.last_step()))

    def note_deaths(self, n: int = 1) -> None:
        """Count deaths at the last step."""
        with self.deaths_file.open("a", encoding="utf-8") as file:
            file.write(f"{self.last_step()}\n" * n)

    def order(self) -> Order | None:
        """What to do, None when the directory is new."""
        data = self._read("spec.json")
        if data is None:
            return None
        training = cast(Mapping[str, str], data["training"])
        return Order(
            spec=spec_from_json(json.dumps(data["spec"])),
            training_path=training["path"],
            training_digest=training["digest"],
            validation_path=cast("str | None", data["validation"]),
        )

    def accept(self, order: Order) -> Order:
        """Make the directory, write `spec.json`, and return the order that counts.

        The specification that was written first stands, whatever the base's entry says by now; only the places of
        the files may have changed since. Raises `TrainingFailed` for a method that nothing here trains
        (`method_not_supported`), and for another job's directory (`run_directory_taken`).
        """
        if (method := order.spec.method) not in TRAINED:
            raise TrainingFailed(
                "method_not_supported", f"Models are trained with {' and '.join(TRAINED)} only, not '{method}'."
            )
        self.root.mkdir(parents=True, exist_ok=True)
        known = self.order()
        if known is None:
            accepted = order
        elif (known.spec.job_id, known.training_digest) == (order.spec.job_id, order.training_digest):
            accepted = replace(order, spec=known.spec)
        else:
            raise TrainingFailed(
                "run_directory_taken", f"{self.root} holds another run; give each job its own directory."
            )
        if accepted != known:
            self.write_text("spec.json", accepted.to_json())
        return accepted

    def result(self) -> str | None:
        """Digest of the sealed artefact, None while there is none."""
        data = self._read("result.json")
        return None if data is None else str(data["digest"])

    def sealed_digest(self) -> str:
        """As `result`. Raises `TrainingFailed` when the run did not succeed."""
        if (digest := self.result()) is not None:
            return digest
        state = self.state()
        if state.failure is not None:
            raise TrainingFailed(state.failure.code, state.failure.message)
        raise TrainingFailed("training_failed", f"The run is {state.status}; only a succeeded run has a model.")

    def failure(self) -> RunFailure | None:
        """Why the run failed, None when it did not."""
        data = self._read("failure.json")
        return None if data is None else RunFailure(code=str(data["code"]), message=str(data["message"]))

    def rendering(self) -> Mapping[str, int]:
        """Counts of examples: `n_examples`, `n_trained`, `n_truncated`, `n_untrained`, `n_tokens`; empty at first."""
        read = self._read("rendering.json") or {}
        return {name: count for name, count in read.items() if isinstance(count, int)}

    def customers_part(self) -> Mapping[str, object]:
        """The customer's own part of them, as `trainers.tally.customers_part` made it; empty at first."""
        return cast(Mapping[str, object], (self._read("rendering.json") or {}).get("customer", {}))

    def micro_batch(self) -> tuple[int, bool]:
        """How many examples the trainer computes at once, 0 before it told, and whether memory ran out with more."""
        data = self._read("memory.json") or {"micro_batch": 0, "shrunk": False}
        return int(str(data["micro_batch"])), bool(data["shrunk"])

    def write_micro_batch(self, n: int) -> None:
        """Tell how many examples are computed at once from this start on."""
        self.write("memory.json", {"micro_batch": n, "started_with": n, "shrunk": self.micro_batch()[1]})

    def shrink(self) -> int | None:
        """After memory ran out: half as many examples from the next start on; None when it was one already.

        Several processes of one run may say so of the same start; that halves it once.
        """
        n = int(str((self._read("memory.json") or {}).get("started_with", self.micro_batch()[0])))
        if n <= 1:
            return None
        self.write("memory.json", {"micro_batch": n // 2, "started_with": n, "shrunk": True})
        return n // 2

    def base_validation(self) -> Mapping[str, float]:
        """`n`, `loss` and `token_accuracy` of the untouched base; empty at first, and without a validation file."""
        return cast(Mapping[str, float], self._read("base_validation.json") or {})

    def metrics(self, *, after_step: int = 0) -> tuple[StepMetrics, ...]:
        """Metrics of the steps after `after_step`, ascending. A line still being written is not read."""
        if not self.metrics_file.exists():
            return ()
        complete = self.metrics_file.read_bytes().rpartition(b"\n")[0]
        lines = (StepMetrics(**json.loads(line)) for line in complete.splitlines())
        return tuple(metrics for metrics in lines if metrics.step > after_step)

    def write_result(self, digest: str) -> None:
        """Say that the run succeeded."""
        self.write("result.json", {"digest": digest})

    def write_failure(self, failure: RunFailure) -> None:
        """Say that the run failed, for good."""
        self.write("failure.json", asdict(failure))

    def write(self, name: str, data: Mapping[str, object]) -> None:
        """Write a JSON file so that it is there whole or not at all, even after a crash."""
        self.write_text(name, json.dumps(data, indent=1, sort_keys=True) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """As `write`, for any text."""
        partial = self.root / f".{name}.{os.getpid()}.partial"
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.root / name)

    def cancel(self) -> bool:
        """Say that the run is cancelled, for good; whether it was not over before."""
        if self.finished:
            return False
        self.root.mkdir(parents=True, exist_ok=True)
        self.cancelled_file.touch()
        return True

    @property
    def finished(self) -> bool:
        """Whether nothing will ever run here again."""
        return any((self.root / name).exists() for name in ("result.json", "failure.json", "cancelled"))

    def state(self, *, after_step: int = 0) -> RunState:
        """Where the run stands by its files alone, with the metrics of the steps after `after_step`."""
        # The end is read before the metrics, so a run that reads finished comes with all of them.
        failure = self.failure()
        if self.cancelled_file.exists():
            status, failure = RunStatus.CANCELLED, None
        elif failure is not None:
            status = RunStatus.FAILED
        else:
            status = RunStatus.RUNNING if self.result() is None else RunStatus.SUCCEEDED
        return RunState(status=status, metrics=self.metrics(after_step=after_step), failure=failure)

    def _read(self, name: str) -> Mapping[str, object] | None:
        path = self.root / name
        return cast(Mapping[str, object], json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
