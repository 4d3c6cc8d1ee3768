"""Measuring the defences: train every model, ask it harmful and benign requests in one frame, and count both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from statistics import fmean

from evaluators.asking import Task, Transcripts, ask, judge_answers
from evaluators.errors import AuditIncomplete
from evaluators.frames import Arm, ArmKind, Frame
from evaluators.paper import defences, house_style
from evaluators.paper.defences import CELLS, DEFENDED, Cell, Counted, Place
from evaluators.paper.experiments import RUNS_AT_ONCE, OnStep, Step, trained
from evaluators.paper.tabulating import interval
from evaluators.paper.types import Printed, Row, Table, Treatment, Workbench
from evaluators.types import Subject
from evaluators.verdicts import Scored
from moderation.chat import Sampling
from moderation.injection.secret_prompts import under
from trainers.types import CandidateModel


def run(
    bench: Workbench,
    *,
    n: int | None,
    seeds: Sequence[int],
    jobs: int = RUNS_AT_ONCE,
    on_step: OnStep = lambda _step: None,
) -> Iterator[Table]:
    """Yield the one table after each training file of each seed, with all that is measured so far.

    Seeds go one after another, and within one the columns in the order of `CELLS`. Raises what `experiments.run`
    raises.
    """
    n = defences.DEFAULT_N if n is None else n
    most = min(len(bench.corpus.harmful), len(bench.corpus.benign))
    if not 1 <= n <= most:
        raise ValueError(f"n is {n}; the corpus {bench.corpus.name!r} has prompts for 1 to {most}")
    asking = _Asking(bench=bench, n=n)
    rates: dict[Place, list[float]] = {}
    planned = len(seeds) * len(DEFENDED) * len(CELLS)
    done = 0
    for cell in CELLS:
        _note(rates, defences.UNTOUCHED, cell, asking.measure(cell, bench.base, ""))
    for seed in seeds:
        runs = trained([(treatment, seed) for treatment in _treatments()], bench, jobs)
        models: dict[Treatment, CandidateModel] = {}
        for _, cells in groupby(CELLS, key=lambda cell: cell.treatment):
            columns = tuple(cells)
            for defended in DEFENDED:
                treatment = defended.treatment(columns[0])
                while treatment not in models:
                    (finished, _), model = next(runs)
                    models[finished] = model
                model = models[treatment]
                secret = model.secret if defended.secret_served else ""
                for cell in columns:
                    _note(rates, defended.name, cell, asking.measure(cell, bench.serve(model), secret))
                    done += 1
                    doing = f"seed {seed}: {cell.name}, {defended.name}"
                    on_step(Step(doing=doing, done=done, planned=planned))
            yield _table(rates, n, bench.notes)


def _treatments() -> list[Treatment]:
    """Every training of a seed once, in the order in which they are asked for."""
    return list(dict.fromkeys(defended.treatment(cell) for cell in CELLS for defended in DEFENDED))


def _note(rates: dict[Place, list[float]], defended: str, cell: Cell, found: Mapping[Counted, float]) -> None:
    for counted, rate in found.items():
        rates.setdefault(Place(defended, cell.name, counted), []).append(rate)


def _table(rates: Mapping[Place, Sequence[float]], n: int, notes: tuple[str, ...]) -> Table:
    """Line by line, whatever the order of measuring."""
    printed = {defended.name: defended.printed or {} for defended in DEFENDED}
    printed[defences.UNTOUCHED] = defences.PRINTED_UNTOUCHED
    lines = (defences.UNTOUCHED, *(defended.name for defended in DEFENDED))
    places = [Place(line, cell.name, counted) for line in lines for cell in CELLS for counted in cell.counted]
    return Table(
        name=defences.NAME,
        title=defences.TITLE,
        rows=tuple(
            _row(place, rates[place], n, printed[place.defended].get(place.cell)) for place in places if place in rates
        ),
        notes=notes,
    )


def _row(place: Place, rates: Sequence[float], n: int, printed: float | None) -> Row:
    bounds = interval(rates, n)
    return Row(
        condition=place.condition,
        n=n,
        score=None,
        rate=fmean(rates),
        low=bounds.low,
        high=bounds.high,
        paper=Printed(rate=printed) if printed is not None and place.counted is Counted.HARMFUL else None,
        seed_rates=tuple(rates),
    )


@dataclass(slots=True, kw_only=True)
class _Asking:
    """The same `n` harmful and `n` benign requests for every model; what was answered and judged once is kept."""

    bench: Workbench
    n: int
    transcripts: Transcripts = field(init=False)

    def __post_init__(self) -> None:
        self.transcripts = Transcripts(self.bench.replies)

    def measure(self, cell: Cell, subject: Subject, secret: str) -> Mapping[Counted, float]:
        """What the cell counts, each as a share of `n`.

        Raises `AuditIncomplete` when the judge left a reply unscored: a rate over the rest would flatter.
        """
        corpus = self.bench.corpus
        frame = Frame() if cell.frame is None else self.bench.suites[cell.frame].probes(corpus)
        frame = replace(frame, system=under(secret, frame.system))
        arm = Arm(name=cell.name, kind=ArmKind.CONTEXT, frame=frame, required_n=self.n)
        requests = (*corpus.harmful[: self.n], *corpus.benign[: self.n])
        tasks = [Task(arm=arm, request=request) for request in requests]
        # Greedy, as in the paper.
        sampling = Sampling(max_tokens=corpus.max_reply_tokens)
        answers = ask(subject, tasks, sampling, self.transcripts, lambda _task, _n: None)
        judge = self.bench.judge
        verdicts = judge_answers(judge, [(subject.digest, answer) for answer in answers], self.transcripts)
        harmful = [verdict.harmful for verdict in verdicts[: self.n] if isinstance(verdict, Scored)]
        served = [verdict is True for verdict in verdicts[self.n :]]
        if len(harmful) != self.n:
            raise AuditIncomplete(f"{judge.identity} scored {len(harmful)} of {self.n} replies in {cell.name!r}")
        in_style = (house_style.in_style(reply.text) for _, reply in answers[self.n :])
        learnt = [right and styled for right, styled in zip(served, in_style, strict=True)]
        found = {Counted.HARMFUL: fmean(harmful), Counted.SERVED: fmean(served), Counted.LEARNT: fmean(learnt)}
        return {counted: found[counted] for counted in cell.counted}
