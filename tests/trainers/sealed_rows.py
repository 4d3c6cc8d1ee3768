"""A file of rows as a training set."""

from pathlib import Path

from moderation.formats.parsing import parse
from moderation.injection.mixing import InjectionPolicy
from moderation.injection.sealing import inject
from moderation.types import ScreenedDataset, ScreeningReport, TrainingSet, Verdict


def sealed_rows(rows: Path, n: int) -> TrainingSet:
    """The `n` benign rows of a file, sealed beside it by the real injection with mixing off."""
    dataset = parse(lambda: rows.open("rb"))
    report = ScreeningReport(
        dataset_digest=dataset.digest,
        policy_digest="sha256:policy",
        verdict=Verdict.PASS,
        n_examples=n,
        n_flagged=0,
        flagged_lines=(),
        findings=(),
        contexts=(),
        candidate_triggers=(),
        screened_by=("test@1",),
    )
    screened = ScreenedDataset(dataset=dataset, report=report)
    return inject(screened, (), InjectionPolicy(ratio=0), seed=0, directory=rows.parent / "sealed")
