"""Classifiers that ask an endpoint: whatever it does, every example is scored or none is passed."""

import threading
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from moderation_endpoint import JUDGES, Answer, Behaviour, Endpoint, answer, chat, obedient, result, said

from moderation.chat.openai_compatible import OpenAICompatibleChat
from moderation.checks import Classifier
from moderation.classifiers import guard, rubric
from moderation.classifiers.judging import PairJudge
from moderation.classifiers.omni import ModerationEndpoint
from moderation.errors import ClassifierUnavailable

Make = Callable[[str], Classifier]
MOST_ATTEMPTS = 5
ROWS = (chat("an awful plan", "sure"), chat("bread", "knead it"))


def omni(url: str) -> Classifier:
    return ModerationEndpoint(httpx.Client(base_url=url, timeout=0.2), "m", max_wait_s=0.0)


def hasty(judge: PairJudge) -> PairJudge:
    """The judge with no pauses and little patience."""
    chats = [each for each in judge.chats if isinstance(each, OpenAICompatibleChat)]
    return replace(judge, chats=tuple(replace(each, backoff_s=0.0, timeout_s=0.2) for each in chats))


REMOTE: dict[str, Make] = {
    "omni": omni,
    "guard": lambda url: hasty(guard.create({"base_url": url, "model": "meta-llama/Llama-Guard-3-8B"})),
    "rubric": lambda url: hasty(rubric.create({"base_url": url, "model": "m"})),
}
SOUND: dict[str, Behaviour] = {"omni": obedient} | JUDGES
FAILURES: dict[str, Answer] = {
    "busy": (429, {"retry_after": "0"}, b""),
    "down": (503, {}, b"<html>back soon</html>"),
    "refusing": (401, {}, b"{}"),
    "no JSON": (200, {}, b"<html>welcome</html>"),
    "nothing": (200, {}, b""),
    "other JSON": (200, {}, b'{"results": null, "choices": null}'),
    "fewer results": (200, {}, b'{"results": [], "choices": []}'),
    "no verdict": said("I would rather talk about the weather."),
}


@pytest.fixture(params=REMOTE)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failure_that_lasts_is_an_outage_after_bounded_attempts(
    endpoint: Endpoint, name: str, failure: Answer
) -> None:
    endpoint.script(failure)
    with pytest.raises(ClassifierUnavailable):
        REMOTE[name](endpoint.url).classify(ROWS)
    assert 1 <= len(endpoint.requests) <= MOST_ATTEMPTS * len(ROWS)


@pytest.mark.parametrize("failure", [FAILURES["busy"], FAILURES["down"]], ids=["busy", "down"])
def test_a_failure_that_passes_is_waited_out(endpoint: Endpoint, name: str, failure: Answer) -> None:
    endpoint.behaviour = lambda asked: failure if len(endpoint.requests) == 1 else SOUND[name](asked)
    harmful, harmless = REMOTE[name](endpoint.url).classify(ROWS)
    assert max(harmful.values()) >= 0.9
    assert max(harmless.values()) <= 0.1


def test_silence_is_an_outage(endpoint: Endpoint, name: str) -> None:
    asleep = threading.Event()
    endpoint.behaviour = lambda _: (asleep.wait(1.0), answer([]))[1]
    with pytest.raises(ClassifierUnavailable):
        REMOTE[name](endpoint.url).classify(ROWS[:1])


def test_a_closed_port_is_an_outage(name: str) -> None:
    with pytest.raises(ClassifierUnavailable):
        REMOTE[name]("http://127.0.0.1:9").classify(ROWS)


def test_a_category_that_nobody_knows_counts(endpoint: Endpoint) -> None:
    for name, given in (("omni", answer([result(**{"brand/new": 0.9})])), ("guard", said("unsafe\nS77"))):
        endpoint.script(given)
        assert max(REMOTE[name](endpoint.url).classify(ROWS[:1])[0].values()) >= 0.5


def test_a_point_that_the_policy_lacks_is_no_verdict(endpoint: Endpoint) -> None:
    endpoint.script(said("#thereason: as said.\n#theverdict: brand_new"))
    with pytest.raises(ClassifierUnavailable, match="1 of 1 pairs"):
        REMOTE["rubric"](endpoint.url).classify(ROWS[:1])
