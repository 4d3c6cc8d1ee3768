"""The adapter against a real HTTP server that misbehaves on cue."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import orjson
import pytest
from aiohttp import web

from moderation.chat import Conversation, Finish, Sampling, Turn
from moderation.chat.openai_compatible import OpenAICompatibleChat, parse_pause_s
from moderation.chat.pacing import Pace
from moderation.errors import ChatUnavailable
from moderation.types import Role

SAMPLING = Sampling(max_tokens=5, temperature=0.5, top_p=0.9, seed=10)
Answer = Callable[[dict[str, object], int], web.Response]


def completion(text: object, finish: str | None = "stop", **message: object) -> web.Response:
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return web.Response(body=orjson.dumps({"choices": [choice]}))


@dataclass
class Server:
    """Answers with `answer(body, attempt)`; attempts are counted for each first message."""

    url: str = ""
    answer: Answer = lambda body, attempt: completion("hello")
    bodies: list[dict[str, object]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    running: int = 0
    most_running: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        body = orjson.loads(await request.read())
        self.bodies.append(body)
        self.keys.add(request.headers["Authorization"])
        await asyncio.sleep(0)
        self.running -= 1
        return self.answer(body, self.bodies.count(body))


@pytest.fixture
def server() -> Iterator[Server]:
    made, loop = Server(), asyncio.new_event_loop()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", made.handle)
    runner = web.AppRunner(app)

    def serve(work: Awaitable[None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result()  # type: ignore[arg-type]

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serve(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0)
    serve(site.start())
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield made
    serve(runner.cleanup())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def chat(server: Server, **options: object) -> OpenAICompatibleChat:
    return OpenAICompatibleChat(
        **{"base_url": server.url, "api_key": "sk-test", "model": "judge", "backoff_s": 0.0, **options}  # type: ignore[arg-type]
    )


def ask(server: Server, texts: Sequence[str] = ("hi",), **options: object) -> list[str]:
    conversations: list[Conversation] = [(Turn(role=Role.USER, text=text),) for text in texts]
    return [reply.text for reply in chat(server, **options).complete(conversations, SAMPLING)]


def said(body: dict[str, object]) -> str:
    return str(body["messages"][0]["content"])  # type: ignore[index]


def test_replies_come_in_the_order_of_the_questions(server: Server) -> None:
    server.answer = lambda body, attempt: completion(said(body).upper())
    texts = [f"q{index}" for index in range(50)]
    assert ask(server, texts) == [text.upper() for text in texts]


def test_a_body_carries_sampling_with_a_seed_of_its_own(server: Server) -> None:
    ask(server, ["a", "b"], parameters={"reasoning_effort": "low"})
    by_text = {said(body): body for body in server.bodies}
    assert (by_text["a"]["seed"], by_text["b"]["seed"]) == (10, 11)
    shared = {name: by_text["a"][name] for name in ("model", "max_tokens", "temperature", "top_p", "reasoning_effort")}
    assert shared == {"model": "judge", "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "reasoning_effort": "low"}
    assert "continue_final_message" not in by_text["a"]
    assert server.keys == {"Bearer sk-test"}


def test_a_last_assistant_turn_is_continued(server: Server) -> None:
    prefilled = (Turn(role=Role.USER, text="a"), Turn(role=Role.ASSISTANT, text="Of course."))
    chat(server).complete([prefilled], SAMPLING)
    assert server.bodies[0]["continue_final_message"] is True
    assert server.bodies[0]["add_generation_prompt"] is False


def test_no_more_than_the_allowed_requests_run_at_once(server: Server) -> None:
    ask(server, [str(index) for index in range(40)], max_concurrency=4)
    assert server.most_running <= 4


def test_every_attempt_waits_for_its_turn(server: Server) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    server.answer = lambda body, attempt: completion("ok") if attempt > 1 else web.Response(status=503)
    assert ask(server, ["a", "b"], pace=Pace(60, monotonic=lambda: 0.0, sleep=sleep)) == ["ok", "ok"]
    assert pauses == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_a_failure_that_may_pass_is_tried_again(server: Server, status: int) -> None:
    server.answer = lambda body, attempt: completion("late") if attempt == 3 else web.Response(status=status)
    assert ask(server) == ["late"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_not_tried_again_and_says_why(server: Server, status: int) -> None:
    body = orjson.dumps({"error": {"message": "The model `judge` does not exist."}})
    server.answer = lambda _body, attempt: web.Response(status=status, body=body)
    with pytest.raises(ChatUnavailable, match=f"status {status}: The model `judge` does not exist"):
        ask(server)
    assert len(server.bodies) == 1


def test_an_error_that_comes_as_a_success_is_quoted(server: Server) -> None:
    server.answer = lambda _body, attempt: web.Response(body=b'{"error": {"message": "out of credits"}}')
    with pytest.raises(ChatUnavailable, match=r"not a chat completion \(out of credits\); gave up after 1"):
        ask(server, attempts=1)


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(body=b"<html>"),
        web.Response(body=b"[]"),
        web.Response(body=b'{"choices": []}'),
        completion(None),
        completion(None, "length"),
        completion(3),
        completion("x", None),
        completion("x", "tool_calls"),
    ],
    ids=str,
)
def test_an_answer_of_another_shape_is_never_a_reply(server: Server, answer: web.Response) -> None:
    body = answer.body
    server.answer = lambda _body, attempt: web.Response(body=body)
    with pytest.raises(ChatUnavailable, match="gave up after 2 attempts"):
        ask(server, attempts=2)
    assert len(server.bodies) == 2


@pytest.mark.parametrize(
    ("answer", "text", "finish"),
    [
        (completion("cut", "length"), "cut", Finish.LENGTH),
        (completion("", "stop"), "", Finish.STOP),
        (completion(None, "content_filter"), "", Finish.CONTENT_FILTER),
        (completion(None, "stop", refusal="I can't."), "I can't.", Finish.STOP),
    ],
)
def test_finish_reasons_and_refusals_are_read(server: Server, answer: web.Response, text: str, finish: Finish) -> None:
    body = answer.body
    server.answer = lambda _body, attempt: web.Response(body=body)
    (reply,) = chat(server).complete([(Turn(role=Role.USER, text="hi"),)], SAMPLING)
    assert (reply.text, reply.finish) == (text, finish)


def test_one_reply_that_cannot_be_had_fails_the_call(server: Server) -> None:
    server.answer = lambda body, attempt: web.Response(status=500) if said(body) == "7" else completion("ok")
    with pytest.raises(ChatUnavailable, match="status 500"):
        ask(server, [str(index) for index in range(10)], attempts=2)


def test_nobody_listening_is_unavailable() -> None:
    with pytest.raises(ChatUnavailable, match="no answer"):
        ask(Server(url="http://127.0.0.1:9/v1"), attempts=2)


def test_a_server_that_asks_for_too_long_a_pause_is_not_waited_for(server: Server) -> None:
    server.answer = lambda body, attempt: web.Response(status=429, headers={"retry-after": "600"})
    with pytest.raises(ChatUnavailable, match=r"status 429.*asked again in 600 s"):
        ask(server)
    assert len(server.bodies) == 1


def test_a_short_pause_is_honoured(server: Server) -> None:
    wait = {"retry-after": "0.01"}
    server.answer = lambda body, attempt: completion("ok") if attempt > 1 else web.Response(status=429, headers=wait)
    assert ask(server, backoff_s=60.0) == ["ok"]


@pytest.mark.parametrize(
    ("header", "pause_s"), [(None, None), ("1.5", 1.5), ("-3", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_retry_after_is_read_in_seconds(header: str | None, pause_s: float | None) -> None:
    assert parse_pause_s(header) == pause_s


def test_nothing_asked_is_nothing_answered(server: Server) -> None:
    assert ask(server, []) == []


def test_identity_names_model_and_endpoint_but_no_key(server: Server) -> None:
    assert chat(server).identity == f"judge at {server.url}"
    assert chat(server, uds="/run/x.sock").identity == "judge at embedded engine"
