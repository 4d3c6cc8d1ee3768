"""What jobs leave at a provider: noted at their end, deleted there later, and what is released stays."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from toy_shop import BASE, Toy, ToyBackend, make_toy

from gateway.pipeline import leftovers
from gateway.pipeline.stages import JobStages
from gateway.store import reopenings, reviews
from gateway.store.models import JobState
from gateway.worker.sweeping import sweep_all
from trainers.errors import NotNow
from trainers.hosted import POINTER, Leftovers
from trainers.types import TrainingSpec

WEEK_S = 7 * 24 * 3600
HOSTED = replace(BASE, source="https://provider.test/v1#gpt")


@dataclass
class HostedToyBackend(ToyBackend):
    """Makes a pointer beside the number, and remembers what it was told to clear."""

    cleared: list[Leftovers] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    is_down: bool = False
    refused: int = 0

    def start(self, spec: TrainingSpec, training: Any, validation: str | None, run_dir: str) -> None:
        artefact = Path(run_dir) / "artefact"
        artefact.mkdir(parents=True, exist_ok=True)
        pointer = {"base_url": "https://provider.test/v1", "model": f"ft:{spec.job_id}", "job_id": "theirs"}
        (artefact / POINTER).write_text(json.dumps(pointer))
        super().start(spec, training, validation, run_dir)

    def cancel(self, run_dir: str) -> None:
        self.cancelled.append(run_dir)

    def clear(self, left: Leftovers) -> int:
        if self.is_down:
            raise NotNow("status 503")
        self.cleared.append(left)
        return self.refused


def hosted(directory: Path, **tables: Any) -> tuple[Toy, HostedToyBackend]:
    toy, backend = make_toy(directory, **tables), HostedToyBackend()
    toy.shop = replace(toy.shop, bases={"miniature": HOSTED}, backends={"upstream": cast(Any, backend)})
    return toy, backend


def models(pointers: Any) -> list[str]:
    return [one.model for one in pointers]


def test_a_rejected_model_goes_with_the_files_of_its_job(tmp_path: Path) -> None:
    toy, backend = hosted(tmp_path, release={"contest_within_s": 0})
    job = toy.tell(toy.submit())
    for _ in range(2):
        sweep_all(toy.shop)
    (left,) = backend.cleared
    assert job.error_code == "unsafe_model"
    assert (left.source, left.job_id, left.files, left.models) == (HOSTED.source, job.id, True, True)
    assert (models(left.rejected), left.kept) == ([f"ft:{job.id}"], ())


def test_a_withheld_model_stays_until_its_verdict_stands(tmp_path: Path) -> None:
    toy, backend = hosted(tmp_path)
    job = toy.tell(toy.submit())
    sweep_all(toy.shop)
    assert [(left.rejected, models(left.kept)) for left in backend.cleared] == [((), [f"ft:{job.id}"])]
    toy.clock[0] += WEEK_S
    for _ in range(2):
        sweep_all(toy.shop)
    (left,) = backend.cleared[1:]
    assert (models(left.rejected), left.files, toy.held()) == ([f"ft:{job.id}"], False, [])


def test_a_model_that_was_released_after_all_stays(tmp_path: Path) -> None:
    toy, backend = hosted(tmp_path)
    job = toy.tell(toy.submit())
    with toy.shop.database.write() as session:
        again = reopenings.force(
            session, toy.shop.ids, job, reason="a drill", by=reviews.OPERATOR, n_needed=1, now=toy.shop.now()
        ).id
    assert toy.tell(again).state == JobState.RELEASED
    toy.clock[0] += WEEK_S
    sweep_all(toy.shop)
    assert toy.held() == []
    assert not any(left.rejected for left in backend.cleared)
    assert all(f"ft:{job.id}" in models(left.kept) for left in backend.cleared)


def test_a_provider_that_is_down_is_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    toy, backend = hosted(tmp_path, release={"contest_within_s": 0})
    job = toy.tell(toy.submit())
    backend.is_down = True
    leftovers.clear(toy.shop)
    backend.is_down, backend.refused = False, 1
    leftovers.clear(toy.shop)
    leftovers.clear(toy.shop)
    assert len(backend.cleared) == 1
    assert f"job {job.id}: the provider does not delete 1" in caplog.text


def test_a_policy_may_leave_everything(tmp_path: Path) -> None:
    toy, backend = hosted(tmp_path, forwarding={"delete_files": False, "delete_rejected": False})
    toy.tell(toy.submit())
    toy.clock[0] += WEEK_S
    sweep_all(toy.shop)
    assert (backend.cleared, toy.held()) == ([], [])


def test_what_a_job_that_goes_on_from_a_released_model_left_goes_too(tmp_path: Path) -> None:
    toy, backend = hosted(tmp_path, injection={"ratio": 1.0})
    parent = toy.tell(toy.submit())
    assert parent.fine_tuned_model is not None
    child = toy.tell(toy.submit(parent.fine_tuned_model))
    leftovers.clear(toy.shop)
    assert [(left.job_id, left.source, left.files) for left in backend.cleared] == [
        (job.id, HOSTED.source, True) for job in sorted((parent, child), key=lambda job: job.id)
    ]


def test_a_base_that_is_listed_no_more_stops_no_job_from_ending(tmp_path: Path, caplog: Any) -> None:
    toy, backend = hosted(tmp_path)
    job = toy.job(toy.submit())
    toy.shop = replace(toy.shop, bases={})
    leftovers.note_job(toy.shop, job, dropped=(), kept=())
    leftovers.clear(toy.shop)
    assert backend.cleared == []
    assert f"job {job.id}: its base model is not listed" in caplog.text


def test_everything_of_a_job_goes_from_a_cluster_whatever_the_policy_says_of_providers(tmp_path: Path) -> None:
    toy, backend = hosted(tmp_path, forwarding={"delete_files": False, "delete_rejected": False})
    toy.shop = replace(
        toy.shop, bases={"miniature": BASE}, backends={"cluster": cast(Any, backend)}, trains_on="cluster"
    )
    job = toy.tell(toy.submit())
    backend.is_down = True
    leftovers.clear(toy.shop)
    backend.is_down = False
    leftovers.clear(toy.shop)
    assert [(left.job_id, left.files, left.models) for left in backend.cleared] == [(job.id, True, True)]


def test_a_run_that_nobody_could_watch_is_stopped_with_its_job(tmp_path: Path) -> None:
    toy, backend = hosted(tmp_path)
    job = toy.job(toy.submit())
    run_dirs = [toy.shop.job_dir(job.id) / "run", toy.shop.job_dir(job.id) / "remedy-1" / "run"]
    for run_dir in run_dirs:
        run_dir.mkdir(parents=True)
    JobStages(toy.shop).give_up(job.id, "train", "broken", "OSError")
    assert backend.cancelled == [str(run_dir) for run_dir in run_dirs]


def test_nothing_is_noted_of_what_is_trained_here_or_never_sent(tmp_path: Path) -> None:
    toy = make_toy(tmp_path)
    toy.tell(toy.submit())
    assert toy.shop.blobs.keys(leftovers.NOTES) == ()
    toy.shop = replace(toy.shop, bases={"miniature": HOSTED})
    leftovers.note_job(toy.shop, toy.job(toy.submit()), dropped=(), kept=())
    assert toy.shop.blobs.keys(leftovers.NOTES) == ()
