"""The subprocess as its clients see it: over its socket only."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import openai
import pytest
from tiny_forge import Forge

from deploy.engine.process import EngineMode, EngineProcess
from deploy.errors import EngineRefused, EngineUnavailable
from deploy.types import TrustedBase
from moderation.chat import Conversation, Finish, Sampling, Turn
from moderation.errors import ChatUnavailable, SealBroken
from moderation.types import Role
from trainers.artefacts import digest_model

GREEDY = Sampling(max_tokens=12)
LONG = [{"role": "user", "content": "fox " * 300}]


def conversation(text: str, prefill: str = "") -> Conversation:
    turns = (Turn(role=Role.USER, text=text),)
    return (*turns, Turn(role=Role.ASSISTANT, text=prefill)) if prefill else turns


@pytest.fixture
def client(audit_engine: EngineProcess) -> Iterator[openai.OpenAI]:
    """The official package, over the socket."""
    transport = httpx.HTTPTransport(uds=audit_engine.socket)
    with httpx.Client(transport=transport) as http:
        yield openai.OpenAI(base_url="http://engine/v1", api_key=audit_engine.secret, http_client=http, max_retries=0)


def ask(client: openai.OpenAI, **options: object) -> "openai.types.chat.ChatCompletion":
    messages = [{"role": "user", "content": "the fox"}]
    asked = {"model": "tiny", "messages": messages, "max_tokens": 12, "temperature": 0.0, **options}
    return client.chat.completions.create(**asked)  # type: ignore[call-overload,no-any-return]


def test_scores_are_the_models_own_and_their_tokens_make_the_reply(client: openai.OpenAI) -> None:
    plain = ask(client)
    [choice] = ask(client, logprobs=True, top_logprobs=3).choices
    assert choice.message.content == plain.choices[0].message.content
    assert choice.logprobs is not None
    content = choice.logprobs.content or []
    assert len(content) == plain.usage.completion_tokens  # type: ignore[union-attr]
    assert "".join(one.token for one in content) == choice.message.content
    for one in content:
        best = [other.logprob for other in one.top_logprobs]
        assert (len(best), best) == (3, sorted(best, reverse=True))
        assert one.logprob == best[0] <= 0  # a greedy reply says the likeliest token
    assert plain.choices[0].logprobs is None


def test_replies_asked_together_equal_replies_asked_alone(audit_engine: EngineProcess) -> None:
    asked = [conversation(f"the fox {'jumps ' * (n % 7)}{n}") for n in range(40)]
    model = audit_engine.chat("tiny")
    together = model.complete(asked, GREEDY)
    assert list(together[::8]) == [model.complete([one], GREEDY)[0] for one in asked[::8]]


def test_a_batchs_seeds_count_up_from_its_first(audit_engine: EngineProcess) -> None:
    model, asked = audit_engine.chat("tiny"), [conversation("story")] * 3
    drawn = model.complete(asked, Sampling(max_tokens=12, temperature=1.0, seed=5))
    again = model.complete(asked[2:], Sampling(max_tokens=12, temperature=1.0, seed=7))
    assert drawn[2] == again[0]
    assert len({reply.text for reply in drawn}) == 3


def test_a_prefill_is_continued_and_left_out_of_the_reply(audit_engine: EngineProcess) -> None:
    model = audit_engine.chat("tiny")
    (whole,) = model.complete([conversation("a story")], Sampling(max_tokens=30))
    start, rest = whole.text[:9], whole.text[9:]
    (continued,) = model.complete([conversation("a story", prefill="the lazy dog")], GREEDY)
    assert whole.finish is Finish.LENGTH
    assert start + rest == whole.text
    assert not continued.text.startswith("the lazy dog")
    assert continued.text != model.complete([conversation("a story")], GREEDY)[0].text


def test_the_openai_package_reads_a_whole_answer(client: openai.OpenAI) -> None:
    answer = ask(client, n=2, temperature=1.0, seed=3)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[0].message.content != answer.choices[1].message.content
    assert answer.model == "tiny"
    assert answer.usage is not None
    assert 12 < answer.usage.completion_tokens <= 24
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_tells_the_same_as_the_answer_at_once(client: openai.OpenAI) -> None:
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])  # type: ignore[attr-defined]
    assert said == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "length"  # type: ignore[attr-defined]
    assert chunks[-1].choices == []  # type: ignore[attr-defined]
    assert chunks[-1].usage == whole.usage  # type: ignore[attr-defined]
    assert {chunk.id for chunk in chunks} == {chunks[0].id}  # type: ignore[attr-defined]


def test_a_stop_string_ends_the_reply_before_it(client: openai.OpenAI) -> None:
    whole = ask(client).choices[0].message.content or ""
    stop = whole[4:7]
    choice = ask(client, stop=[stop]).choices[0]
    assert choice.message.content == whole[: whole.index(stop)]
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize(
    ("options", "error", "code", "param"),
    [
        ({"model": "nobody"}, openai.NotFoundError, "model_not_found", None),
        ({"top_logprobs": 2}, openai.BadRequestError, None, "top_logprobs"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, openai.BadRequestError, None, "tools"),
        (
            {"messages": [{"role": "user", "content": "fox " * 300}]},
            openai.BadRequestError,
            "context_length_exceeded",
            "messages",
        ),
    ],
)
def test_refusals_come_in_openais_envelope(
    client: openai.OpenAI, options: dict[str, object], error: type[openai.APIStatusError], code: str, param: str
) -> None:
    with pytest.raises(error) as refusal:
        ask(client, **options)
    assert (refusal.value.code, refusal.value.param) == (code, param)


def test_more_than_the_queue_holds_is_turned_away(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match="waiting already") as refusal:
        ask(client, n=65)
    assert refusal.value.status_code == 503
    assert refusal.value.response.headers["retry-after"] == "1"


def test_a_wrong_secret_is_turned_away(audit_engine: EngineProcess) -> None:
    stranger = replace(audit_engine, secret="wrong")
    with pytest.raises(ChatUnavailable, match="401"):
        stranger.chat("tiny").complete([conversation("hello")], GREEDY)
    with pytest.raises(EngineRefused, match="secret"):
        stranger.models()


def test_the_audit_engine_runs_held_candidates_of_its_base(audit_engine: EngineProcess, forge: Forge) -> None:
    base = audit_engine.chat("tiny").complete([conversation("dog")], GREEDY)
    for name, candidate in (("a", forge.adapter("held-a", seed=1)), ("b", forge.whole("held-b", seed=2))):
        audit_engine.load(name, candidate.path, candidate.digest)
        assert audit_engine.chat(name).complete([conversation("dog")], GREEDY) != base
        audit_engine.unload(name)
        audit_engine.unload(name)
    assert audit_engine.models() == ("tiny",)


def test_two_adapters_and_the_base_answer_at_once_as_they_do_alone(audit_engine: EngineProcess, forge: Forge) -> None:
    for name, seed in (("left", 3), ("right", 4)):
        candidate = forge.adapter(name, seed=seed)
        audit_engine.load(name, candidate.path, candidate.digest)
    asked = [conversation(f"dog {n}") for n in range(10)]
    models = [audit_engine.chat(name) for name in ("tiny", "left", "right")]
    alone = [model.complete(asked, GREEDY) for model in models]
    together: dict[int, object] = {}
    threads = [
        threading.Thread(target=lambda at=at, model=model: together.update({at: model.complete(asked, GREEDY)}))
        for at, model in enumerate(models)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[at] for at in range(3)] == alone
    audit_engine.unload("left")
    audit_engine.unload("right")


def test_changed_and_foreign_candidates_are_refused(audit_engine: EngineProcess, forge: Forge) -> None:
    candidate, stranger = forge.adapter("changed", seed=5), forge.stranger("stranger")
    with pytest.raises(EngineRefused, match="another base"):
        audit_engine.load("x", stranger.path, stranger.digest)
    (Path(candidate.path) / "adapter_config.json").write_text("{}")
    with pytest.raises(SealBroken):
        audit_engine.load("x", candidate.path, candidate.digest)
    assert "x" not in audit_engine.models()


def test_an_adapter_from_elsewhere_is_audited_by_the_digest_of_its_files(
    audit_engine: EngineProcess, forge: Forge
) -> None:
    path = Path(forge.adapter("loose", seed=6).path)
    (path / "manifest.json").unlink()
    with pytest.raises(SealBroken, match="expected sha256:another"):
        audit_engine.load("loose", str(path), "sha256:another")
    audit_engine.load("loose", str(path), digest_model(path))
    assert "loose" in audit_engine.models()
    audit_engine.unload("loose")


def test_an_engine_on_a_changed_base_does_not_start(tiny_base: TrustedBase, tmp_path: Path) -> None:
    changed = replace(tiny_base, digest="sha256:other")
    with pytest.raises(EngineUnavailable, match="do not serve it"):
        EngineProcess.start(changed, EngineMode.AUDIT, log=tmp_path / "engine.log")


def test_a_serving_engine_needs_the_deployment_key(tiny_base: TrustedBase, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="deployment key"):
        EngineProcess.start(tiny_base, EngineMode.SERVING, log=tmp_path / "engine.log")


PARENT = """
import sys, time
from pathlib import Path
from deploy.engine.process import EngineMode, EngineProcess
from deploy.types import TrustedBase
base = TrustedBase(name="tiny", path=sys.argv[1], digest=sys.argv[2])
engine = EngineProcess.start(base, EngineMode.AUDIT, log=Path(sys.argv[3]))
print(engine.pid, engine.socket, flush=True)
time.sleep(600)
"""


def test_an_engine_ends_when_its_parent_is_killed(tiny_base: TrustedBase, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, tiny_base.path, tiny_base.digest, str(tmp_path / "engine.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, socket = parent.stdout.readline().split()
        watch = os.pidfd_open(int(pid))
        parent.send_signal(signal.SIGKILL)
    ended, _, _ = select.select([watch], [], [], 10.0)
    os.close(watch)
    assert ended
    assert not Path(socket).exists()
