"""What a client is told while a model trains."""

from pathlib import Path

from toy_shop import make_toy

from gateway.pipeline.training import AUDIT_GUESS_S, estimated_finish
from gateway.store import events
from trainers.types import StepMetrics


def at(step: int) -> StepMetrics:
    return StepMetrics(step=step, total_steps=100, train_loss=1.0, train_mean_token_accuracy=0.5)


def test_the_end_is_estimated_from_the_speed_of_the_steps_seen() -> None:
    assert estimated_finish(at(30), (1_000, 10), 1_040) == 1_040 + 140 + AUDIT_GUESS_S


def test_the_first_steps_alone_tell_no_speed() -> None:
    assert estimated_finish(at(10), (1_000, 10), 1_000) is None


def test_what_a_small_set_gets_less_of_is_told_and_stands_among_the_models_defences(tmp_path: Path) -> None:
    limits = {"below": 11, "max_multiplier": 0.5, "min_batch_size": 4}
    toy = make_toy(tmp_path, training={"small_sets": limits})
    job = toy.tell(toy.submit())
    changes = "batch_size 1 to 4, learning_rate_multiplier 1 to 0.5"
    with toy.shop.database.read() as session:
        told = [event.message for event in events.all_of(session, job)]
    assert f"The policy limits sets of fewer than 11 rows: {changes}." in told
    assert job.audit is not None
    assert f"limits on small sets ({changes})" in job.audit["defences"]
