"""Stage one: read the file, run every check that the policy names, and let a person decide where it says so."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, cast

from gateway.pipeline.outcomes import Kind, Outcome, done, ended
from gateway.pipeline.reviewing import asked
from gateway.pipeline.workshop import Workshop
from gateway.policy import Policy
from gateway.store import decisions, events, files, jobs, lineages
from gateway.store.decisions import DecisionKind
from gateway.store.models import Job, JobState
from gateway.store.reviews import Question, ReviewStage
from moderation.errors import ClassifierUnavailable, DatasetError, Problem
from moderation.file_format import NAMES, Format
from moderation.formats import parsing
from moderation.formats.checking import recalled
from moderation.formats.parsing import TrainingFile
from moderation.history import EarlierJob
from moderation.screening import reports, run
from moderation.types import ScreeningReport, Verdict
from trainers.types import FORMATS, Method

TRAINING, VALIDATION = "training", "validation"
"""The files of a job."""
WIRE_NAMES: Mapping[Format, str] = {
    Format.CHAT: "fine-tune-chat",
    Format.PREFERENCE: "fine-tune-preference",
    Format.REINFORCEMENT: "fine-tune-reinforcement",
    Format.COMPLETION: "fine-tune-completion",
}
"""What the provider calls the formats in its messages; only the first was seen in the wild."""
METHOD_OF: Mapping[Format, str] = {format_: f"'{method}'" for method, format_ in FORMATS.items()} | {
    Format.COMPLETION: "a legacy completion model"
}
MAX_HISTORY = 200
"""How many earlier jobs of a project a file is compared with, the newest."""
MAX_LINES_TOLD = 50
"""How many line numbers an error message carries; the screening report has more."""


def screen(shop: Workshop, job_id: str) -> Outcome:
    """Screen a job's file. Done: the data set's digest; the report is in the job's row."""
    job = shop.job(job_id)
    if job.screening is None:
        shop.enter(job_id, JobState.SCREENING, "validating", f"Validating training file: {job.training_file_id}")
        refused = _first_look(shop, job)
        if refused is not None:
            return refused
        job = shop.job(job_id)
    found = _reports(job.screening or {})
    for which, report in found.items():
        if report.verdict == Verdict.BLOCK:
            return refuse(shop, job_id, report, which=which)
    doubtful = {which: report for which, report in found.items() if report.verdict == Verdict.REVIEW}
    if doubtful:
        outcome = _reviewed(shop, job, doubtful)
        if outcome is not None:
            return outcome
    training = found[TRAINING]
    _say_what_is_dropped(shop, job_id, training)
    return done(training.dataset_digest)


def _reports(stored: Mapping[str, Any]) -> Mapping[str, ScreeningReport]:
    """The reports in a job's row: that of the training file, which carries that of the validation file."""
    found = {TRAINING: reports.report_from_json(stored)}
    if VALIDATION in stored:
        found[VALIDATION] = reports.report_from_json(stored[VALIDATION])
    return found


def _first_look(shop: Workshop, job: Job) -> Outcome | None:
    """Parse and screen; None when the report is written, else how the stage comes out."""
    policy = shop.policy(job)
    keys = {TRAINING: job.training_blob_key, VALIDATION: job.validation_blob_key}
    files: dict[str, TrainingFile] = {}
    for which, key in keys.items():
        if key is None:
            continue
        try:
            files[which] = readable(open_dataset(shop, key), Method(job.method), job, which)
        except DatasetError as error:
            return _unusable(shop, job.id, error, which)
    try:
        screened = {which: _screened(shop, job, policy, which, file) for which, file in files.items()}
    except ClassifierUnavailable as error:
        waiting = policy.waiting
        return Outcome(
            kind=Kind.UNAVAILABLE,
            reason=str(error),
            wait_s=waiting.outage_retry_s,
            patience_s=waiting.outage_timeout_s,
        )
    found = {which: reports.report_to_json(report) for which, report in screened.items()}
    with shop.database.write() as session:
        row = jobs.going_on(session, job.id)
        row.screening = found.pop(TRAINING) | found
        row.attempt = max(row.attempt, lineages.spent(session, row, until=row.sequence))
        for which, report in screened.items():
            details = {
                "file": which,
                "verdict": report.verdict.value,
                "dataset_digest": report.dataset_digest,
                "policy_digest": policy.digest,
                "screened_by": list(report.screened_by),
                "categories": sorted({finding.category.value for finding in report.findings}),
            }
            decisions.of_job(session, row, DecisionKind.SCREENING, details, now=shop.now(), key=which)
    return None


def readable(file: TrainingFile, method: Method, job: Job, which: str) -> TrainingFile:
    """The file, if a job of that method can learn from it.

    Raises `DatasetError` with the provider's sentence, and what to do, if not.
    """
    if file.format is FORMATS[method]:
        return file
    file_id = job.training_file_id if which == TRAINING else job.validation_file_id
    sentence = (
        f"Input file {file_id} is in the {WIRE_NAMES[file.format]} format, but the specified fine-tuning job is not "
        f"using {METHOD_OF[file.format]} as the training method (provided method={method}). It begins with "
        f"{NAMES[file.format]}; '{method}' learns from rows of the kind of {NAMES[FORMATS[method]]}"
    )
    raise DatasetError("invalid_training_file", [Problem(line=0, message=sentence)])


def _screened(shop: Workshop, job: Job, policy: Policy, which: str, file: TrainingFile) -> ScreeningReport:
    def on_progress(_done: int, _all: int) -> None:
        shop.job(job.id)  # a cancelled job stops here

    return run.screen(
        file,
        policy=policy.screening,
        policy_digest=policy.digest,
        classifiers=shop.readers(policy),
        detectors=[shop.plugins.detector(name) for name in policy.screening.detectors],
        history=history(shop, job.project_id, before=job.sequence) if which == TRAINING else (),
        on_progress=on_progress,
    )


def history(shop: Workshop, project_id: str, *, before: int | None = None) -> Sequence[EarlierJob]:
    """What the project trained on, or tried to, before the job of that sequence number, or until now (None)."""
    with shop.database.read() as session:
        screened = jobs.screened(session, project_id, before=before, limit=MAX_HISTORY)
        earlier = [(job.id, job.screening, job.error_code == "unsafe_model") for job in screened]
    found: list[EarlierJob] = []
    for id, value, withheld in earlier:
        report = reports.report_from_json(value or {})
        if report.sketch is not None:
            found.append(EarlierJob(id=id, verdict=report.verdict, sketch=report.sketch, withheld=withheld))
    return found


def open_dataset(shop: Workshop, blob_key: str) -> TrainingFile:
    """The uploaded file, checked when it came or else now. Raises `DatasetError` with every problem of it."""
    stream = functools.partial(_stream, shop, blob_key)
    with shop.database.read() as session:
        facts = files.checked(session, blob_key)
    return recalled(stream, facts) or parsing.parse(stream)


def _stream(shop: Workshop, blob_key: str) -> BinaryIO:
    return cast(BinaryIO, shop.blobs.open(blob_key))


def _unusable(shop: Workshop, job_id: str, error: DatasetError, which: str) -> Outcome:
    """End the job with OpenAI's code for a malformed file and the numbers of its bad lines."""
    message = str(error)
    if error.code != "invalid_n_examples":
        kind = "a file format error in the" if error.code == "invalid_file_format" else f"an invalid {which} file."
        lead = f"{kind} {which} file." if error.code == "invalid_file_format" else kind
        message = f"The job failed due to {lead} Invalid file format. {message}"
    with shop.database.write() as session:
        jobs.fail(session, job_id, code=error.code, message=message, param=f"{which}_file", now=shop.now())
    return ended(error.code)


def _say_what_is_dropped(shop: Workshop, job_id: str, report: ScreeningReport) -> None:
    dropped, redacted = report.dropped_lines, [each.line for each in report.redactions]
    said = {
        "rows_dropped": (dropped, f"{len(dropped)} flagged row(s) are left out of the training set"),
        "rows_redacted": (redacted, f"{len(redacted)} row(s) are trained on without their flagged exchanges"),
    }
    for kind, (lines, text) in said.items():
        if lines:
            with shop.database.write() as session:
                job = jobs.find(session, job_id)
                events.add(session, job, kind, f"{text}: lines {_told(lines)}.", now=shop.now(), level="warn")


def refuse(shop: Workshop, job_id: str, report: ScreeningReport, *, which: str = TRAINING, why: str = "") -> Outcome:
    """End the job as `unsafe_file`, with categories and line numbers of the training or the validation file."""
    with shop.database.write() as session:
        jobs.fail(
            session,
            job_id,
            code="unsafe_file",
            message=unsafe_file_message(report, which) + why,
            param=f"{which}_file",
            now=shop.now(),
        )
    return ended("unsafe_file")


def unsafe_file_message(report: ScreeningReport, which: str = TRAINING) -> str:
    """What the client reads: categories, lines, and the evidence of each finding about the whole file."""
    categories = sorted({finding.category.value for finding in report.findings})
    lines = sorted({line for finding in report.findings for line in finding.lines} | set(report.flagged_lines))
    reasons = f" {'. '.join(reason.rstrip('.') for reason in report.reasons)}." if report.reasons else ""
    return (
        f"The job failed due to an unsafe {which} file. This {which} file was blocked because of content that "
        f"violates the usage policies in the following categories: {', '.join(categories) or 'none named'}. "
        f"Flagged lines: {_told(lines) or 'none'}.{reasons} Remove these lines and upload the file again."
    )


def _told(lines: Sequence[int]) -> str:
    """The first `MAX_LINES_TOLD` line numbers, and how many more there are."""
    more = f" and {len(lines) - MAX_LINES_TOLD} more" if len(lines) > MAX_LINES_TOLD else ""
    return ", ".join(str(line) for line in lines[:MAX_LINES_TOLD]) + more


def _reviewed(shop: Workshop, job: Job, found: Mapping[str, ScreeningReport]) -> Outcome | None:
    """None when a reviewer accepted the files, else how the stage comes out."""
    policy = shop.policy(job)
    reasons = [
        reason if which == TRAINING else f"{which} file: {reason}"
        for which, report in found.items()
        for reason in report.reasons
    ]
    question = Question(
        stage=ReviewStage.SCREENING,
        reasons=reasons,
        timeout_s=policy.waiting.screening_review_timeout_s,
        n_needed=policy.waiting.screening_reviewers,
    )
    answer = asked(shop, job.id, question)
    if isinstance(answer, Outcome):
        return answer
    if answer.decision == "accept":
        return None
    why = " A reviewer refused the file." if answer.decision else " Nobody reviewed the file in time."
    which, report = next(iter(found.items()))
    return refuse(shop, job.id, report, which=which, why=why)
