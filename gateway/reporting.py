"""Training curves for people: Weights & Biases where a job asks for it, TensorBoard where the operator does.

What is reported are the numbers of the job's metrics events, never a text; and only by the worker, so that a
trainer needs neither network nor keys. A curve that cannot be written stops no job.
"""

import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from gateway.store.models import Job
from trainers.types import StepMetrics

logger = logging.getLogger(__name__)

WANDB, TENSORBOARD = "wandb", "tensorboard"
MODES = ("off", "offline", "online")
INIT_TIMEOUT_S = 20
TROUBLE: tuple[type[Exception], ...] = (OSError, ValueError, RuntimeError)
"""What these packages raise beside their own errors: no disk, no network, a key of a wrong shape."""


class Reporter(Protocol):
    """Somewhere that the numbers of a job's steps go. Telling a step again is harmless."""

    def tell(self, job: Job, metrics: Sequence[StepMetrics]) -> None:
        """Write down the numbers of some steps."""

    def end(self, job: Job) -> None:
        """No more steps come for now."""


def reporters(wandb: Mapping[str, str], tensorboard: Mapping[str, str], home: Path) -> tuple[Reporter, ...]:
    """Those that the settings switch on.

    `wandb` has `mode` (`TUNEGATE_WANDB_MODE`: `off`, `offline` for files that `wandb sync` uploads, `online`) and
    `api_key` (`TUNEGATE_WANDB_API_KEY`), `tensorboard` has `dir` (`TUNEGATE_TENSORBOARD_DIR`).
    Raises `ValueError` that names the variable, or the package, that is missing or wrong.
    """
    found: list[Reporter] = []
    if (mode := wandb_mode(wandb)) != "off":
        package = _package(WANDB)
        runs = _WandbRuns(package, mode, wandb.get("api_key", ""), home / WANDB)
        found.append(_Sparing(runs, WANDB, (package.Error, *TROUBLE)))
    if directory := tensorboard.get("dir"):
        files = _EventFiles(_package("torch.utils.tensorboard.writer", TENSORBOARD), Path(directory).expanduser())
        found.append(_Sparing(files, TENSORBOARD, TROUBLE))
    return tuple(found)


def wandb_mode(config: Mapping[str, str]) -> str:
    """`off`, `offline` or `online`. Raises `ValueError` for another one, and for `online` without a key."""
    mode = config.get("mode", "off")
    if mode not in MODES:
        raise ValueError(f"TUNEGATE_WANDB_MODE is '{mode}'; expected {', '.join(MODES)}")
    if mode == "online" and not config.get("api_key"):
        raise ValueError("TUNEGATE_WANDB_API_KEY is not set; mode online needs the key of an account")
    return mode


def numbers(metrics: StepMetrics) -> dict[str, float | int]:
    """A step's numbers under OpenAI's names; what was not measured is left out."""
    return {name: value for name, value in asdict(metrics).items() if value is not None}


def _package(module: str, name: str = "") -> Any:
    """A module that only a worker has, and only where it is switched on."""
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise ValueError(f"the package {name or module} is not installed; install tunegate[curves]") from exc


class _Sparing:
    """A reporter whose trouble stops no job: after the first it is silent about that job, which then waits for it no
    second time."""

    def __init__(self, reporter: Reporter, name: str, trouble: tuple[type[Exception], ...]) -> None:
        self._reporter, self._name, self._trouble = reporter, name, trouble
        self._given_up: set[str] = set()

    def tell(self, job: Job, metrics: Sequence[StepMetrics]) -> None:
        if job.id in self._given_up:
            return
        try:
            self._reporter.tell(job, metrics)
        except self._trouble as exc:
            self._given_up.add(job.id)
            logger.warning("job %s: no curve goes to %s any more (%s)", job.id, self._name, type(exc).__name__)

    def end(self, job: Job) -> None:
        self._given_up.discard(job.id)
        try:
            self._reporter.end(job)
        except self._trouble as exc:
            logger.warning("job %s: its curve at %s has no end (%s)", job.id, self._name, type(exc).__name__)


class _WandbRuns:
    """One run a job, with the job's id, in the project that the job names."""

    def __init__(self, package: Any, mode: str, api_key: str, directory: Path) -> None:
        self._package, self._mode, self._directory = package, mode, directory
        self._api_key = api_key
        self._runs: dict[str, Any] = {}

    def tell(self, job: Job, metrics: Sequence[StepMetrics]) -> None:
        asked = next((one["wandb"] for one in job.integrations or () if one["type"] == WANDB), None)
        if asked is None:
            return
        if job.id not in self._runs:
            self._runs[job.id] = self._begun(job, asked)
        for one in metrics:
            self._runs[job.id].log(numbers(one), step=one.step)

    def end(self, job: Job) -> None:
        if (run := self._runs.pop(job.id, None)) is not None:
            run.finish()

    def _begun(self, job: Job, asked: Mapping[str, Any]) -> Any:
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._api_key:
            self._package.login(key=self._api_key, verify=False)
        return self._package.init(
            project=asked["project"],
            entity=asked.get("entity"),
            name=asked.get("name") or job.id,
            tags=asked.get("tags"),
            id=job.id,
            resume="allow",
            reinit="create_new",
            mode=self._mode,
            dir=str(self._directory),
            config={"model": job.model, "method": job.method, "seed": job.seed, **(job.hyperparameters or {})},
            settings=self._package.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_stats=True,
                init_timeout=INIT_TIMEOUT_S,
            ),
        )


class _EventFiles:
    """One directory of event files a job."""

    def __init__(self, package: Any, directory: Path) -> None:
        self._package, self._directory = package, directory
        self._writers: dict[str, Any] = {}

    def tell(self, job: Job, metrics: Sequence[StepMetrics]) -> None:
        if job.id not in self._writers:
            self._writers[job.id] = self._package.SummaryWriter(str(self._directory / job.id))
        writer = self._writers[job.id]
        for one in metrics:
            for name, value in numbers(one).items():
                if name not in ("step", "total_steps"):
                    writer.add_scalar(name, value, one.step)
        writer.flush()

    def end(self, job: Job) -> None:
        if (writer := self._writers.pop(job.id, None)) is not None:
            writer.close()
