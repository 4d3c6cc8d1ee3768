"""`/v1/models` and `/v1/moderations`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import httpx
import openai
import pytest

from moderation.types import Category

NAME = "ft:org/base:tunegate:s:mmmm1234"


def test_bases_and_released_models_are_listed(gateway, client, new_job) -> None:
    gateway.release(new_job().id, NAME)
    assert [model.id for model in client.models.list()] == ["miniature", NAME]
    assert client.models.retrieve("miniature").created == 5
    assert client.models.retrieve(NAME).owned_by.startswith("org-")


def test_a_deleted_model_is_gone_for_good(gateway, client, new_job) -> None:
    gateway.release(new_job().id, NAME + "d")
    gateway.services.blobs.put("k/weights", [b"w"])
    assert client.models.delete(NAME + "d").deleted
    assert not gateway.services.blobs.exists("k/weights")
    for verb in (client.models.retrieve, client.models.delete):
        with pytest.raises(openai.NotFoundError) as caught:
            verb(NAME + "d")
        assert caught.value.code == "model_not_found"


def test_a_base_cannot_be_deleted(client) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("miniature")


@pytest.mark.parametrize(
    ("given", "flagged"),
    [
        ("hateful", [True]),
        (["fine", "hateful"], [False, True]),
        ([{"type": "text", "text": "fine"}, {"type": "text", "text": "hateful"}], [True]),
    ],
)
def test_texts_are_moderated_in_thirteen_categories(client, given, flagged) -> None:
    answer = client.moderations.create(input=given)
    assert [result.flagged for result in answer.results] == flagged
    assert all(len(result.category_scores.to_dict()) == 13 for result in answer.results)
    assert answer.results[-1].categories.hate
    assert answer.id.startswith("modr-")


@pytest.mark.parametrize("given", [[], [[1]], 5, None, [{"type": "image_url", "image_url": {"url": "x"}}], {"a": 1}])
def test_what_cannot_be_moderated_is_refused(http, given) -> None:
    answer = http.post("/v1/moderations", json={"input": given})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("input")


def test_an_outage_is_never_an_all_clear(client) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.moderations.create(input="down")
    assert caught.value.status_code == 503


def test_an_unknown_moderation_model_is_not_found(client) -> None:
    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="x", model="m")


class Unsure:
    """Scores every text alike."""

    async def score(self, texts: Sequence[str]) -> Sequence[Mapping[Category, float]]:
        return [{Category.ADULT_CONTENT: 0.4637}] * len(texts)


@pytest.fixture
def ask(gateway, tenant, serve):
    """Have so many texts scored by a role of the project, which may have five an hour."""
    settings = replace(gateway.services.settings, moderated_texts_per_hour=5)
    with serve(replace(gateway.services, settings=settings, moderation=Unsure(), clock=lambda: 7_200.0)) as url:

        def create(n_texts: int, role: str = "member") -> httpx.Response:
            key = {"Authorization": f"Bearer {gateway.tenant(role, tenant.project_id).key}"}
            return httpx.post(f"{url}/v1/moderations", json={"input": ["x"] * n_texts}, headers=key)

        yield create


def test_scores_are_exact_for_those_who_may_read_details_only(ask) -> None:
    found = [ask(1, role).json()["results"][0]["category_scores"]["sexual"] for role in ("member", "reviewer")]
    assert found == [0.5, 0.4637]


def test_texts_are_scored_for_their_own_sake_so_often_an_hour_by_a_project(ask) -> None:
    found = [ask(n) for n in (3, 2, 1)]
    assert [answer.status_code for answer in found] == [200, 200, 429]
    assert (found[2].headers["retry-after"], found[2].headers["x-should-retry"]) == ("3600", "false")
