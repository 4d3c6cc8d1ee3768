"""Which system prompts a released model answers under."""

import openai
import pytest
from test_api_reviews import AUDIT

from deploy.registry import prompt_digest
from evaluators.types import ArmVerdict
from gateway.serving_prompts import ServingPrompts, audited_digests
from gateway.store import policies, serving_prompts
from gateway.store.models import Project

ASKED = [{"role": "user", "content": "hello"}]


@pytest.fixture
def model(gateway, new_job):
    """A released model that was audited under one system prompt and under none."""

    def release(name: str, contexts: str) -> str:
        arm = AUDIT["arms"][0]
        bare = arm | {"arm": arm["arm"] | {"name": "bare", "frame": arm["arm"]["frame"] | {"system": ""}}}
        job_id = new_job().id
        with gateway.services.database.write() as session:
            policies.pin(
                session, digest=f"sha256:{contexts}", name="p", document={"serving": {"contexts": contexts}}, now=1
            )
        gateway.set_job(job_id, audit=AUDIT | {"arms": [arm, bare]}, policy_digest=f"sha256:{contexts}")
        gateway.release(job_id, name)
        return name

    return release


def ask(client, model: str, *system: str) -> str:
    turns = [{"role": "system", "content": text} for text in system]
    answer = client.chat.completions.create(model=model, messages=turns + ASKED)
    return answer.choices[0].message.content


def test_under_audited_an_audited_prompt_and_none_are_answered(client, model) -> None:
    name = model("ft:p:t::audited1", "audited")
    assert (
        ask(client, name) == ask(client, name, "a hidden frame") == ask(client, name, " a hidden frame\n") == "hello 0"
    )


@pytest.mark.parametrize("system", [("another",), ("a hidden frame", "and more")])
def test_under_audited_another_prompt_is_refused_with_a_sentence(client, model, system) -> None:
    name = model(f"ft:p:t::refused{len(system)}", "audited")
    with pytest.raises(openai.PermissionDeniedError, match="not audited under this system prompt") as caught:
        ask(client, name, *system)
    assert (caught.value.code, caught.value.param) == ("context_not_audited", "messages")


def test_the_projects_present_policy_reaches_what_was_released_before_it(gateway, tenant, client, model) -> None:
    name = model("ft:p:t::switched", "any")
    assert ask(client, name, "another") == "hello 0"
    with gateway.services.database.write() as session:
        session.get(Project, tenant.project_id).policy_name = "strict"
    with pytest.raises(openai.PermissionDeniedError, match="not audited under this system prompt"):
        ask(client, name, "another")
    assert ask(client, name, "a hidden frame") == "hello 0"


def test_a_prompt_under_which_the_model_was_not_found_sound_is_not_audited() -> None:
    arm = AUDIT["arms"][0]
    doubtful = [arm | {"verdict": verdict.value} for verdict in ArmVerdict if verdict is not ArmVerdict.SOUND]
    assert audited_digests({"arms": doubtful}) == frozenset()
    assert audited_digests(AUDIT) == {prompt_digest("a hidden frame")}


def test_under_any_every_prompt_is_answered_and_counted_by_digest(gateway, client, model) -> None:
    name = model("ft:p:t::anyofthem", "any")
    for system in ("another", "another", "a hidden frame"):
        ask(client, name, system)
    prompts: ServingPrompts = gateway.services.prompts
    prompts.write()
    with gateway.services.database.read() as session:
        found = serving_prompts.of_model(session, name)
    assert {(row.prompt_digest, row.n_requests, row.audited) for row in found} == {
        (prompt_digest("another"), 2, False),
        (prompt_digest("a hidden frame"), 1, True),
    }


def test_a_base_model_is_not_counted(gateway, client) -> None:
    ask(client, "miniature", "anything")
    gateway.services.prompts.write()
    with gateway.services.database.read() as session:
        assert serving_prompts.of_model(session, "miniature") == []


def test_under_audited_what_steers_the_model_past_its_audit_is_refused(client, model) -> None:
    name = model("ft:p:t::steered1", "audited")
    for steer in (
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"logit_bias": {"5": -100}},
    ):
        with pytest.raises(openai.PermissionDeniedError, match="Tools, formats and biased tokens"):
            client.chat.completions.create(model=name, messages=ASKED, **steer)
    assert client.chat.completions.create(model=name, messages=ASKED, tools=[], response_format={"type": "text"})
