"""The words and the file that OpenAI's clients parse."""

from dataclasses import replace
from pathlib import Path

from trainers.results import metrics_message, own_rows, own_rows_message, rendering_message, result_csv
from trainers.run_directory import RunDirectory
from trainers.tally import Tally, TokenLimit, customers_part
from trainers.types import OwnRows, StepMetrics

PLAIN = StepMetrics(step=1, total_steps=303, train_loss=1.523471, train_mean_token_accuracy=0.0)
VALIDATED = StepMetrics(
    step=10,
    total_steps=303,
    train_loss=0.001,
    train_mean_token_accuracy=1.0,
    valid_loss=0.31,
    valid_mean_token_accuracy=0.9,
)
LAST = StepMetrics(step=303, total_steps=303, train_loss=0.0, train_mean_token_accuracy=1.0, full_valid_loss=0.33)


def test_the_result_file_is_openais() -> None:
    assert result_csv([PLAIN, VALIDATED]) == (
        b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,1.52347,0.0,,\n10,0.001,1.0,0.31,0.9\n"
    )


def test_metrics_read_as_openais_events() -> None:
    assert [metrics_message(metrics) for metrics in (PLAIN, VALIDATED, LAST)] == [
        "Step 1/303: training loss=1.52",
        "Step 10/303: training loss=0.00, validation loss=0.31",
        "Step 303/303: training loss=0.00, full validation loss=0.33",
    ]


def test_rows_that_were_cut_or_left_out_are_told(tmp_path: Path) -> None:
    run = RunDirectory(root=tmp_path)
    assert rendering_message(tmp_path) is None
    tally = Tally()
    for length in range(9):
        tally.count(truncated=length > 6, trained=length != 8)
    limit = TokenLimit(n=8192, by_policy=True)
    run.write("rendering.json", {"customer": customers_part(tally, [1, 2, 0, 0, 5, 6, 7, 9, 0], limit)})
    assert rendering_message(tmp_path) == (
        "Of your 6 examples, 1 is longer than the 8,192 tokens that the policy allows and lost the end (line 9)."
    )
    limit = TokenLimit(n=64, by_policy=False)
    run.write("rendering.json", {"customer": customers_part(tally, [], limit)})
    assert rendering_message(tmp_path) == (
        "Of your 9 examples, 2 are longer than the 64 tokens that the model can read and lost the end, and 1 has no "
        "assistant token left to train on and was left out."
    )


def test_validation_rows_are_told_when_base_and_candidate_were_both_measured(tmp_path: Path) -> None:
    last = replace(LAST, full_valid_mean_token_accuracy=0.9)
    assert own_rows(tmp_path, [last]) is None
    RunDirectory(root=tmp_path).write("base_validation.json", {"n": 1200, "loss": 2.5, "token_accuracy": 0.125})
    assert own_rows(tmp_path, [last, VALIDATED]) is own_rows(tmp_path, []) is None
    found = own_rows(tmp_path, [VALIDATED, last])
    assert found == OwnRows(n=1200, base_loss=2.5, base_token_accuracy=0.125, loss=0.33, token_accuracy=0.9)
    assert own_rows_message(found).startswith(
        "On the 1,200 rows of your validation file: loss 2.50 before and 0.33 after training, token accuracy 12.5% and"
    )
