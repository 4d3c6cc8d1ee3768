"""What `tunegate audit` may be pointed at, and how each of it is made to answer.

A model is a name on the list of bases, a local directory (a sealed candidate, an adapter in peft's
layout, or a whole model), or an OpenAI-compatible endpoint written `http://host:port/v1#model`.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.engine.process import EngineMode, EngineProcess
from deploy.types import TrustedBase
from evaluators.types import Subject
from gateway.bases import read_entries
from gateway.errors import UnusableSubject
from moderation.chat.connecting import positive
from moderation.chat.openai_compatible import OpenAICompatibleChat
from moderation.chat.pacing import Pace
from trainers import artefacts
from trainers.bases import local_path, read_base
from trainers.types import BaseModel

ADAPTER_CONFIG = "adapter_config.json"
CANDIDATE = "candidate"
DEFAULT_CORPUS = "english"
PREFIX = "TUNEGATE_AUDIT_"
MAX_CONCURRENCY, TIMEOUT_S = 64, 120
"""How endpoints are asked unless the settings say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model behind somebody's API: its weights are unknown, so its digest is that of its address."""

    url: str
    model: str

    @property
    def digest(self) -> str:
        """`sha256:` over address and name; it says nothing of the weights."""
        return "sha256:" + hashlib.sha256(f"{self.url}#{self.model}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A directory that is loaded beside its base."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Who is audited beside whom."""

    candidate: Endpoint | Tuned | BaseModel
    base: Endpoint | BaseModel

    @property
    def candidate_name(self) -> str:
        """What people call the candidate."""
        match self.candidate:
            case Endpoint(model=name) | BaseModel(name=name):
                return name
            case Tuned(path=path):
                return path.name

    @property
    def corpus(self) -> str:
        """The language of tasks to audit in where none was named."""
        return self.base.corpus if isinstance(self.base, BaseModel) else DEFAULT_CORPUS


def pair(model: str, base: str | None, bases_file: Path) -> Pairing:
    """What the two arguments of the command line stand for.

    Without `base` it is the one that a sealed directory or an adapter's configuration names; a model on
    the list of bases is its own, which is how a base is admitted. Raises `UnusableSubject` that says what
    to write instead, `BaseModelError` for a directory that is no usable model, `SealBroken` for one that
    was changed after it was sealed.
    """
    listed = {str(entry.get("name")): entry for entry in read_entries(bases_file)}
    candidate = _candidate(model, listed)
    if base is not None:
        root = _root(base, listed)
    elif isinstance(candidate, BaseModel) and candidate.name in listed:
        root = candidate
    elif isinstance(candidate, Tuned):
        root = _named_base(candidate.path, listed)
    else:
        raise UnusableSubject(
            f"{model}: an audit compares a model with the one it was tuned from; name that with --base "
            "(a base is audited by giving it as both)"
        )
    if isinstance(candidate, Tuned) and isinstance(root, Endpoint):
        raise UnusableSubject(f"{model} is loaded on its base; --base must be a local directory, not an endpoint")
    return Pairing(candidate=candidate, base=root)


@contextmanager
def answering(pairing: Pairing, *, keys: Mapping[str, str], log: Path) -> Iterator[tuple[Subject, Subject]]:
    """Candidate and base, ready to be asked; engines that were started for them end with the block.

    For endpoints `keys` may hold `api_key` and `base_api_key`, and for both of them `max_per_minute`,
    `max_concurrency` and `timeout_s`. Raises `EngineUnavailable`, `EngineRefused`, `SealBroken`, and
    `ValueError` that names the variable at fault.
    """
    engines: dict[str, EngineProcess] = {}
    connect = functools.partial(
        OpenAICompatibleChat,
        pace=Pace(positive(PREFIX, keys, "max_per_minute", 1)) if keys.get("max_per_minute") else None,
        max_concurrency=positive(PREFIX, keys, "max_concurrency", MAX_CONCURRENCY),
        timeout_s=float(positive(PREFIX, keys, "timeout_s", TIMEOUT_S)),
    )
    try:
        base = _subject(pairing.base, engines, functools.partial(connect, api_key=keys.get("base_api_key", "")), log)
        if isinstance(pairing.candidate, Tuned):
            engine = engines[base.digest]
            engine.load(CANDIDATE, str(pairing.candidate.path), pairing.candidate.digest)
            readings = functools.partial(engine.readings, CANDIDATE)
            yield Subject(digest=pairing.candidate.digest, model=engine.chat(CANDIDATE), readings=readings), base
        else:
            candidate = functools.partial(connect, api_key=keys.get("api_key", ""))
            yield _subject(pairing.candidate, engines, candidate, log), base
    finally:
        for engine in engines.values():
            engine.stop()


def _subject(
    what: Endpoint | BaseModel,
    engines: dict[str, EngineProcess],
    connect: Callable[..., OpenAICompatibleChat],
    log: Path,
) -> Subject:
    if isinstance(what, Endpoint):
        return Subject(digest=what.digest, model=connect(base_url=what.url, model=what.model))
    if what.digest not in engines:
        trusted = TrustedBase(name=what.name, path=str(local_path(what)), digest=what.digest)
        engines[what.digest] = EngineProcess.start(trusted, EngineMode.AUDIT, log=log)
    engine = engines[what.digest]
    return Subject(digest=what.digest, model=engine.chat(engine.base.name))


def _candidate(text: str, listed: Mapping[str, Mapping[str, object]]) -> Endpoint | Tuned | BaseModel:
    if _is_address(text):
        return _endpoint(text)
    path = Path(text).expanduser()
    if text in listed or not path.is_dir():
        return _root(text, listed)
    manifest = path / artefacts.MANIFEST
    if manifest.is_file():
        return Tuned(path=path, digest=f"sha256:{hashlib.sha256(manifest.read_bytes()).hexdigest()}")
    if (path / ADAPTER_CONFIG).is_file():
        return Tuned(path=path, digest=artefacts.digest_model(path))
    return _directory(path)


def _root(text: str, listed: Mapping[str, Mapping[str, object]]) -> Endpoint | BaseModel:
    """A model that stands on its own."""
    if _is_address(text):
        return _endpoint(text)
    if text in listed:
        return read_base(listed[text])
    path = Path(text).expanduser()
    if not path.is_dir():
        raise UnusableSubject(
            f"{text} is no directory, no base model of the list ({', '.join(sorted(listed))}) and no endpoint; "
            "an endpoint is written http://host:port/v1#model"
        )
    if (path / ADAPTER_CONFIG).is_file():
        raise UnusableSubject(f"{text} is an adapter; the base to compare with is the whole model below it")
    return _directory(path)


def _directory(path: Path) -> BaseModel:
    # The rates are a trainer's; an audit has no use for them.
    return read_base(
        {
            "name": path.resolve().name,
            "source": str(path),
            "corpus": DEFAULT_CORPUS,
            "learning_rate": 1e-4,
            "full_learning_rate": 1e-5,
        }
    )


def _named_base(path: Path, listed: Mapping[str, Mapping[str, object]]) -> Endpoint | BaseModel:
    """The base that a sealed directory or an adapter says it was tuned from."""
    manifest = path / artefacts.MANIFEST
    if manifest.is_file():
        return artefacts.load(path, f"sha256:{hashlib.sha256(manifest.read_bytes()).hexdigest()}").base
    try:
        named = json.loads((path / ADAPTER_CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError) as exc:
        raise UnusableSubject(f"{path / ADAPTER_CONFIG} is not a JSON object; save the adapter again") from exc
    if not isinstance(named, str) or not (named in listed or Path(named).is_dir()):
        raise UnusableSubject(f"{path} was tuned from {named!r}, which is not here; name its base with --base")
    return _root(named, listed)


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _endpoint(text: str) -> Endpoint:
    url, _, model = text.partition("#")
    if not model:
        raise UnusableSubject(f"{text} names no model; write {url.rstrip('/')}#MODEL")
    return Endpoint(url=url, model=model)
