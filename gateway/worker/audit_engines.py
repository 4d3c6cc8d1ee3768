"""Engines for audits. Only the worker that started one knows its socket and its secret."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.engine.process import EngineMode, EngineProcess
from deploy.types import TrustedBase, UpstreamServer
from evaluators.probes.types import Readings
from gateway.worker.hosted_audits import UnnamedChat, hosted_chats
from moderation.chat import ChatModel
from trainers.bases import local_path
from trainers.types import BaseModel, CandidateModel


class EmbeddedAuditEngines:
    """Up to `n_engines` engines a base model, so that audits that run at once share no core.

    An engine is started when it is first needed, and again when it died. Where a provider has the base, by
    its name, it answers itself.
    """

    def __init__(
        self, logs: Path, *, n_engines: int = 1, providers: Mapping[str, UpstreamServer] | None = None
    ) -> None:
        self._providers = providers or {}
        self._logs = logs
        self._n_engines = n_engines
        self._engines: dict[tuple[str, int], EngineProcess] = {}
        self._places: dict[str, int] = {}
        self._locks: dict[tuple[str, int], threading.Lock] = {}
        self._lock = threading.Lock()

    def side_by_side(self, candidate: CandidateModel) -> tuple[ChatModel, ChatModel]:
        """A candidate and its untouched base, on one engine. Raises `EngineUnavailable`, `SealBroken`."""
        if (provider := self._providers.get(candidate.base.name)) is not None:
            return hosted_chats(candidate, provider)
        engine = self._engine(candidate.base, self._place(candidate))
        engine.load(_name(candidate), candidate.path, candidate.digest)
        name = _name(candidate)
        unnamed = UnnamedChat(identity="the candidate", inner=engine.chat(name), names={name: "the candidate"})
        return unnamed, engine.chat(candidate.base.name)

    def readings(self, candidate: CandidateModel, harmful: Sequence[str], benign: Sequence[str]) -> Readings:
        """What the weights of a candidate say. Raises `EngineUnavailable`, `SealBroken`."""
        engine = self._engine(candidate.base, self._place(candidate))
        engine.load(_name(candidate), candidate.path, candidate.digest)  # an engine that was started again forgot it
        return engine.readings(_name(candidate), harmful, benign)

    def let_go(self, candidate: CandidateModel) -> None:
        """Take a candidate out of memory. An engine that died took it along."""
        with self._lock:
            place = self._places.pop(candidate.digest, None)
            engine = None if place is None else self._engines.get((candidate.base.digest, place))
        if engine is not None and engine.alive():
            engine.unload(_name(candidate))

    def stop(self) -> None:
        """End every engine."""
        with self._lock:
            for engine in self._engines.values():
                engine.stop()
            self._engines.clear()

    def _place(self, candidate: CandidateModel) -> int:
        """The engine with the fewest candidates; a candidate keeps its engine."""
        with self._lock:
            taken = Counter(self._places.values())
            least_taken = min(range(self._n_engines), key=lambda place: taken[place])
            return self._places.setdefault(candidate.digest, least_taken)

    def _engine(self, base: BaseModel, place: int) -> EngineProcess:
        key = (base.digest, place)
        with self._lock:
            starting = self._locks.setdefault(key, threading.Lock())
        with starting:
            known = self._engines.get(key)
            if known is not None and known.alive():
                return known
            if known is not None:
                known.stop()
            self._logs.mkdir(parents=True, exist_ok=True)
            engine = EngineProcess.start(
                TrustedBase(name=base.name, path=str(local_path(base)), digest=base.digest),
                EngineMode.AUDIT,
                log=self._logs / f"audit-{base.digest[7:19]}-{place}.log",
            )
            self._engines[key] = engine
            return engine


def _name(candidate: CandidateModel) -> str:
    return f"candidate-{candidate.digest[7:39]}"
