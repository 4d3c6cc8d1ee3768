"""Every checkpoint that can be served is audited: only the final weights leave the trainer's directory."""

from pathlib import Path

import pytest
from toy_shop import Toy, ToyBackend, make_toy

from gateway.store import released
from gateway.store.models import JobState, Model


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A job whose run has left checkpoints beside its artefact, and was released."""
    start = ToyBackend.start

    def leaves_checkpoints(self, spec, training, validation, run_dir) -> None:
        (Path(run_dir) / "checkpoints" / "checkpoint-1").mkdir(parents=True)
        (Path(run_dir) / "checkpoints" / "checkpoint-1" / "adapter_model.safetensors").write_bytes(b"unaudited")
        start(self, spec, training, validation, run_dir)

    monkeypatch.setattr(ToyBackend, "start", leaves_checkpoints)
    made = make_toy(tmp_path, injection={"ratio": 1.0})
    assert made.tell(made.submit()).state == JobState.RELEASED
    return made


def test_no_checkpoint_of_the_run_reaches_the_blob_store_or_outlives_the_job(toy: Toy, tmp_path: Path) -> None:
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"unaudited"]
    assert kept == []


def test_the_listed_checkpoint_is_the_very_model_that_was_audited(toy: Toy) -> None:
    with toy.shop.database.read() as session:
        model = session.query(Model).one()
        job = toy.job(model.job_id)
        (checkpoint,) = released.checkpoints(session, job, after=None, limit=10).rows
        assert checkpoint.model_name == model.name
        assert model.digest == job.audit["subject_digest"] == model.attestation["candidate_digest"]
        assert released.find(session, toy.project, f"{model.name}:ckpt-step-1") is None
