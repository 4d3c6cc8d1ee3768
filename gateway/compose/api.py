"""Composition of the API process."""

import tempfile
import time
from pathlib import Path

from gateway.api.services import Services
from gateway.bases import base_names
from gateway.compose.checks import policies
from gateway.compose.store import Store
from gateway.machines import machine
from gateway.routing import EngineRouter
from gateway.scoring import WorkerModeration
from gateway.serving_prompts import ServingPrompts
from gateway.telemetry.spans import Traces


def services(store: Store, *, admitted_at: int, traces: Traces) -> Services:
    """Everything that the API's handlers use. `admitted_at`: unix time that base models show as their creation."""
    bases, book = base_names(store.settings.bases_file), policies(store.settings)
    return Services(
        settings=store.settings,
        database=store.database,
        blobs=store.blobs,
        ids=store.ids,
        clock=time.time,
        policies=book,
        bases=dict.fromkeys(bases, admitted_at),
        router=EngineRouter(
            store.database,
            store.blobs,
            bases=bases,
            machine=machine(Path(tempfile.gettempdir())),
            clock=time.time,
            monotonic=time.monotonic,
        ),
        moderation=WorkerModeration(store.database, clock=time.time),
        prompts=ServingPrompts(store.database, now=store.now, audited_only=book.audited_only()),
        traces=traces,
    )
