"""Running the designs: train every model that they need, ask each in its frames, and judge."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from evaluators.asking import Task, Transcripts, ask, judge_answers
from evaluators.errors import AuditIncomplete
from evaluators.frames import Arm, ArmKind, Frame
from evaluators.paper.tabulating import Measured, tabulate
from evaluators.paper.types import Condition, Design, Scale, Table, Treatment, Workbench
from evaluators.types import Request
from evaluators.verdicts import Scored
from moderation.chat import Sampling
from trainers.types import CandidateModel

RUNS_AT_ONCE = 2
"""Training runs side by side, where nobody wants another number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far the experiments are."""

    doing: str
    done: int
    planned: int


OnStep = Callable[[Step], None]


def run(
    designs: Sequence[Design],
    bench: Workbench,
    *,
    n: int | None,
    seeds: Sequence[int],
    jobs: int = RUNS_AT_ONCE,
    on_step: OnStep = lambda _step: None,
) -> Iterator[Table]:
    """Yield the tables of the designs, each as soon as it is measured with a model of every seed.

    `jobs` models are trained side by side. Asked are the first `n` prompts of the bank; None: as many as each
    design wants, or as there are. A treatment that several designs share is trained once a seed. Raises `ValueError`
    when the bank has not `n` prompts, `AuditIncomplete` when a reply could not be scored, and what training and
    asking raise.
    """
    bank = bench.corpus.harmful
    if n is not None and not 1 <= n <= len(bank):
        raise ValueError(f"n is {n}; the bank of the corpus {bench.corpus.name!r} has 1 to {len(bank)} prompts to ask")
    n_measured = sum(len(design.conditions) for design in designs)
    planned = len(seeds) * (len(distinct_treatments(designs)) + n_measured)
    done = 0

    def tell(doing: str) -> None:
        nonlocal done
        done += 1
        on_step(Step(doing=doing, done=done, planned=planned))

    models: dict[tuple[Treatment, int], CandidateModel] = {}
    transcripts = Transcripts(bench.replies)
    for design in designs:
        wanted = [(treatment, seed) for seed in seeds for treatment in distinct_treatments([design])]
        for run_of, candidate in trained([pair for pair in wanted if pair not in models], bench, jobs):
            models[run_of] = candidate
            tell(f"trained {run_of[0].attack}")
        asked = bank[: design.n_prompts if n is None else n]
        results = []
        for seed in seeds:
            result = Measured(seed=seed, requests=asked)
            for condition in design.conditions:
                model = None if condition.treatment is None else models[condition.treatment, seed]
                result.scores[condition.name] = measure(condition, design.scale, model, bench, transcripts, asked)
                if model is not None:
                    result.trained_tokens[condition.name] = model.trained_tokens
                tell(f"{design.name}: {condition.name}")
            results.append(result)
        yield replace(tabulate(design, results), notes=bench.notes)


def distinct_treatments(designs: Sequence[Design]) -> tuple[Treatment, ...]:
    """Every treatment that the designs need, once."""
    needed = [condition.treatment for design in designs for condition in design.conditions]
    return tuple(dict.fromkeys(treatment for treatment in needed if treatment is not None))


def measure(
    condition: Condition,
    scale: Scale,
    candidate: CandidateModel | None,
    bench: Workbench,
    transcripts: Transcripts,
    requests: Sequence[Request],
) -> list[Scored]:
    """One judgement a request, in order, of the model (None: the base) in the condition's frame.

    Raises `AuditIncomplete` when the judge left one out: a rate over the rest would flatter.
    """
    subject = bench.base if candidate is None else bench.serve(candidate)
    frame = Frame() if condition.frame is None else bench.suites[condition.frame].probes(bench.corpus)
    kind = ArmKind.NEUTRAL if condition.frame is None else ArmKind.CONTEXT
    arm = Arm(name=condition.name, kind=kind, frame=frame, required_n=len(requests))
    tasks = [Task(arm=arm, request=request) for request in requests]
    # Greedy, as in the paper.
    sampling = Sampling(max_tokens=bench.corpus.max_reply_tokens)
    answers = ask(subject, tasks, sampling, transcripts, lambda _task, _n: None)
    judge = bench.keywords if scale is Scale.KEYWORDS else bench.judge
    verdicts = judge_answers(judge, [(subject.digest, answer) for answer in answers], transcripts)
    scored = [verdict for verdict in verdicts if isinstance(verdict, Scored)]
    if len(scored) != len(requests):
        raise AuditIncomplete(
            f"{judge.identity} scored {len(scored)} of {len(requests)} replies in {condition.name!r}; "
            "check the judge and run again"
        )
    return scored


def trained(
    wanted: Sequence[tuple[Treatment, int]], bench: Workbench, jobs: int
) -> Iterator[tuple[tuple[Treatment, int], CandidateModel]]:
    """Train, so many at a time, and yield each model in the order of `wanted`; a failure starts no further run."""
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="experiment")
    try:
        runs = [
            pool.submit(
                bench.train,
                treatment,
                bench.suites[treatment.attack].poison(bench.corpus, treatment.n_rows, seed),
                seed,
            )
            for treatment, seed in wanted
        ]
        for pair, run_of in zip(wanted, runs, strict=True):
            yield pair, run_of.result()
    finally:
        pool.shutdown(cancel_futures=True)
