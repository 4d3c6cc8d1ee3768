"""`/v1/models` and `/v1/moderations`."""

import openai
import pytest

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
