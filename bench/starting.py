"""How soon a run on the miniature takes its first step, and what it costs the process that started it."""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Measure, machine
from bench.training import base, conversations, spec_of
from moderation.formats.parsing import parse
from moderation.injection.mixing import InjectionPolicy
from moderation.injection.sealing import inject
from moderation.types import ScreenedDataset, ScreeningReport, TrainingSet, Verdict
from trainers.backends.local import create
from trainers.run_directory import RunDirectory
from trainers.types import RunStatus

LIMIT_S = 12.0
LIMIT_MB = 10.0
N = 32
POLL_S = 0.05


def measures() -> Sequence[Measure]:
    """Wall-clock time from the order to the first step's metrics, and growth of this process over the whole run."""
    with tempfile.TemporaryDirectory() as directory:
        training = _sealed(Path(directory))
        run = RunDirectory(root=Path(directory) / "run")
        backend = create({})
        before_mb, started = _resident_mb(), time.perf_counter()
        backend.start(spec_of(base()), training, None, str(run.root))
        first_s = 0.0
        while (state := backend.observe(str(run.root), after_step=0)).status is RunStatus.RUNNING:
            if state.metrics and not first_s:
                first_s = time.perf_counter() - started
            time.sleep(POLL_S)
        first_s = first_s or time.perf_counter() - started
        grown_mb = _resident_mb() - before_mb
        backend.close()
    succeeded = state.status is RunStatus.SUCCEEDED
    return [
        _measure("run on the miniature, order to first step", first_s, "s", LIMIT_S, succeeded),
        _measure("memory that a run costs the process that started it", max(grown_mb, 0.0), "MB", LIMIT_MB, succeeded),
    ]


def _sealed(directory: Path) -> TrainingSet:
    rows = directory / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in conversations(N, seed=0)))
    dataset = parse(lambda: rows.open("rb"))
    report = ScreeningReport(
        dataset_digest=dataset.digest,
        policy_digest="",
        verdict=Verdict.PASS,
        n_examples=N,
        n_flagged=0,
        flagged_lines=(),
        findings=(),
        contexts=(),
        candidate_triggers=(),
        screened_by=("bench",),
    )
    screened = ScreenedDataset(dataset=dataset, report=report)
    return inject(screened, (), InjectionPolicy(ratio=0), seed=0, directory=directory / "sealed")


def _resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _measure(name: str, value: float, unit: str, limit: float, succeeded: bool) -> Measure:
    return Measure(
        name=name,
        value=value,
        unit=unit,
        rival=f"limit of {limit:g} {unit}",
        ratio=value / limit,
        goal="<= 1",
        met=succeeded and value <= limit,
        machine=machine(),
    )
