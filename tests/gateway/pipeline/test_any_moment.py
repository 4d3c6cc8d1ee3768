"""A job that is killed or cancelled before any of its writes: held until it is whole, and one model at most."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from toy_shop import Toy, make_toy

from gateway.store import files, job_queries
from gateway.store.database import Database
from gateway.store.models import Job, JobState, Model

pytestmark = pytest.mark.slow
SAFE = {"training": {"lora": {"alpha": 8}}}
"""A run whose candidate is released."""


class Killed(BaseException):
    """The worker is gone."""


@dataclass
class Watched:
    """A database before whose `left + 1`-th write something happens, once."""

    inner: Database
    left: int
    happens: Callable[[], None]
    happened: bool = field(default=False)

    def read(self) -> AbstractContextManager[Session]:
        return self.inner.read()

    @contextmanager
    def write(self) -> Iterator[Session]:
        if self.left == 0 and not self.happened:
            self.happened = True
            self.happens()
        self.left -= 1
        with self.inner.write() as session:
            yield session


def tell(toy: Toy, job_id: str, *, before: int, happens: Callable[[], None]) -> bool:
    """Tell the story with something that happens before a write; False when it had fewer writes."""
    watched = Watched(toy.shop.database, before, happens)
    replace(toy, shop=replace(toy.shop, database=cast(Any, watched))).tell(job_id)
    return watched.happened


def attested(toy: Toy) -> list[str]:
    """Job ids whose files lie where serving reads, attested."""
    root = toy.shop.blobs.local_tree("projects") / toy.project / "models"
    return sorted(path.parent.name for path in root.rglob("attestation.json"))


def models(toy: Toy) -> list[Model]:
    with toy.shop.database.read() as session:
        return list(session.scalars(select(Model)))


def test_a_job_that_is_killed_before_any_of_its_writes_is_held_and_makes_one_model_in_the_end(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, **SAFE)
    job_id = toy.submit()

    def dies() -> None:
        raise Killed

    for place in itertools.count():
        try:
            tell(toy, job_id, before=place, happens=dies)
        except Killed:
            assert (models(toy), toy.job(job_id).fine_tuned_model) == ([], None)
        else:
            break
    assert place > 6
    (model,) = models(toy)
    job = toy.job(job_id)
    assert (job.state, job.fine_tuned_model, job.attempt, toy.held()) == (JobState.RELEASED, model.name, 1, [])


def cancel(session: Session, toy: Toy, job: Job) -> None:
    job_queries.request_cancel(session, toy.project, job.id, now=1)


def delete(session: Session, toy: Toy, job: Job) -> None:
    files.delete(session, toy.project, job.training_file_id, now=1)


@pytest.mark.parametrize("action", [cancel, delete])
def test_a_job_that_is_cancelled_or_loses_its_file_at_any_moment_leaves_no_model_that_is_not_released(
    tmp_path: Path, action: Callable[[Session, Toy, Job], None]
) -> None:
    for place in itertools.count():
        home = tmp_path / str(place)
        home.mkdir()
        toy = make_toy(home, **SAFE)
        job_id = toy.submit()

        def happens(toy: Toy = toy, job_id: str = job_id) -> None:
            with toy.shop.database.write() as session:
                action(session, toy, session.get_one(Job, job_id))

        happened = tell(toy, job_id, before=place, happens=happens)
        released = action is delete or not happened
        state = JobState.RELEASED if released else JobState.CANCELLED
        assert (toy.job(job_id).state, len(models(toy)), toy.held()) == (state, int(released), [])
        assert attested(toy) == [job_id] * released
        toy.shop.database.close()
        if not happened:
            break
    assert place > 6
