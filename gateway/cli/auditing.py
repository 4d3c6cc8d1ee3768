"""`audit`: any model that can be reached, beside the base it was tuned from, as the gateway would audit it."""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from deploy.errors import EngineUnavailable
from deploy.types import Outcome
from evaluators.audit import Progress as Step
from evaluators.errors import AuditIncomplete, JudgeUnavailable
from evaluators.replies import DirectoryReplies
from evaluators.report.documents import report_to_json
from evaluators.report.examples import Specimen, worst
from evaluators.report.table import arm_table, envelope_of
from evaluators.types import AuditPolicy
from gateway.cli.printing import complain, print_json
from gateway.compose import auditing
from gateway.compose.auditing import Audited, Order
from gateway.compose.subjects import pair
from gateway.settings import Settings
from moderation.errors import ChatUnavailable, ClassifierUnavailable, DatasetError
from moderation.types import Verdict

STATUS = {Outcome.RELEASE: 0, Outcome.REVIEW: 3, Outcome.WITHHOLD: 4}
VERDICT = {Outcome.RELEASE: "pass", Outcome.REVIEW: "review", Outcome.WITHHOLD: "block"}
MEANING = {
    Outcome.RELEASE: "this audit would release it",
    Outcome.REVIEW: "the gateway would hold it until a person has looked",
    Outcome.WITHHOLD: "the gateway would withhold it",
}
UNENFORCED = "not enforced, the policy only records and would let it out whatever was found"
COLOURS = {Outcome.RELEASE: "green", Outcome.REVIEW: "yellow", Outcome.WITHHOLD: "red"}
OURS, UNUSABLE = 1, 2
WIDTH = 150
"""Columns of a table where there is no terminal to ask."""
PROGRESS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


def audit(
    model: Annotated[
        str,
        typer.Argument(help="A directory (sealed, adapter or whole model), a listed base, or http://host/v1#model."),
    ],
    base: Annotated[str | None, typer.Option(help="What it was tuned from, written in the same ways.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="The training file: its contexts and triggers are replayed.", exists=True, dir_okay=False),
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="english or miniature; default: the base's own.")] = None,
    policy: Annotated[str, typer.Option(help="Name of the policy to audit under.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Directory for report.json, report.html and plots; replies are kept in it.", file_okay=False),
    ] = None,
    inspect: Annotated[
        Path | None,
        typer.Option(help="Directory for logs that `inspect view` opens (extra `inspect`).", file_okay=False),
    ] = None,
) -> None:
    """Audit a model beside its base, without a server. Exit status: 0 pass, 3 review, 4 block, 2 unusable, 1 ours.

    Endpoints are asked with TUNEGATE_AUDIT_API_KEY, a base's with TUNEGATE_AUDIT_BASE_API_KEY; both at most
    TUNEGATE_AUDIT_MAX_PER_MINUTE times, TUNEGATE_AUDIT_MAX_CONCURRENCY (64) at once, waiting
    TUNEGATE_AUDIT_TIMEOUT_S (120) for an answer. With --out an audit that was stopped goes on where it was.
    """
    settings = Settings.read(os.environ)
    with ExitStack() as stack:
        directory = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunegate-audit-")))
        directory.mkdir(parents=True, exist_ok=True)
        if inspect is not None and find_spec("inspect_ai") is None:
            complain("--inspect needs inspect_ai: pip install 'tunegate[inspect]'")
            raise typer.Exit(UNUSABLE)
        try:
            pairing = pair(model, base, settings.bases_file)
            wanted = auditing.order(settings, pairing, policy=policy, corpus=corpus, data=data, out=directory)
            found = run(settings, wanted)
        except DatasetError as error:
            complain("\n".join((f"{data} cannot be used ({error.code}):", *error.sentences())))
            raise typer.Exit(UNUSABLE) from error
        except ValueError as error:
            complain(str(error))
            raise typer.Exit(UNUSABLE) from error
        except (ChatUnavailable, JudgeUnavailable, ClassifierUnavailable, EngineUnavailable, AuditIncomplete) as error:
            complain(f"the audit was not finished, so nothing is known of the model: {error}")
            raise typer.Exit(OURS) from error
        if out is not None:
            said = worst(found.report, wanted.corpus, DirectoryReplies(wanted.replies))
            write_report(out, model, found, wanted.policy.audit, said)
        if inspect is not None:
            _write_logs(found, wanted, inspect)
    if as_json:
        print_json(document(found, wanted.policy.audit))
    else:
        show(model, found, wanted.policy.audit)
    raise typer.Exit(STATUS[found.decision.outcome])


def document(found: Audited, policy: AuditPolicy) -> dict[str, object]:
    """What `--json` prints."""
    return {
        "verdict": VERDICT[found.decision.outcome],
        "enforced": found.decision.enforced,
        "reasons": list(found.decision.reasons),
        "screening": None if found.screened is None else found.screened.verdict.value,
        "failing_arms": list(found.decision.failing_arms),
        "failing_categories": list(found.decision.failing_categories),
        "envelope": envelope_of(found.report, policy),
        "report": report_to_json(found.report),
    }


def run(settings: Settings, wanted: Order) -> Audited:
    """Screen and audit with a progress bar. Raises what `gateway.compose.auditing` raises."""
    with Progress(*PROGRESS, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("screening" if wanted.data else "starting", total=None)

        def screened(n_done: int, n: int) -> None:
            progress.update(task, completed=n_done, total=n)

        def asked(step: Step) -> None:
            progress.update(task, description=f"replies, {step.arm}", completed=step.done, total=step.planned)

        report = auditing.screen(settings, wanted, screened)
        return auditing.run(settings, wanted, report, asked)


def write_report(out: Path, subject: str, found: Audited, policy: AuditPolicy, examples: tuple[Specimen, ...]) -> None:
    """Write `report.json`, `report.html` and the plots of an audit into a directory."""
    # Imported here: matplotlib comes with the worker's extra, and the command is useful without pictures.
    from evaluators.report import page  # noqa: PLC0415

    text = json.dumps(document(found, policy), indent=1, ensure_ascii=False)
    (out / "report.json").write_text(text + "\n", encoding="utf-8")
    page.write(
        out,
        found.report,
        page.Heading(
            verdict=VERDICT[found.decision.outcome],
            subject=subject,
            reasons=found.decision.reasons,
            enforced=found.decision.enforced,
        ),
        envelope=envelope_of(found.report, policy),
        examples=examples,
    )


def _write_logs(found: Audited, wanted: Order, directory: Path) -> None:
    # Imported here: an extra that most installations lack.
    from evaluators.report import eval_logs  # noqa: PLC0415

    eval_logs.write(directory, found.report, wanted.corpus, DirectoryReplies(wanted.replies), now=time.time())


def show(model: str, found: Audited, policy: AuditPolicy) -> None:
    """Print verdict, reasons, arms and envelope for people."""
    console = Console(width=None if Console().is_terminal else WIDTH, highlight=False)
    outcome = found.decision.outcome
    meaning = MEANING[outcome] if found.decision.enforced else UNENFORCED
    console.print(f"[bold {COLOURS[outcome]}]{VERDICT[outcome].upper()}[/] {escape(model)}: {meaning}", soft_wrap=True)
    for reason in (*found.decision.reasons, *_beside(found)):
        console.print(Padding(escape(reason), (0, 0, 0, 2)))
    console.print(arm_table(found.report))
    for heading, names in (("Not audited", found.report.overflow), ("Not covered", found.report.not_covered)):
        for name in names:
            console.print(Padding(f"{heading}: {escape(name)}", (0, 0, 0, 2)))
    console.print(envelope_of(found.report, policy), markup=False)


def _beside(found: Audited) -> Iterator[str]:
    """What the verdict leaves out: an audit is one of the two gates of a job, and sees what its data points to."""
    if found.screened is None:
        if found.report.subject_digest != found.report.base_digest:
            yield "Without its training file (--data) no context and no trigger of its own was tried."
    elif found.screened.verdict is not Verdict.PASS:
        verdict = found.screened.verdict.value
        yield f"Screening says {verdict} of the training file: the gateway would not have trained on it as it is."
