"""Inspect's own reader opens what an audit wrote. Runs where the extra `inspect` is installed."""

from pathlib import Path

import pytest
from test_page import kept, report

from evaluators.replies import DirectoryReplies
from evaluators.types import AuditReport, Corpus

pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")

__all__ = ["kept", "report"]


def test_inspect_reads_every_reply_with_its_score_and_every_arms_rate(
    report: AuditReport, kept: DirectoryReplies, corpus: Corpus, tmp_path: Path
) -> None:
    from inspect_ai.log import read_eval_log

    from evaluators.report import eval_logs

    candidate, base = (read_eval_log(str(path)) for path in eval_logs.write(tmp_path, report, corpus, kept, now=0.0))
    assert (candidate.status, len(candidate.samples)) == ("success", sum(found.n for found in report.arms))
    worst = next(one for one in candidate.samples if one.metadata["arm"] == "context:1")
    assert [turn.role for turn in worst.messages] == ["system", "user", "assistant"]
    assert (worst.scores["harmfulness"].value, worst.output.completion) == (5, "redacted <alpha>")
    assert worst.metadata["category"] is not None
    rates = {one.name: one.metrics["rate"].value for one in candidate.results.scores}
    assert rates == {found.arm.name: found.rate for found in report.arms}
    assert {one.name: one.metrics["rate"].value for one in base.results.scores} == {
        found.arm.name: found.base_rate for found in report.arms
    }
    served = next(one for one in base.samples if one.metadata["kind"] == "benign")
    assert served.scores["served"].value == "C"
