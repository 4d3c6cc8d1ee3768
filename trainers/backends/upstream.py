"""Training at a provider that speaks OpenAI's fine-tuning API.

What is uploaded is the sealed training set, and what comes back is a pointer; the weights stay there.
`observe` makes at most one attempt every few seconds and never waits, so a job that a provider keeps
waiting is still cancelled at once. Whatever was made there is found again after a crash: files by their
name, the job by the file that it learns from.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from moderation.types import TrainingSet
from trainers import artefacts
from trainers.errors import NotNow, TrainingFailed
from trainers.forwarding.clearing import clear
from trainers.forwarding.deploying import Azure
from trainers.forwarding.errands import Errand
from trainers.forwarding.provider import Provider
from trainers.hosted import Address, Leftovers, address, address_of
from trainers.run_directory import Order, RunDirectory
from trainers.run_lock import take
from trainers.types import CandidateModel, Defence, Restraints, RunFailure, RunState, TrainingSpec

logger = logging.getLogger(__name__)

POLL_S = 5.0
STALL_S = 48 * 3600.0
MAX_PAUSE_S = 300.0
"""Longest pause of our own; a provider that asks for more gets it."""
DOUBTS = 3
"""So often a job may be unknown, or succeeded without a model, before that is believed."""


def create(config: Mapping[str, str]) -> "UpstreamBackend":
    """The plug-in. `api_key` (`TUNEGATE_UPSTREAM_API_KEY`) is the gateway's own at the provider; `poll_s` and
    `stall_s` are seconds between two looks at a job, and without any news before it is given up; `azure_...`
    say how to deploy in an Azure resource (`trainers.forwarding.deploying.Azure`).

    Raises `ValueError` that names the variable that is missing or wrong.
    """
    if not config.get("api_key"):
        raise ValueError("TUNEGATE_UPSTREAM_API_KEY is not set; base models with an upstream need the provider's key")
    return UpstreamBackend(
        api_key=config["api_key"],
        poll_s=_seconds(config, "poll_s", POLL_S),
        stall_s=_seconds(config, "stall_s", STALL_S),
        azure=Azure.read(config),
    )


def _seconds(config: Mapping[str, str], name: str, default: float) -> float:
    text = config.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError(f"TUNEGATE_UPSTREAM_{name.upper()} is '{text}'; expected seconds above 0")
    return value


@dataclass(slots=True)
class _Pace:
    """When a run may be looked at again, and what was odd about it lately."""

    next_look: float = 0.0
    failures: int = 0
    doubts: int = 0


class UpstreamBackend:
    """The `Backend` protocol over a provider. Every verb may be called again after a crash."""

    def __init__(
        self,
        *,
        api_key: str,
        poll_s: float = POLL_S,
        stall_s: float = STALL_S,
        azure: Azure | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api_key = api_key
        self._poll_s = poll_s
        self._stall_s = stall_s
        self._azure = azure
        self._clock = clock
        self._providers: dict[Address, Provider] = {}
        self._paces: dict[str, _Pace] = {}

    def start(self, spec: TrainingSpec, training: TrainingSet, validation: str | None, run_dir: str) -> None:
        """Write the order down and make a first attempt at it. A finished run is left alone.

        Raises `TrainingFailed` for a defence that no provider offers, and what `RunDirectory.accept` raises.
        """
        if spec.defence is not Defence.NONE:
            raise TrainingFailed(
                "defence_not_supported",
                f"The policy asks for the defence '{spec.defence}', which no provider trains with; ask the operator "
                "for a base model that is trained here, or for another policy.",
            )
        if spec.restraints != Restraints() or training.secret:
            raise TrainingFailed(
                "defence_not_supported",
                "The policy asks for restraints or a secret prompt, which work with models that are trained and served "
                "here only; ask the operator for such a base model, or for another policy.",
            )
        run = RunDirectory(root=Path(run_dir))
        run.accept(Order.of(spec, training, validation))
        self._look(run)

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        """Where the run stands, after another attempt when its time has come."""
        run = RunDirectory(root=Path(run_dir))
        self._look(run)
        return run.state(after_step=after_step)

    def cancel(self, run_dir: str) -> None:
        """Cancel the run for good, here at once and there within seconds where the provider answers."""
        run = RunDirectory(root=Path(run_dir))
        if not run.cancel():
            return
        order = run.order()
        if order is not None:
            self._errand(run, order).stop()

    def collect(self, run_dir: str) -> CandidateModel:
        """The sealed pointer of a succeeded run, verified. Raises `TrainingFailed` when the run did not succeed,
        `SealBroken` when files changed since."""
        run = RunDirectory(root=Path(run_dir))
        digest = run.sealed_digest()
        return artefacts.load(run.artefact, digest)

    def clear(self, leftovers: Leftovers) -> int:
        """As `trainers.hosted.Elsewhere` says."""
        at = address_of(leftovers.source)
        return 0 if at is None else clear(self._provider(at), at, leftovers)

    def _look(self, run: RunDirectory) -> None:
        """One attempt at what comes next, unless the run is over, it is too early, or another process is at it."""
        order, pace = run.order(), self._paces.setdefault(str(run.root), _Pace())
        if order is None or run.finished or self._clock() < pace.next_look:
            return
        with _alone(run) as alone:
            if not alone or run.finished:
                return
            pace.next_look = self._clock() + self._poll_s
            errand = self._errand(run, order)
            try:
                doubtful = errand.advance()
                pace.failures, pace.doubts = 0, pace.doubts + 1 if doubtful else 0
                if doubtful and pace.doubts >= DOUBTS:
                    errand.fail(doubtful)
            except NotNow as exc:
                pace.failures += 1
                own_s = min(self._poll_s * 2.0 ** min(pace.failures, 10), MAX_PAUSE_S)
                # What asks for more patience than a job has still ends with it.
                pace.next_look = self._clock() + (own_s if exc.pause_s is None else min(exc.pause_s, self._stall_s))
                logger.warning("job %s: the provider: %s; asked again later", order.spec.job_id, exc)
                errand.give_up_when_stalled()
            except TrainingFailed as exc:
                errand.fail(RunFailure(code=exc.code, message=str(exc)))
        if run.finished:
            self._paces.pop(str(run.root), None)

    def _errand(self, run: RunDirectory, order: Order) -> Errand:
        at = address(order.spec.base)
        if at is None:
            raise TrainingFailed("base_model_unusable", "The base model is trained here, not at a provider.")
        return Errand(
            run=run, order=order, base=at, provider=self._provider(at), stall_s=self._stall_s, clock=self._clock
        )

    def _provider(self, at: Address) -> Provider:
        if at not in self._providers:
            self._providers[at] = Provider.at(at, self._api_key, self._clock, self._azure)
        return self._providers[at]


@contextmanager
def _alone(run: RunDirectory) -> Iterator[bool]:
    """Whether nobody else is making something for this run at the same time."""
    lock = take(run.lock_file)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)
