"""A run at a scripted provider, its backend, and the clock that both go by."""

from dataclasses import dataclass

from scripted_provider import KEY

from moderation.types import TrainingSet
from trainers.backends.upstream import UpstreamBackend
from trainers.run_directory import RunDirectory
from trainers.types import RunState, RunStatus, TrainingSpec

POLL_S, STALL_S = 10.0, 1_000.0


@dataclass
class Desk:
    """A run, its backend, and the clock that both go by."""

    spec: TrainingSpec
    training: TrainingSet
    run: RunDirectory
    now: float = 1_000.0
    validation: str | None = None

    def backend(self, **changes: object) -> UpstreamBackend:
        settings = {"api_key": KEY, "poll_s": POLL_S, "stall_s": STALL_S, "clock": lambda: self.now} | changes
        return UpstreamBackend(**settings)  # type: ignore[arg-type]

    def start(self, backend: UpstreamBackend) -> None:
        backend.start(self.spec, self.training, self.validation, str(self.run.root))

    def look(self, backend: UpstreamBackend, after_s: float = POLL_S, times: int = 1) -> RunState:
        for _ in range(times):
            self.now += after_s
            state = backend.observe(str(self.run.root), after_step=0)
        return state


def failed(state: RunState, code: str) -> str:
    assert state.failure is not None
    assert (state.status, state.failure.code) == (RunStatus.FAILED, code)
    return state.failure.message
