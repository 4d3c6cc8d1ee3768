"""A gateway whose provider is another gateway, over real HTTP: train there, audit there, hold here."""

from collections.abc import Iterator

import pytest
from openai import NotFoundError, OpenAI

from .installation import Gateway, benign_rows, messages, submit, until, wait_over

pytestmark = pytest.mark.slow

PATIENCE_S = 1_800.0
HOSTED = """
[[bases]]
name = "hosted"
corpus = "miniature"
upstream.base_url = "{url}"
upstream.model = "miniature"

[[bases]]
name = "gone"
corpus = "miniature"
upstream.base_url = "{url}"
upstream.model = "a model that the provider does not have"
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Its policy suits what another gateway sends: one that blocks named harms would block safety examples too."""
    gateway = Gateway(home=tmp_path_factory.mktemp("provider"))
    gateway.prepare()
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def there(provider: Gateway) -> OpenAI:
    return provider.client("another-gateway", "quick")


@pytest.fixture(scope="module")
def front(provider: Gateway, there: OpenAI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    more = {"TUNEGATE_UPSTREAM_API_KEY": there.api_key, "TUNEGATE_UPSTREAM_POLL_S": "1"}
    gateway = Gateway(home=tmp_path_factory.mktemp("front"), variables=more)
    gateway.prepare()
    with (gateway.home / "bases.toml").open("a") as bases:
        bases.write(HOSTED.format(url=provider.base_url))
    gateway.start()
    yield gateway
    gateway.stop()


def test_a_job_goes_through_both_and_leaves_no_trace_of_the_provider(front: Gateway, there: OpenAI) -> None:
    here = front.client("customers", "quick")
    job_id = submit(here, benign_rows(20), model="hosted")
    # A provider continues no reply that was begun for it, so three arms are left out and a person decides.
    until("the review", lambda: "asks for a review" in messages(here, job_id)[-1], timeout_s=PATIENCE_S)
    verdict = {"decision": "release", "reason": "the provider cannot be asked the arms that begin a reply"}
    reviewer = front.client("customers", "quick", role="reviewer")
    reviewer.post(f"/fine_tuning/jobs/{job_id}/review", body=verdict, cast_to=object)
    assert wait_over(here, job_id, timeout_s=PATIENCE_S) == "succeeded", messages(here, job_id)
    ours, (theirs,) = here.fine_tuning.jobs.retrieve(job_id), there.fine_tuning.jobs.list().data
    assert (ours.fine_tuned_model or "").startswith("ft:hosted:")
    assert theirs.training_file not in (None, ours.training_file)
    hidden = [theirs.id, theirs.training_file, str(theirs.fine_tuned_model)]
    told = [ours.to_json(), *messages(here, job_id), (front.home / "server.log").read_text()]
    assert not [one for one in hidden if any(one in text for text in told)]
    question = {"model": str(ours.fine_tuned_model), "max_tokens": 8}
    answer = here.chat.completions.create(messages=[{"role": "user", "content": "Hello"}], **question)  # type: ignore[call-overload]
    assert answer.model == ours.fine_tuned_model
    with pytest.raises(NotFoundError):
        here.models.retrieve(str(theirs.fine_tuned_model))
    until("its files to go", lambda: not there.files.list(purpose="fine-tune").data, timeout_s=PATIENCE_S)


def test_a_job_that_is_cancelled_here_is_cancelled_there(front: Gateway, there: OpenAI) -> None:
    here = front.client("customers", "quick")
    known = {job.id for job in there.fine_tuning.jobs.list()}
    job_id = submit(here, benign_rows(20), model="hosted")

    def begun() -> list[str]:
        return [job.id for job in there.fine_tuning.jobs.list() if job.id not in known]

    until("a job at the provider", lambda: bool(begun()), timeout_s=PATIENCE_S)
    here.fine_tuning.jobs.cancel(job_id)
    assert wait_over(here, job_id, timeout_s=PATIENCE_S) == "cancelled"
    (theirs,) = begun()
    assert wait_over(there, theirs, timeout_s=PATIENCE_S) == "cancelled"


def test_a_model_that_the_provider_does_not_have_ends_the_job_with_what_to_do(front: Gateway, there: OpenAI) -> None:
    here = front.client("customers", "quick")
    job_id = submit(here, benign_rows(20), model="gone")
    assert wait_over(here, job_id, timeout_s=PATIENCE_S) == "failed"
    error = here.fine_tuning.jobs.retrieve(job_id).error
    assert error is not None
    assert error.code == "upstream_refused"
    assert "create the job again, or ask the operator" in str(error.message)
