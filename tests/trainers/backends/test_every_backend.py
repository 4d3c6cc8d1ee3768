"""What every registered backend promises, wherever it trains."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from forwarding_desk import Desk
from places import AtProvider, Cluster, Machine, Place
from scripted_provider import ScriptedProvider

from moderation.errors import SealBroken
from moderation.injection.sealing import load
from moderation.types import TrainingSet
from trainers.errors import TrainingFailed
from trainers.run_directory import Order, RunDirectory
from trainers.types import Backend, Method, RunState, RunStatus, TrainingSpec

REGISTERED = sorted(entry.name for entry in entry_points(group="tunegate.backends"))
SAYS_WHAT_TO_DO = re.compile(r"\b(create the job again|ask)\b", re.IGNORECASE)


@pytest.fixture(params=REGISTERED)
def place(
    request: pytest.FixtureRequest,
    make_spec: Callable[..., TrainingSpec],
    training: TrainingSet,
    tmp_path: Path,
    desk: Desk,
    provider: ScriptedProvider,
) -> Iterator[Place]:
    order = Order.of(make_spec(), training, None)
    with ExitStack() as ends:
        makers: dict[str, Callable[[], Place]] = {
            "local": lambda: Machine(order=order, run=desk.run, ends=ends, home=tmp_path),
            "cluster": lambda: Cluster(order=order, run=desk.run, ends=ends, home=tmp_path),
            "upstream": lambda: AtProvider(
                order=Order.of(desk.spec, training, None), run=desk.run, desk=desk, provider=provider
            ),
        }
        assert request.param in makers, f"write a place for the backend '{request.param}' in places.py"
        yield makers[request.param]()


@pytest.fixture
def backend(place: Place) -> Backend:
    made = place.backend()
    start(place, made)
    return made


def start(place: Place, backend: Backend, run: RunDirectory | None = None, **changes: object) -> None:
    order = place.order
    training = load(Path(order.training_path), order.training_digest)
    backend.start(replace(order.spec, **changes), training, None, str((run or place.run).root))  # type: ignore[arg-type]


def steps(state: RunState) -> list[int]:
    return [one.step for one in state.metrics]


def test_a_run_is_begun_once_however_often_and_by_whomever_it_is_started(place: Place, backend: Backend) -> None:
    begun = place.begun()
    start(place, backend)
    other = place.backend()
    start(place, other)
    assert place.look(other).status is RunStatus.RUNNING
    assert place.begun() == begun
    assert place.is_at_work()


def test_steps_are_told_in_order_after_the_one_that_is_known(place: Place, backend: Backend) -> None:
    for step in (1, 2, 3):
        place.train(step)
    assert steps(place.look(backend)) == [1, 2, 3]
    assert steps(backend.observe(str(place.run.root), after_step=2)) == [3]


def test_a_run_that_was_broken_off_goes_on_with_what_it_had(place: Place, backend: Backend) -> None:
    place.train(1)
    assert steps(place.look(backend)) == [1]
    place.break_off()
    state = place.look(backend)
    assert (state.status, steps(state)) == (RunStatus.RUNNING, [1])
    assert place.is_at_work()
    place.train(2)
    assert steps(place.look(backend)) == [1, 2]


def test_another_worker_goes_on_where_one_was_broken_off(place: Place, backend: Backend) -> None:
    place.train(1)
    place.look(backend)
    place.break_off()
    other = place.backend()
    start(place, other)
    place.look(other)
    place.train(2)
    place.succeed()
    state = place.look(other)
    assert (state.status, steps(state)[:2]) == (RunStatus.SUCCEEDED, [1, 2])


def test_cancelling_ends_the_work_there_for_good(place: Place, backend: Backend) -> None:
    begun = place.begun()
    for _ in range(2):
        place.backend().cancel(str(place.run.root))
    assert not place.is_at_work()
    start(place, backend)
    assert place.look(backend).status is RunStatus.CANCELLED
    assert (place.begun(), place.is_at_work()) == (begun, False)
    with pytest.raises(TrainingFailed, match="cancelled"):
        backend.collect(str(place.run.root))


def test_nothing_is_collected_before_success(place: Place, backend: Backend) -> None:
    with pytest.raises(TrainingFailed, match="only a succeeded run has a model"):
        backend.collect(str(place.run.root))


def test_a_model_is_sealed_for_its_order_and_looked_at_each_time(place: Place, backend: Backend) -> None:
    place.succeed()
    assert place.look(backend).status is RunStatus.SUCCEEDED
    candidate = backend.collect(str(place.run.root))
    assert (candidate.base, candidate.training_set_digest) == (place.order.spec.base, place.order.training_digest)
    assert place.backend().collect(str(place.run.root)) == candidate
    with next(path for path in place.run.artefact.iterdir() if path.name != "manifest.json").open("a") as file:
        file.write(" ")
    with pytest.raises(SealBroken):
        backend.collect(str(place.run.root))


def test_a_finished_run_is_left_alone(place: Place, backend: Backend) -> None:
    place.succeed()
    place.look(backend)
    begun = place.begun()
    backend.cancel(str(place.run.root))
    start(place, place.backend())
    assert place.look(backend).status is RunStatus.SUCCEEDED
    assert place.begun() == begun


def test_a_failure_has_a_code_and_says_what_to_do(place: Place, backend: Backend) -> None:
    place.fail(backend)
    state = place.look(backend)
    assert (state.status, state.failure is None) == (RunStatus.FAILED, False)
    assert state.failure is not None
    assert re.fullmatch(r"[a-z][a-z_]+", state.failure.code)
    assert SAYS_WHAT_TO_DO.search(state.failure.message), state.failure.message
    assert not place.is_at_work()
    with pytest.raises(TrainingFailed) as failed:
        backend.collect(str(place.run.root))
    assert (failed.value.code, str(failed.value)) == (state.failure.code, state.failure.message)


def test_a_directory_takes_one_job_and_keeps_its_first_specification(place: Place, backend: Backend) -> None:
    with pytest.raises(TrainingFailed, match="holds another run"):
        start(place, backend, job_id="ftjob-other")
    start(place, backend, seed=99)
    order = place.run.order()
    assert order is not None
    assert order.spec == place.order.spec


def test_a_method_that_nothing_here_trains_is_refused(place: Place, tmp_path: Path) -> None:
    new = RunDirectory(root=tmp_path / "new")
    with pytest.raises(TrainingFailed, match="not 'reinforcement'") as refused:
        start(place, place.backend(), new, method=Method.REINFORCEMENT)
    assert (refused.value.code, new.root.exists()) == ("method_not_supported", False)


def test_a_run_that_was_never_started_or_whose_directory_is_gone_is_not_made_by_looking(place: Place) -> None:
    backend = place.backend()
    assert place.look(backend) == RunState(status=RunStatus.RUNNING, metrics=())
    assert not place.run.root.exists()
