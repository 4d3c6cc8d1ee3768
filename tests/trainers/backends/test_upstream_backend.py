"""The upstream backend against a provider that keeps to OpenAI's API."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from forwarding_desk import Desk, failed
from scripted_azure import AZURE
from scripted_provider import BASE, TUNED, ScriptedProvider, refused
from sealed_rows import sealed_rows

from moderation.errors import SealBroken
from trainers import messages
from trainers.backends.upstream import create
from trainers.errors import TrainingFailed
from trainers.forwarding.mirroring import MAX_MESSAGES
from trainers.hosted import POINTER, address, read_pointer
from trainers.run_directory import RunDirectory
from trainers.types import Defence, ParentModel, Restraints, RunStatus


def test_a_job_is_trained_there_and_a_sealed_pointer_comes_back(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    (job,) = provider.jobs.values()
    ((name, rows),) = provider.files.values()
    assert rows == (Path(desk.training.path) / "examples.jsonl").read_bytes()
    assert name.startswith("tunegate-ftjob-test-")
    assert job["method"]["supervised"]["hyperparameters"] == {
        "n_epochs": 2,
        "batch_size": 4,
        "learning_rate_multiplier": 1.0,
    }
    provider.trains(2)
    provider.says(status="running")
    assert [one.step for one in desk.look(backend).metrics] == [2]
    provider.says(status="succeeded", fine_tuned_model=TUNED, trained_tokens=77, result_files=["file-result"])
    state = desk.look(backend)
    assert (state.status, [one.step for one in state.metrics]) == (RunStatus.SUCCEEDED, [1, 2, 3])
    candidate = backend.collect(str(desk.run.root))
    assert (candidate.trained_tokens, candidate.n_steps) == (77, 3)
    assert {file.name for file in desk.run.artefact.iterdir()} == {POINTER, "manifest.json"}
    at = address(candidate.base)
    assert at is not None
    pointer = read_pointer(desk.run.artefact, candidate.digest, at)
    assert (pointer.model, pointer.asked_as) == (TUNED, TUNED)


def test_what_the_provider_says_in_words_is_kept_once_without_its_names(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    provider.mentions(f"Training of {BASE} on file-theirs0 begins", level="warn")
    provider.trains(1)
    desk.look(backend)
    provider.trains(2)
    provider.mentions("Made acme/llama-3-ft-77: ready, see http://provider.test/m7")
    provider.events += [{"type": "message"}, {"type": "message", "message": 7}, {"type": "odd", "message": "odd"}]
    for _ in range(2):
        assert desk.look(backend).metrics[-1].step == 2
    assert [(one.level, one.text) for one in messages.read(desk.run.root)] == [
        ("warn", "Training of hosted on (withheld) begins"),
        ("info", "Made (withheld) ready, see (withheld)"),
    ]


def test_a_provider_that_talks_without_end_is_heard_so_far(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    for number in range(MAX_MESSAGES + 50):
        provider.mentions(f"{number}")
        if number in (MAX_MESSAGES - 50, MAX_MESSAGES + 40):
            desk.look(backend)
    assert [one.text for one in messages.read(desk.run.root)] == [str(number) for number in range(MAX_MESSAGES)]


def test_a_released_model_is_tuned_further_there_under_its_own_name(
    desk: Desk, provider: ScriptedProvider, tmp_path: Path
) -> None:
    first = desk.backend()
    desk.start(first)
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    desk.look(first)
    parent = first.collect(str(desk.run.root))
    provider.jobs.clear()
    desk.spec = replace(desk.spec, parent=ParentModel(name="ft:hosted", path=parent.path, digest=parent.digest))
    desk.run = RunDirectory(root=tmp_path / "second")
    again = desk.backend()
    desk.start(again)
    (job,) = provider.jobs.values()
    assert job["model"] == TUNED
    provider.says(status="failed", error={"code": "c", "message": f"{TUNED} is odd"})
    assert TUNED not in failed(desk.look(again), "c")


def test_a_pointer_that_was_bent_is_not_followed(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    desk.look(backend)
    candidate = backend.collect(str(desk.run.root))
    at = address(candidate.base)
    assert at is not None
    with pytest.raises(SealBroken, match="another provider"):
        read_pointer(desk.run.artefact, candidate.digest, replace(at, base_url="http://elsewhere/v1"))
    pointer = desk.run.artefact / POINTER
    pointer.write_text(pointer.read_text().replace("abcd1234", "other"))
    with pytest.raises(SealBroken):
        backend.collect(str(desk.run.root))
    with pytest.raises(SealBroken):
        read_pointer(desk.run.artefact, candidate.digest, at)


@pytest.mark.parametrize("lost", ["forwarded.json", "spec.json"])
def test_after_a_crash_the_job_is_found_and_no_second_one_made(
    desk: Desk, provider: ScriptedProvider, lost: str
) -> None:
    desk.start(desk.backend())
    (desk.run.root / lost).unlink()
    desk.start(desk.backend())
    assert (len(provider.files), len(provider.jobs)) == (1, 1)


def test_a_job_whose_answer_was_lost_is_found(desk: Desk, provider: ScriptedProvider) -> None:
    provider.forgets_answer = True
    backend = desk.backend()
    desk.start(backend)
    assert desk.look(backend, times=3).status is RunStatus.RUNNING
    assert len(provider.jobs) == 1


def test_cancelling_here_cancels_there_also_what_was_not_written_down(desk: Desk, provider: ScriptedProvider) -> None:
    provider.forgets_answer = True
    backend = desk.backend()
    desk.start(backend)
    provider.errors.append(("POST /v1/fine_tuning/jobs/ftjob-theirs0/cancel", refused(500, "later")))
    desk.backend().cancel(str(desk.run.root))
    assert next(iter(provider.jobs.values()))["status"] == "cancelled"
    assert desk.look(backend).status is RunStatus.CANCELLED


def test_a_validation_file_is_sent_as_it_was_read(desk: Desk, provider: ScriptedProvider, tmp_path: Path) -> None:
    rows = (Path(desk.training.path) / "examples.jsonl").read_text()
    theirs = tmp_path / "validation.jsonl"
    theirs.write_text(rows.replace('"messages":', '"messages" :  '))
    desk.validation = str(theirs)
    desk.start(desk.backend())
    assert [body.decode() for _, body in provider.files.values()] == [rows, rows]
    assert next(iter(provider.jobs.values()))["validation_file"] == "file-theirs1"


def test_images_are_sent_as_they_were_screened(desk: Desk, provider: ScriptedProvider, tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    turns = [{"role": "user", "content": [image]}, {"role": "assistant", "content": "A cat"}]
    rows = tmp_path / "rows.jsonl"
    rows.write_text((json.dumps({"messages": turns}) + "\n") * 10)
    desk.training = sealed_rows(rows, 10)
    desk.start(desk.backend())
    ((_, sent),) = provider.files.values()
    assert json.loads(sent.splitlines()[0])["messages"][0]["content"] == [image]


def test_what_no_provider_trains_is_refused(desk: Desk) -> None:
    changes: tuple[tuple[dict[str, object], str], ...] = (
        ({"defence": Defence.CONSTRAINED}, "defence"),
        ({"restraints": Restraints(pull=0.1)}, "restraints"),
    )
    asked = desk.spec
    for change, words in changes:
        desk.spec = replace(asked, **change)  # type: ignore[arg-type]
        with pytest.raises(TrainingFailed, match=words):
            desk.start(desk.backend())


@pytest.mark.parametrize(
    ("config", "variable"),
    [
        ({}, "TUNEGATE_UPSTREAM_API_KEY"),
        ({"api_key": "k", "poll_s": "soon"}, "TUNEGATE_UPSTREAM_POLL_S"),
        ({"api_key": "k", "stall_s": "-1"}, "TUNEGATE_UPSTREAM_STALL_S"),
        ({"api_key": "k", "azure_resource": "mine"}, "TUNEGATE_UPSTREAM_AZURE_TENANT_ID"),
        ({"api_key": "k", **AZURE, "azure_resource": "mine"}, "TUNEGATE_UPSTREAM_AZURE_RESOURCE"),
        ({"api_key": "k", **AZURE, "azure_capacity": "all"}, "TUNEGATE_UPSTREAM_AZURE_CAPACITY"),
        ({"api_key": "k", **AZURE, "azure_sku_name": "x"}, "TUNEGATE_UPSTREAM_AZURE_SKU_NAME"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, str], variable: str) -> None:
    with pytest.raises(ValueError, match=variable):
        create(config)
