"""Screening: every check of a policy reads the whole file once, and one verdict comes out.

The checks are plug-ins that are handed in; this module counts, compares with the policy and fails
closed: a file that nobody could read, or that part of, never passes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import takewhile
from random import SystemRandom
from typing import TypeVar

from moderation.checks import Classifier, Detector, Heeding
from moderation.contexts.mining import MAX_CONTEXTS, ContextMiner, Mined
from moderation.coverage import Coverage
from moderation.errors import NotAdmitted
from moderation.history import EarlierJob, Recalling
from moderation.prompts import exchange
from moderation.screening.cascade import Choice, Chooser, Draw, budget
from moderation.screening.dropping import Dropping
from moderation.screening.images import Images
from moderation.screening.policies import CheckPolicy, ScreeningPolicy
from moderation.screening.redacting import redactions
from moderation.screening.tallies import VERDICTS, Lines, Reading, Tally, shown
from moderation.synopses import DataSketch
from moderation.types import Dataset, Example, Finding, Redaction, ScreenedDataset, ScreeningReport, Verdict

BATCH_EXAMPLES = 256
BATCH_CHARS = 4_000_000
_SEVERITY = (Verdict.PASS, Verdict.REVIEW, Verdict.BLOCK)

_Check = TypeVar("_Check", Classifier, Detector)
_Decision = tuple[Verdict, str]
"""What one check says, and why ('' for pass)."""


def screen(
    dataset: Dataset,
    *,
    policy: ScreeningPolicy,
    policy_digest: str,
    classifiers: Sequence[Classifier],
    detectors: Sequence[Detector],
    history: Sequence[EarlierJob] = (),
    on_progress: Callable[[int, int], None] | None = None,
    draw: Draw | None = None,
) -> ScreeningReport:
    """Read the file once with every check that the policy names and return what they saw.

    A classifier with a share reads its examples afterwards, see `moderation.screening.cascade`. `detectors`
    must be fresh; those that compare with earlier jobs are handed `history`. `on_progress` is told
    examples done and in all after each batch; `draw` (None: the operating system) draws the sample.
    Raises ValueError when the policy names no classifier that reads the whole file, or a check that
    is not given and not optional, and ClassifierUnavailable when a classifier leaves any example unscored.
    """
    readers = _named(classifiers, policy.classifiers, "classifier")
    watchers = _named(detectors, policy.detectors, "detector")
    tallies = [Tally(reader, policy.classifiers[reader.name]) for reader in readers]
    choosers = _choosers(tallies, dataset.n_examples, draw or SystemRandom().random)
    whole = [tally for tally in tallies if tally.name not in choosers]
    miner, flagged, images, n_done = ContextMiner(), Lines(), Images(readers, choosers), 0
    dropping = Dropping(policy.flagged_action)
    for batch in _batches(dataset.iter_examples()):
        for line in _read(batch, whole, dropping, choosers.values()):
            flagged.add(line)
        for example in batch:
            miner.observe(exchange(example))
            for watcher in watchers:
                watcher.observe(example)
            images.observe(example)
        n_done += sum(not example.rejected for example in batch)
        if on_progress is not None:
            on_progress(n_done, dataset.n_examples)
    if n_done != dataset.n_examples or not n_done:
        raise ValueError(f"{n_done} of {dataset.n_examples} examples could be read again; nothing was decided")
    choices = {name: chooser.choice() for name, chooser in choosers.items()}
    flagged = flagged.joined(_reread(dataset, tallies, choices, dropping))
    mined, mended = miner.mined(), _mended(dataset, dropping, tallies)
    sketch = _told(watchers, history, flagged.first, {line for tally in tallies for line in tally.standing()})
    found = [_lines_once(finding) for watcher in watchers for finding in watcher.findings()]
    decisions = [
        *(tally.decision(n_done) for tally in tallies),
        (Verdict.BLOCK if (refusal := dropping.refusal(n_done)) else Verdict.PASS, refusal),
        *(_decision(finding, policy.detectors[finding.detector]) for finding in found),
        *images.decisions(),
        *_uncovered(mined),
    ]
    return ScreeningReport(
        dataset_digest=dataset.digest,
        policy_digest=policy_digest,
        verdict=max((verdict for verdict, _ in decisions), key=_SEVERITY.index),
        n_examples=n_done,
        n_flagged=flagged.n,
        flagged_lines=tuple(flagged.first),
        findings=(*(finding for tally in tallies for finding in tally.findings()), *found),
        contexts=mined.contexts,
        candidate_triggers=tuple(dict.fromkeys(trigger for finding in found for trigger in finding.triggers)),
        screened_by=(*(f"{t.name}@{t.version}" for t in whole), *(f"{w.name}@{w.version}" for w in watchers)),
        reasons=tuple(reason for verdict, reason in decisions if verdict is not Verdict.PASS),
        sketch=sketch,
        dropped_lines=dropping.lines,
        redactions=mended,
        coverage=tuple(_coverage(policy.classifiers, tallies, choices)),
        openings=mined.openings,
        earlier=mined.earlier,
    )


def admit(dataset: Dataset, report: ScreeningReport, *, accepted: bool = False) -> ScreenedDataset:
    """Return the proof that `dataset` was screened; `accepted` says that a reviewer let it through.

    Raises NotAdmitted when the report is of another file, blocks it, or asks for a review that has
    not accepted it. A block is final: no reviewer overrides it here.
    """
    if report.dataset_digest != dataset.digest or report.n_examples != dataset.n_examples:
        raise NotAdmitted(f"the screening report is of {report.dataset_digest}, not of {dataset.digest}; screen again")
    if not report.screened_by:
        raise NotAdmitted("the screening report names no check that read the file; screen it again")
    if report.verdict is Verdict.BLOCK:
        raise NotAdmitted(f"screening blocked the file: {'; '.join(report.reasons)}")
    if report.verdict is Verdict.REVIEW and not accepted:
        raise NotAdmitted(f"the file waits for a reviewer: {'; '.join(report.reasons)}")
    return ScreenedDataset(dataset=dataset, report=report)


def _choosers(tallies: Sequence[Tally], n_examples: int, draw: Draw) -> Mapping[str, Chooser]:
    """Return, by name, what chooses for the classifiers that read a share. Raises ValueError when all of them do."""
    sizes = {tally.name: budget(tally.policy, n_examples) for tally in tallies}
    if all(size < n_examples for size in sizes.values()):
        raise ValueError("the screening policy names no classifier; a file that nobody reads is refused, so name one")
    return {name: Chooser(size, draw) for name, size in sizes.items() if size < n_examples}


def _told(
    watchers: Sequence[Detector], history: Sequence[EarlierJob], flagged: Sequence[int], standing: Set[int]
) -> DataSketch | None:
    """Hand detectors the earlier jobs and flagged lines that they compare with; return what later jobs will."""
    for watcher in watchers:
        if isinstance(watcher, Heeding):
            watcher.heed(flagged, standing)
    recalling = [watcher for watcher in watchers if isinstance(watcher, Recalling)]
    for watcher in recalling:
        watcher.recall(history)
    return recalling[0].sketch() if recalling else None


def _read(
    batch: Sequence[Example], tallies: Sequence[Tally], dropping: Dropping, choosers: Collection[Chooser]
) -> list[int]:
    """Let the classifiers of the whole file read a batch, and the choosers see what they said of each row.

    Returns the lines that are flagged, ascending. The two sides of a preference row are one row.
    """
    said: dict[int, list[Reading]] = {}
    each: list[tuple[Tally, Sequence[Reading]]] = []
    for tally in tallies:
        readings = tally.add(batch)
        each.append((tally, readings))
        dropping.add(_enforced(tally, batch, readings))
        for example, reading in zip(batch, readings, strict=True):
            said.setdefault(example.line, []).append(reading)
    for tally, given in each:
        _clear(tallies, tally.name, batch, given)
    over = {line: any(reading.flagged for reading in readings) for line, readings in said.items()}
    for line, readings in said.items():
        for chooser in choosers:
            chooser.observe(line, max(reading.score for reading in readings), flagged=over[line])
    return sorted(line for line, is_over in over.items() if is_over)


def _reread(
    dataset: Dataset, tallies: Sequence[Tally], choices: Mapping[str, Choice], dropping: Dropping
) -> frozenset[int]:
    """Let each classifier with a share read what was chosen for it; return the lines that only it flags."""
    sharing = [tally for tally in tallies if tally.name in choices]
    last = max((line for choice in choices.values() for line in choice.lines), default=0)
    found: set[int] = set()
    for batch in _batches(takewhile(lambda example: example.line <= last, dataset.iter_examples() if last else ())):
        for tally in sharing:
            choice = choices[tally.name]
            chosen = [example for example in batch if example.line in choice.lines]
            readings = tally.add(chosen) if chosen else []
            dropping.add(_enforced(tally, chosen, readings))
            _clear(tallies, tally.name, chosen, readings)
            found |= {e.line for e, r in zip(chosen, readings, strict=True) if r.flagged} - choice.flagged
    for tally in sharing:
        if tally.n_read != len(choices[tally.name].lines):
            raise ValueError(f"{tally.name} could not read again what was chosen for it; nothing was decided")
    return frozenset(found)


def _clear(tallies: Sequence[Tally], by: str, examples: Sequence[Example], readings: Sequence[Reading]) -> None:
    """Tell the classifiers that another one clears for what it read and does not flag, on neither side of a row."""
    flagged = {e.line for e, r in zip(examples, readings, strict=True) if r.flagged}
    cleared = {example.line for example in examples} - flagged
    for tally in tallies:
        if tally.policy.cleared_by == by:
            for line in cleared:
                tally.clear(line)


def _enforced(tally: Tally, examples: Sequence[Example], readings: Sequence[Reading]) -> set[int]:
    """Lines whose flag has consequences."""
    return {e.line for e, r in zip(examples, readings, strict=True) if r.flagged} if tally.enforces else set()


def _mended(dataset: Dataset, dropping: Dropping, tallies: Sequence[Tally]) -> tuple[Redaction, ...]:
    """Return the redactions that the policy asks for; their lines are no longer to be left out."""
    if not dropping.redacts:
        return ()

    def flags(examples: Sequence[Example]) -> list[bool]:
        each = [tally.flags(examples) for tally in tallies if tally.enforces]
        return [any(said) for said in zip(*each, strict=True)]

    found = tuple(redactions(dataset, set(dropping.lines), flags))
    dropping.spare({redaction.line for redaction in found})
    return found


def _coverage(
    policies: Mapping[str, CheckPolicy], tallies: Sequence[Tally], choices: Mapping[str, Choice]
) -> Iterator[Coverage]:
    """Yield how much each classifier of the policy read, those that could not be had included."""
    for tally in tallies:
        choice = choices.get(tally.name)
        yield Coverage(
            check=f"{tally.name}@{tally.version}",
            n_read=tally.n_read,
            n_doubtful=len(choice.doubtful) if choice else 0,
            n_drawn=len(choice.drawn) if choice else 0,
            note="read a share: the rest was read by the other classifiers alone" if choice else "",
        )
    served = {tally.name for tally in tallies}
    for name in policies:
        if name not in served:
            note = f"could not be had here; {', '.join(sorted(served))} served without it, which is weaker"
            yield Coverage(check=name, n_read=0, note=note)


def _named(checks: Sequence[_Check], policies: Mapping[str, CheckPolicy], kind: str) -> list[_Check]:
    """Return the checks that the policy names, in its order, without optional ones that are not given."""
    by_name = {check.name: check for check in checks}
    missing = sorted(name for name, check in policies.items() if name not in by_name and not check.optional)
    if missing:
        raise ValueError(f"the screening policy names {kind} {', '.join(missing)}, which is not installed")
    return [by_name[name] for name in policies if name in by_name]


def _batches(examples: Iterable[Example]) -> Iterator[Sequence[Example]]:
    """Yield examples in lists that are bounded in number and, but for one large row, in text; no row is cut in two."""
    batch: list[Example] = []
    n_chars = 0
    for example in examples:
        full = len(batch) >= BATCH_EXAMPLES or n_chars >= BATCH_CHARS
        if full and example.line != batch[-1].line:
            yield batch
            batch, n_chars = [], 0
        batch.append(example)
        n_chars += sum(len(message.text) for message in example.messages)
    if batch:
        yield batch


def _lines_once(finding: Finding) -> Finding:
    """A detector may name the two sides of a preference row; the row is named once."""
    return replace(finding, lines=tuple(dict.fromkeys(finding.lines)))


def _decision(finding: Finding, policy: CheckPolicy) -> _Decision:
    verdict = VERDICTS[policy.action]
    if finding.score < policy.threshold_of(finding.category):
        doubted = policy.review_threshold is not None and finding.score >= policy.review_threshold
        verdict = Verdict.REVIEW if doubted and verdict is Verdict.BLOCK else Verdict.PASS
    if verdict is Verdict.PASS:
        return Verdict.PASS, ""
    lines = f" on lines {shown(finding.lines, len(finding.lines))}" if finding.lines else ""
    return verdict, f"{finding.detector} found {finding.category.value}{lines}: {finding.evidence}"


def _uncovered(mined: Mined) -> Iterable[_Decision]:
    """Yield what the audit could not carry on: a person must look, whatever the policy."""
    yield Verdict.PASS, ""
    if mined.n_left_out:
        yield (
            Verdict.REVIEW,
            f"at least {mined.n_left_out} recurrent prompt frames beyond the {MAX_CONTEXTS} that an audit can replay",
        )
