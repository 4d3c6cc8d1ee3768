"""Engines for audits. Only the worker that started one knows its socket and its secret."""

import threading
from pathlib import Path

from deploy.engine.process import EngineMode, EngineProcess
from deploy.types import TrustedBase
from moderation.chat import ChatModel
from trainers.bases import local_path
from trainers.types import BaseModel, CandidateModel


class EmbeddedAuditEngines:
    """One engine a base model, started when it is first needed and again when it died."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._engines: dict[str, EngineProcess] = {}
        self._lock = threading.Lock()

    def base(self, base: BaseModel) -> ChatModel:
        """The untouched base. Raises `EngineUnavailable`."""
        return self._engine(base).chat(base.name)

    def candidate(self, candidate: CandidateModel) -> ChatModel:
        """A candidate beside its base. Raises `EngineUnavailable`, `SealBroken`."""
        engine = self._engine(candidate.base)
        engine.load(_name(candidate), candidate.path, candidate.digest)
        return engine.chat(_name(candidate))

    def let_go(self, candidate: CandidateModel) -> None:
        """Take a candidate out of memory. An engine that died took it along."""
        with self._lock:
            engine = self._engines.get(candidate.base.digest)
        if engine is not None and engine.alive():
            engine.unload(_name(candidate))

    def stop(self) -> None:
        """End every engine."""
        with self._lock:
            for engine in self._engines.values():
                engine.stop()
            self._engines.clear()

    def _engine(self, base: BaseModel) -> EngineProcess:
        with self._lock:
            known = self._engines.get(base.digest)
            if known is not None and known.alive():
                return known
            if known is not None:
                known.stop()
            self._logs.mkdir(parents=True, exist_ok=True)
            engine = EngineProcess.start(
                TrustedBase(name=base.name, path=str(local_path(base)), digest=base.digest),
                EngineMode.AUDIT,
                log=self._logs / f"audit-{base.digest[7:19]}.log",
            )
            self._engines[base.digest] = engine
            return engine


def _name(candidate: CandidateModel) -> str:
    return f"candidate-{candidate.digest[7:39]}"
