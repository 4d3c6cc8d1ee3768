"""`screen`: what the gateway would say of a file, without a server and without training."""

import os
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gateway.cli import pages, readable
from gateway.cli.converting import suggestion
from gateway.cli.printing import complain, print_json
from gateway.compose.checks import classifiers, plugins, policies
from gateway.settings import Settings
from moderation.errors import ClassifierUnavailable, DatasetError
from moderation.formats import parsing
from moderation.history import EarlierJob
from moderation.screening import reports, run
from moderation.types import ScreeningReport, Verdict

STATUS = {Verdict.PASS: 0, Verdict.REVIEW: 3, Verdict.BLOCK: 4}
UNUSABLE, OURS = 2, 1
PROGRESS = (
    SpinnerColumn(),
    TextColumn("{task.description}"),
    BarColumn(),
    TextColumn("{task.percentage:>3.0f} %"),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)
PASSES = ("checking", "screening", "reading doubtful rows of")
"""A file is read once for each: its format, then every row, then what a slow classifier was chosen for."""
KEYS = (
    "verdict",
    "examples",
    "flagged_lines",
    "findings",
    "contexts",
    "candidate_triggers",
    "policy_digest",
    "reasons",
    "coverage",
    "dropped_lines",
    "redactions",
)
FINDING_KEYS = ("detector", "scope", "category", "score", "lines", "evidence")
CONTEXT_KEYS = ("system", "user_prefix", "user_suffix", "share")


def screen(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="JSONL: chat, preference (DPO), RFT or prompt/completion rows.", exists=True, dir_okay=False
        ),
    ],
    policy: Annotated[str, typer.Option(help="Name of the policy to screen under.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page about the files here.")] = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of an earlier job to compare with, oldest first (repeatable).", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Screen training files. Exit status: 0 pass, 3 review, 4 block, 2 unusable file, 1 our own failure.

    Files of other shapes (Alpaca, ShareGPT, CSV and so on) are made readable by `tunegate convert`.
    """
    settings = Settings.read(os.environ)
    chosen = policies(settings).find(policy)
    installed = plugins(settings)
    readers = classifiers(settings, chosen.screening)
    history: list[EarlierJob] = []
    with Progress(*PROGRESS, console=Console(stderr=True), transient=True) as progress:

        def one(path: Path) -> ScreeningReport:
            task = progress.add_task(path.name)
            return run.screen(
                parsing.parse(_opener(path, progress, task)),
                policy=chosen.screening,
                policy_digest=chosen.digest,
                classifiers=readers,
                detectors=[installed.detector(name) for name in chosen.screening.detectors],
                history=history,
                on_progress=lambda n_done, n: progress.update(task, completed=n_done, total=n),
            )

        for path in earlier or ():
            history.append(_remembered(path, _or_exit(path, one), policy))
        found = [_or_exit(path, one) for path in files]
    if html is not None:
        pages.write(html, list(zip(map(str, files), found, strict=True)), policy=chosen.name)
    _tell(files, found, as_json=as_json)
    raise typer.Exit(max(STATUS[report.verdict] for report in found))


def _tell(files: Sequence[Path], found: Sequence[ScreeningReport], *, as_json: bool) -> None:
    """Print the reports on standard output: for programs one object, a file's own or `{"files": [...]}`."""
    if as_json:
        documents = [document(report) for report in found]
        print_json(documents[0] if len(documents) == 1 else {"files": documents})
    else:
        for path, report in zip(files, found, strict=True):
            readable.print_report(str(path), report)


def _remembered(path: Path, report: ScreeningReport, policy: str) -> EarlierJob:
    """An earlier file as later ones are compared with it. Ends the command where the policy compares nothing."""
    if report.sketch is None:
        raise typer.BadParameter(
            f"policy {policy} compares with no earlier file; name the detector lineage in it", param_hint="--earlier"
        )
    return EarlierJob(id=str(path), verdict=report.verdict, sketch=report.sketch)


def document(report: ScreeningReport) -> dict[str, Any]:
    """What `--json` prints for a file."""
    full = reports.report_to_json(report)
    shown = {key: full[key] for key in KEYS}
    shown["findings"] = [{key: finding[key] for key in FINDING_KEYS} for finding in full["findings"]]
    shown["contexts"] = [{key: context[key] for key in CONTEXT_KEYS} for context in full["contexts"]]
    return shown


def _or_exit(path: Path, one: Callable[[Path], ScreeningReport]) -> ScreeningReport:
    """The file's report; a file without one ends the command with the mend on standard error."""
    try:
        return one(path)
    except DatasetError as error:
        mend = suggestion(path)
        said = (f"{path} cannot be used ({error.code}):", *error.sentences(), *((mend,) if mend else ()))
        complain("\n".join(said))
        raise typer.Exit(UNUSABLE) from error
    except ClassifierUnavailable as error:
        complain(f"{path} was not screened: {error}")
        raise typer.Exit(OURS) from error


def _opener(path: Path, progress: Progress, task: TaskID) -> Callable[[], BinaryIO]:
    """Open the file anew for each pass. The bar follows the bytes; in the second pass, the rows that are done."""
    passes = chain(PASSES, repeat(PASSES[-1]))

    def open_again() -> BinaryIO:
        stage = next(passes)
        progress.reset(task, total=path.stat().st_size, description=f"{stage} {path.name}")
        return path.open("rb") if stage == PASSES[1] else progress.open(path, "rb", task_id=task)

    return open_again
