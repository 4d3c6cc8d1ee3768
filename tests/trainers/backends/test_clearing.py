"""What is deleted at a provider once a job is over, also when it takes several attempts, and what never is."""

import pytest
from forwarding_desk import Desk
from scripted_provider import BASE, TUNED, ScriptedProvider, refused

from trainers.backends.upstream import UpstreamBackend
from trainers.errors import NotNow, TrainingFailed
from trainers.hosted import Leftovers, Pointer

KEPT = Pointer(base_url="x", model=TUNED, job_id="ftjob-theirs0")
OTHER = Pointer(base_url="x", model="ft:other", job_id="ftjob-theirs1")


@pytest.fixture
def ended(desk: Desk, provider: ScriptedProvider) -> UpstreamBackend:
    """A job that made a model, beside a file that is not ours."""
    backend = desk.backend()
    desk.start(backend)
    provider.files["file-strange"] = ("tunegate-ftjob-tester-1-training.jsonl", b"")
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    desk.look(backend)
    return backend


def left(desk: Desk, **what: object) -> Leftovers:
    leftovers = Leftovers(source=desk.spec.base.source, job_id="ftjob-test", **what)  # type: ignore[arg-type]
    return Leftovers.from_json(leftovers.to_json())


def test_files_go_and_strangers_files_stay(ended: UpstreamBackend, desk: Desk, provider: ScriptedProvider) -> None:
    for _ in range(2):
        assert ended.clear(left(desk, files=True)) == 0
    assert (list(provider.files), provider.deleted_models) == (["file-strange"], [])


def test_a_model_goes_that_nobody_wrote_down_and_a_kept_one_stays(
    ended: UpstreamBackend, desk: Desk, provider: ScriptedProvider
) -> None:
    assert ended.clear(left(desk, models=True, kept=(KEPT,))) == 0
    assert provider.deleted_models == []
    assert ended.clear(left(desk, models=True)) == 0
    assert (provider.deleted_models, len(provider.files)) == ([TUNED], 2)


def test_the_base_is_never_deleted(ended: UpstreamBackend, desk: Desk, provider: ScriptedProvider) -> None:
    provider.says(fine_tuned_model=BASE)
    ended.clear(left(desk, models=True))
    assert provider.deleted_models == []


def test_a_rejected_model_goes_when_its_files_are_long_gone(
    ended: UpstreamBackend, desk: Desk, provider: ScriptedProvider
) -> None:
    provider.files.clear()
    for _ in range(2):
        assert ended.clear(left(desk, rejected=(KEPT,))) == 0
    assert provider.deleted_models == [TUNED]


def test_an_outage_in_the_middle_is_made_up_for(ended: UpstreamBackend, desk: Desk, provider: ScriptedProvider) -> None:
    provider.errors.append(("DELETE /v1/files", refused(500, "later")))
    with pytest.raises(NotNow):
        ended.clear(left(desk, files=True, models=True))
    assert ended.clear(left(desk, files=True, models=True)) == 0
    assert (list(provider.files), provider.deleted_models) == (["file-strange"], [TUNED])


def test_what_the_provider_will_not_delete_is_counted_and_the_rest_goes(
    ended: UpstreamBackend, desk: Desk, provider: ScriptedProvider
) -> None:
    provider.errors.append(("DELETE /v1/models", refused(400, "not this one")))
    assert ended.clear(left(desk, files=True, rejected=(KEPT, OTHER))) == 1
    assert (list(provider.files), provider.deleted_models) == (["file-strange"], [OTHER.model])
    provider.errors.append(("DELETE /v1/models", refused(401, "wrong key")))
    with pytest.raises(TrainingFailed, match="TUNEGATE_UPSTREAM_API_KEY"):
        ended.clear(left(desk, rejected=(KEPT,)))


def test_a_job_that_could_not_be_cancelled_is_cancelled_before_its_files_go(
    ended: UpstreamBackend, desk: Desk, provider: ScriptedProvider
) -> None:
    provider.says(status="running", fine_tuned_model=None)
    with pytest.raises(NotNow):
        ended.clear(left(desk, files=True))
    assert (provider.jobs["ftjob-theirs0"]["status"], len(provider.files)) == ("cancelled", 2)
    assert ended.clear(left(desk, files=True)) == 0
    assert list(provider.files) == ["file-strange"]
