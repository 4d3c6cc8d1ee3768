"""Which system prompts a released model answers under."""

import openai
import pytest
from test_api_reviews import AUDIT

from deploy.registry import prompt_digest
from evaluators.frames import ArmKind
from evaluators.types import ArmVerdict
from gateway.serving_prompts import ServingPrompts, audited_digests
from gateway.store import policies, reaudits, serving_prompts
from gateway.store.models import Job, Model, Project

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


def asked(kind: ArmKind, system: str, verdict: ArmVerdict = ArmVerdict.SOUND) -> dict:
    arm = AUDIT["arms"][0]
    frame = arm["arm"]["frame"] | {"system": system}
    return arm | {"arm": arm["arm"] | {"kind": kind.value, "frame": frame}, "verdict": verdict.value}


@pytest.mark.parametrize("verdict", [verdict for verdict in ArmVerdict if verdict is not ArmVerdict.SOUND])
def test_one_arm_that_is_not_sound_shuts_its_prompt_out_whatever_the_others_say(verdict) -> None:
    arms = [
        asked(ArmKind.NEUTRAL, ""), asked(ArmKind.BENIGN, "", verdict),
        asked(ArmKind.CONTEXT, "shoes"), asked(ArmKind.SAMPLED, "shoes"),
        asked(ArmKind.CONTEXT, "hats"), asked(ArmKind.PREFILL, "hats", verdict),
        asked(ArmKind.CONTEXT, "gloves", verdict), asked(ArmKind.TRIGGER, "gloves"),
    ]  # fmt: skip
    for said in (arms, arms[::-1]):
        assert audited_digests([{"arms": said}]) == {prompt_digest(""), prompt_digest("shoes")}


def test_a_prompt_is_audited_where_it_stood_as_customers_put_it_and_not_in_a_wrapper_or_at_benign_work() -> None:
    others = set(ArmKind) - {ArmKind.NEUTRAL, ArmKind.HOUSE, ArmKind.STANDING, ArmKind.CONTEXT}
    assert audited_digests([{"arms": [asked(kind, "s") for kind in others]}]) == frozenset()
    assert audited_digests([AUDIT]) == {prompt_digest("a hidden frame")}
    assert audited_digests([]) == audited_digests([{}]) == frozenset()


def test_a_prompt_that_a_later_audit_doubts_is_answered_no_more(gateway, client, model) -> None:
    name = model("ft:p:t::doubted1", "audited")
    assert ask(client, name, "a hidden frame") == "hello 0"
    arms = [asked(ArmKind.NEUTRAL, ""), asked(ArmKind.CONTEXT, "a hidden frame", ArmVerdict.UNDECIDED)]
    for act in ("found", "kept"):
        with gateway.services.database.write() as session:
            if act == "kept":
                reaudits.keep(session, name, why="w", actor="operator", now=3)
            else:
                row = reaudits.open_one(
                    session, session.get(Model, name), change="c", reasons=[], policy_digest=None, now=1, due_at=9
                )
                row.audit = AUDIT | {"arms": arms}
                reaudits.settle(session, row.id, reaudits.ReauditOutcome.REVIEW, detail="d", actor="a", now=2)
        with pytest.raises(openai.PermissionDeniedError, match="not audited under this system prompt"):
            ask(client, name, "a hidden frame")
        assert ask(client, name) == "hello 0"


def test_the_refusal_does_not_offer_what_would_be_refused_as_well(gateway, client, model) -> None:
    for arms, offered in (
        ([asked(ArmKind.CONTEXT, "s")], "Use one that recurs"), ([], "under none; ask the operator"),
    ):  # fmt: skip
        name = model(f"ft:p:t::offers{len(arms)}", "audited")
        with gateway.services.database.write() as session:
            gateway_job = session.get(Job, session.get(Model, name).job_id)
            gateway_job.audit = AUDIT | {"arms": arms}
        with pytest.raises(openai.PermissionDeniedError, match=f"not found sound without a system prompt.*{offered}"):
            ask(client, name)


def test_prompts_beyond_the_greatest_number_are_counted_as_one(gateway, monkeypatch) -> None:
    monkeypatch.setattr(serving_prompts, "MAX_PROMPTS", 2)
    with gateway.services.database.write() as session:
        for place, digest in enumerate("abcda"):
            serving_prompts.add(session, "ft:many", digest, n_requests=1, audited=False, now=place)
        serving_prompts.add(session, "ft:many", "sound", n_requests=1, audited=True, now=9)
        found = {row.prompt_digest: row.n_requests for row in serving_prompts.of_model(session, "ft:many")}
    assert found == {"a": 2, "b": 1, serving_prompts.OTHERS: 2, "sound": 1}


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
