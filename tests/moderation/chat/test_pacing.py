import asyncio
from dataclasses import dataclass, field

import pytest

from moderation.chat.connecting import connect
from moderation.chat.openai_compatible import OpenAICompatibleChat
from moderation.chat.pacing import Pace


@dataclass
class Clock:
    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_calls_of_several_event_loops_are_spread_evenly() -> None:
    clock = Clock()
    pace = Pace(30, monotonic=clock.monotonic, sleep=clock.sleep)
    asyncio.run(pace.turn())
    asyncio.run(pace.turn())
    clock.now += 3.0
    asyncio.run(pace.turn())
    clock.now += 60.0
    asyncio.run(pace.turn())
    assert clock.slept == [2.0, 1.0]


def test_the_questions_of_one_judge_share_the_pace_of_their_endpoint() -> None:
    config = {"base_url": "http://judge/v1", "model": "m", "max_per_minute": "60"}
    one, other = connect("P_", config, ({}, {"a": 1}))
    assert isinstance(one, OpenAICompatibleChat)
    assert isinstance(other, OpenAICompatibleChat)
    assert one.pace is not None
    assert one.pace is other.pace
    with pytest.raises(ValueError, match="P_MAX_PER_MINUTE"):
        connect("P_", config | {"max_per_minute": "0"})
    with pytest.raises(ValueError, match="P_MAX_PER_MINUTE is for an endpoint"):
        connect("P_", {"model": "a/b", "max_per_minute": "60"})
