"""A candidate at a provider is asked there, and its name there is said to nobody."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.types import UpstreamServer
from evaluators import arms, corpus
from evaluators.types import AuditPolicy
from gateway.worker import audit_engines
from gateway.worker.audit_engines import EmbeddedAuditEngines
from gateway.worker.hosted_audits import UnnamedChat
from moderation.chat import Conversation, Finish, Reply, Sampling, Turn
from moderation.chat.openai_compatible import OpenAICompatibleChat
from moderation.errors import ChatUnavailable, SealBroken
from moderation.types import Role
from trainers import artefacts
from trainers.hosted import Pointer, read_hosted, write_pointer
from trainers.types import CandidateModel, Hyperparameters, LoraSpec, Method, TrainingSpec, Tuning

URL, TUNED = "http://127.0.0.1:9/v1", "ft:gpt:theirs::abcd1234"
ASKED = [(Turn(role=Role.USER, text="hello"),)]


def sealed(directory: Path, *, url: str = URL, deployment: str = "") -> CandidateModel:
    base = read_hosted({"name": "hosted", "corpus": "english", "upstream": {"base_url": URL, "model": "gpt"}})
    spec = TrainingSpec(
        job_id="ftjob-1",
        base=base,
        method=Method.SUPERVISED,
        tuning=Tuning.LORA,
        hyperparameters=Hyperparameters(n_epochs=1, batch_size=1, learning_rate_multiplier=1.0),
        lora=LoraSpec(),
        seed=0,
        max_length=64,
    )
    write_pointer(directory, Pointer(base_url=url, model=TUNED, job_id="ftjob-theirs", deployment=deployment))
    return artefacts.load(directory, artefacts.seal(directory, spec, "sha256:t", trained_tokens=1, n_steps=1))


def engines(directory: Path) -> EmbeddedAuditEngines:
    server = UpstreamServer(base_url=URL, model="gpt", api_key="k")
    return EmbeddedAuditEngines(directory, providers={"hosted": server})


def test_candidate_and_base_answer_at_the_provider_and_no_engine_starts(tmp_path: Path) -> None:
    candidate = sealed(tmp_path)
    both = engines(tmp_path).side_by_side(candidate)
    models = [chat.inner for chat in both if isinstance(chat, UnnamedChat)]
    assert [(chat.model, chat.base_url) for chat in models] == [(TUNED, URL), ("gpt", URL)]  # type: ignore[attr-defined]
    engines(tmp_path).let_go(candidate)


def test_what_is_deployed_is_asked_under_the_name_of_its_deployment(tmp_path: Path) -> None:
    chat, _ = engines(tmp_path).side_by_side(sealed(tmp_path, deployment="tunegate-1"))
    assert isinstance(chat, HostedChat)
    assert chat.inner.model == "tunegate-1"  # type: ignore[attr-defined]
    assert {TUNED, "tunegate-1"} <= set(chat.names)


def test_a_pointer_to_another_provider_is_not_audited(tmp_path: Path) -> None:
    with pytest.raises(SealBroken, match="another provider"):
        engines(tmp_path).side_by_side(sealed(tmp_path, url="http://elsewhere/v1"))


class Refusing:
    """Answers nothing that begins a reply, and says its own name when it refuses."""

    identity = TUNED

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        if conversations[0][-1].role is Role.ASSISTANT or sampling.seed:
            raise ChatUnavailable(f"{TUNED} at {URL} refuses with status 400")
        return [Reply(text="hello", finish=Finish.STOP)]


def test_an_outage_is_told_without_the_providers_names() -> None:
    chat = UnnamedChat(identity="the candidate", inner=Refusing(), names={TUNED: "the candidate", URL: "the provider"})
    with pytest.raises(ChatUnavailable) as told:
        chat.complete(ASKED, Sampling(max_tokens=1, seed=1))
    assert str(told.value) == "the candidate at the provider refuses with status 400"
    assert told.value.__context__ is None


def test_arms_that_begin_a_reply_are_left_out_where_that_is_refused() -> None:
    plan = arms.plan(corpus.load("english"), None, AuditPolicy())
    asked = arms.askable(plan, (Refusing(),))
    assert any(arm.frame.prefill for arm in plan.arms)
    assert not any(arm.frame.prefill for arm in asked.arms)
    assert len(asked.overflow) > len(plan.overflow)


class Unreachable:
    """An engine of ours whose socket is gone."""

    def load(self, name: str, path: str, digest: str) -> None:
        """Take anything."""

    def chat(self, model: str) -> OpenAICompatibleChat:
        return OpenAICompatibleChat(
            base_url="http://engine/v1", api_key="", model=model, uds="/nowhere/engine.sock", attempts=1
        )


def test_an_engine_of_ours_that_fails_names_no_candidate_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_engines.EngineProcess, "start", lambda *_, **__: Unreachable())
    monkeypatch.setattr(audit_engines, "local_path", lambda base: tmp_path)
    candidate = sealed(tmp_path)
    model, _ = EmbeddedAuditEngines(tmp_path).side_by_side(candidate)
    with pytest.raises(ChatUnavailable, match="the candidate at embedded engine") as said:
        model.complete(ASKED, Sampling(max_tokens=1))
    assert candidate.digest[7:19] not in str(said.value)
    assert model.identity == "the candidate"
