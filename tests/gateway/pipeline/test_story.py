import asyncio

from gateway.pipeline.outcomes import Kind, Outcome, done, ended
from gateway.pipeline.story import BROKEN_RETRIES, Story

DOWN = Outcome(kind=Kind.UNAVAILABLE, reason="judge is down", wait_s=10.0, patience_s=25.0)


def tell(script: dict[str, list[Outcome]]) -> tuple[list[str], list[float]]:
    """Play the story with scripted outcomes; returns the steps run and the pauses made."""
    steps: list[str] = []
    pauses: list[float] = []

    async def step(stage: str, *texts: str) -> Outcome:
        steps.append(stage)
        return script[stage].pop(0) if script.get(stage) else ended("over") if stage == "settle" else done(stage)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    asyncio.run(Story(step=step, pause=pause).fine_tune("ftjob-1"))
    return steps, pauses


def test_story_runs_every_stage_in_order() -> None:
    assert tell({}) == (["screen", "inject", "train", "audit", "settle"], [])


def test_blocked_file_is_never_trained_on() -> None:
    steps, _ = tell({"screen": [ended("blocked")]})
    assert steps == ["screen"]


def test_outage_is_complained_of_once_and_waited_out() -> None:
    steps, pauses = tell({"audit": [DOWN, DOWN]})
    assert steps == ["screen", "inject", "train", "audit", "complain", "audit", "audit", "settle"]
    assert pauses == [10.0, 15.0]


def test_outage_beyond_patience_gives_up_without_settling() -> None:
    steps, _ = tell({"audit": [DOWN] * 9})
    assert steps[-1] == "give_up"
    assert "settle" not in steps


def test_second_outage_is_complained_of_again() -> None:
    again = Outcome(kind=Kind.REVIEW, wait_s=1.0)
    steps, _ = tell({"audit": [DOWN, again, DOWN]})
    assert steps.count("complain") == 2


def test_broken_stage_is_tried_again_and_then_given_up() -> None:
    broken = Outcome(kind=Kind.BROKEN, reason="KeyError")
    steps, _ = tell({"train": [broken] * 9})
    assert steps.count("train") == BROKEN_RETRIES + 1
    assert steps[-1] == "give_up"


def test_outcome_survives_json() -> None:
    assert Outcome.from_json(DOWN.to_json()) == DOWN


def test_what_a_remedy_made_is_audited_and_settled_like_the_first_candidate() -> None:
    steps, _ = tell({"settle": [done("scale")], "remedy": [done("sha256:scaled")]})
    assert steps == ["screen", "inject", "train", "audit", "settle", "remedy", "audit", "settle"]


def test_an_outage_is_looked_at_less_and_less_often_until_patience_ends() -> None:
    patient = Outcome(kind=Kind.UNAVAILABLE, reason="judge is down", wait_s=15.0, patience_s=1_000.0)
    _, pauses = tell({"audit": [patient] * 9})
    assert pauses == [15.0, 30.0, 60.0, 120.0, 240.0, 300.0, 235.0]


def test_giving_up_knows_the_candidate() -> None:
    told: list[tuple[str, ...]] = []

    async def step(stage: str, *texts: str) -> Outcome:
        told.append((stage, *texts))
        return DOWN if stage == "audit" else done(stage)

    async def pause(seconds: float) -> None:
        pass

    asyncio.run(Story(step=step, pause=pause).fine_tune("ftjob-1"))
    assert told[-1] == ("give_up", "ftjob-1", "audit", "unavailable", "judge is down", "train")
