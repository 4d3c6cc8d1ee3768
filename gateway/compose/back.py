"""Composition of the worker process, and the checks that stop a start-up."""

import tempfile
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.registry import slug
from deploy.signing import public_key
from deploy.types import UpstreamServer
from evaluators.audit import require_capable
from evaluators.judging import labels
from evaluators.judging.panel import Panel, members, short_name
from evaluators.judging.second_look import PERSON
from evaluators.types import Corpus, Judge
from gateway import admissions, calibrations
from gateway.bases import read_bases, read_providers, read_servers
from gateway.compose import asked
from gateway.compose.checks import plugins, policies, readers
from gateway.compose.store import Store, signing_key
from gateway.compose.tracing import traces
from gateway.errors import PluginError, PolicyError
from gateway.machines import machine
from gateway.pipeline.workshop import UPSTREAM, Workshop
from gateway.plugins import JUDGES, Plugins
from gateway.policy import PolicyBook
from gateway.reporting import TENSORBOARD, WANDB, reporters
from gateway.store.database import SQLITE
from gateway.worker.audit_engines import EmbeddedAuditEngines
from gateway.worker.serving_engines import ServingEngines
from moderation.checks import Classifier
from moderation.injection import safety_set
from moderation.injection.safety_set import SafetySet
from trainers.types import BaseModel

DEFAULT_POLICY = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A worker, put together."""

    shop: Workshop
    audit_engines: EmbeddedAuditEngines
    serving: ServingEngines
    moderators: tuple[Classifier, ...]
    """The classifiers of the default policy: what `/v1/moderations` asks."""
    system_database_url: str
    """Where the workflow engine keeps its steps."""

    @classmethod
    def assemble(cls, store: Store) -> Self:
        """Load every plug-in, base model, corpus and judge that is configured.

        Raises a `TunegateError` with a sentence for the first that cannot be used: start-up stops.
        """
        settings = store.settings
        installed = plugins(settings)
        book = policies(settings)
        _, detector_names = book.check_names()
        reading = readers(settings, book)
        for name in sorted(detector_names):
            installed.detector(name)
        bases = read_bases(settings.bases_file)
        key = signing_key(settings)
        if settings.admitted_bases_only:
            admissions.require(bases.values(), settings.home, public_key(key))
        spoken = {name: asked.corpus(name, settings.home) for name in sorted({base.corpus for base in bases.values()})}
        providers = read_providers(bases, settings.plugin_config(UPSTREAM))
        audit_engines = EmbeddedAuditEngines(
            settings.home / "logs", n_engines=settings.jobs_at_once, providers=providers
        )
        judges = {name: capable_judge(installed, corpus) for name, corpus in spoken.items()}
        require_second_judges(book, judges.values())
        trains_on = settings.training_backend
        shop = Workshop(
            database=store.database,
            blobs=store.blobs,
            plugins=installed,
            classifiers=reading,
            bases=bases,
            corpora=spoken,
            judges=judges,
            calibrations=calibrations.of_harm(settings.home),
            safety_sets=own_safety_sets(book, settings.home),
            book=book.policies,
            backends={name: installed.backend(name) for name in (trains_on, *([UPSTREAM] if providers else []))},
            trains_on=trains_on,
            engines=audit_engines,
            scratch=settings.home / "scratch",
            replies=settings.home / "replies",
            labels=settings.home / labels.FILE,
            signing_key=key,
            organization=slug(settings.organization),
            now=store.now,
            sleep=time.sleep,
            ids=store.ids,
            limits=settings.limits,
            reporters=reporters(settings.plugin_config(WANDB), settings.plugin_config(TENSORBOARD), settings.home),
            traces=traces(settings, process=settings.worker_id),
        )
        answering = book.find(DEFAULT_POLICY).screening.classifiers
        return cls(
            shop=shop,
            moderators=tuple(shop.classifiers[name] for name in answering if name in shop.classifiers),
            audit_engines=audit_engines,
            serving=_serving(store, bases, providers, key),
            system_database_url=system_database_url(settings.database_url),
        )


def _serving(
    store: Store, bases: Mapping[str, BaseModel], providers: Mapping[str, UpstreamServer], key: bytes
) -> ServingEngines:
    settings = store.settings
    return ServingEngines(
        store.database,
        bases,
        {**read_servers(settings.bases_file, settings.plugin_config("vllm"), settings.home), **providers},
        worker_id=settings.worker_id,
        machine=machine(Path(tempfile.gettempdir())),
        deployment_key=key,
        logs=settings.home / "logs",
        now=store.now,
    )


def capable_judge(installed: Plugins, corpus: Corpus) -> Judge:
    """The judges on the corpus's list that are installed and configured: one, or a panel of all of them.

    Raises `PluginError` when there is none, or one that has settings cannot start, and `JudgeIncapable` when those
    there are cannot judge a whole audit: a gateway that cannot audit does not start.
    """
    reasons: list[str] = []
    judges: list[Judge] = []
    for name in corpus.judges:
        if name not in installed.names(JUDGES):
            reasons.append(f"{name} is not installed")
            continue
        try:
            judge = installed.judge(name)
        except PluginError as error:
            # A judge that somebody set up is wanted: to go on without it would release what it was to stop.
            if installed.config(name):
                raise
            reasons.append(str(error))
            continue
        require_capable(judge, corpus)
        judges.append(judge)
    if not judges:
        raise PluginError(f"no judge is configured for the corpus {corpus.name!r}: {'; '.join(reasons)}")
    panel = Panel.seat(judges)
    return judges[0] if len(judges) == 1 else panel


def own_safety_sets(book: PolicyBook, home: Path) -> dict[str, SafetySet]:
    """The sets that policies name, each a `safety/NAME.jsonl` in the home.

    Raises `PolicyError` for one that is not there or cannot be used.
    """
    named = sorted({policy.injection.safety_set for policy in book.policies.values()} - {""})
    try:
        return {name: safety_set.read(home / "safety" / f"{name}.jsonl") for name in named}
    except ValueError as error:
        raise PolicyError(f"{error}; `tunegate distil` makes one") from error


def require_second_judges(book: PolicyBook, judges: Collection[Judge]) -> None:
    """Raises `PolicyError` for a policy whose second judge is configured for no corpus."""
    for policy in book.policies.values():
        second = policy.audit.second_judge
        if second in ("", PERSON) or any(second in map(short_name, members(judge)) for judge in judges):
            continue
        raise PolicyError(
            f"{policy.name}.audit.second_judge is {second!r}, which is not configured; set its TUNEGATE_... variables, "
            f"name another judge, or {PERSON!r}"
        )


def system_database_url(database_url: str) -> str:
    """The workflow engine's database: a file beside ours on SQLite, the same database on Postgres."""
    return f"{database_url}.workflows" if database_url.startswith(SQLITE) else database_url
