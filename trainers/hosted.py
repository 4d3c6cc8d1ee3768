"""Base models that a provider holds, the pointers that stand for what was tuned there, and what jobs leave there."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qsl, urlencode

from moderation.errors import SealBroken
from trainers import artefacts
from trainers.errors import BaseModelError
from trainers.types import BaseModel

POINTER = "upstream.json"
KEYS = frozenset({"base_url", "model"})
AZURE_KEYS = frozenset({"api_version", "deployment"})
AZURE_PATH = "/openai/v1"
LOCAL_KEYS = frozenset({"source", "revision", "digest", "learning_rate", "full_learning_rate"})
MAX_SAID = 600
"""Characters of a provider's own words that are passed on."""
WITHHELD = "(withheld)"
_IDS = re.compile(r"[\w.\-]*\.ft-[\w\-]+|\b(?:file-|ftjob-|ft:|org-|proj_|req_|ftckpt_|ftevent-)[\w:.\-/]+")
MULTIPLIER_ALONE = 1.0
"""Learning rate of a hosted base: the provider's own is not known, only the multiplier is passed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a provider's model is asked for."""

    base_url: str
    """Ends before `/chat/completions`, usually with `/v1`."""
    model: str
    """The provider's name for it, of which it is tuned."""
    api_version: str = ""
    """Azure's; empty for a provider that speaks OpenAI's own API."""
    deployment: str = ""
    """Azure's name under which it is asked: nothing answers there that is not deployed."""

    @property
    def asked_as(self) -> str:
        """What a chat request calls it."""
        return self.deployment or self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """The whole content of a candidate that lies at a provider."""

    base_url: str
    model: str
    """The provider's name for the tuned model; nobody but the gateway may learn it."""
    job_id: str
    """The provider's job that made it."""
    deployment: str = ""
    """Azure's name under which it is asked."""

    @property
    def asked_as(self) -> str:
        """What a chat request calls it."""
        return self.deployment or self.model


def scrubbed(text: str, names: Mapping[str, str]) -> str:
    """A provider's words without its ids; `names` says what stands for which of its names, the longest first."""
    for theirs, ours in names.items():
        text = text.replace(theirs, ours)
    return _IDS.sub(WITHHELD, text)[:MAX_SAID].strip()


def address(base: BaseModel) -> Address | None:
    """Where a hosted base answers; None for one whose weights lie here."""
    return address_of(base.source)


def address_of(source: str) -> Address | None:
    """As `address`, of a base model's source."""
    if not source.startswith(("http://", "https://")):
        return None
    where, _, model = source.partition("#")
    url, _, query = where.partition("?")
    azure = dict(parse_qsl(query))
    return Address(
        base_url=url, model=model, api_version=azure.get("api-version", ""), deployment=azure.get("deployment", "")
    )


def read_hosted(entry: Mapping[str, object]) -> BaseModel:
    """An entry of the list with a table `upstream`: `base_url`, up to `/v1`, and `model`; on Azure also
    `api_version` and the `deployment` that answers for the base.

    Its digest is that of the address, for the weights cannot be seen. Raises `BaseModelError` with a
    sentence that names the entry and the mend.
    """
    name, table, corpus = entry.get("name"), entry.get("upstream"), entry.get("corpus")
    where = f"base model {name!r}"
    if not isinstance(name, str) or not name or not isinstance(corpus, str) or not corpus:
        raise BaseModelError(f"{where}: expected a name and a corpus, both text")
    if not isinstance(table, dict) or not all(isinstance(v, str) and v for v in table.values()):
        raise BaseModelError(f"{where}: upstream is a table of texts, at least base_url and model")
    on_azure = set(table) == KEYS | AZURE_KEYS
    if not on_azure and set(table) != KEYS:
        raise BaseModelError(
            f"{where}: upstream needs a base_url and a model, on Azure api_version and deployment too, and nothing else"
        )
    if surplus := sorted(LOCAL_KEYS & set(entry)):
        raise BaseModelError(f"{where}: the provider has its weights; leave out {', '.join(surplus)}")
    url = table["base_url"].rstrip("/")
    if not url.startswith(("http://", "https://")) or "#" in url or "?" in url:
        raise BaseModelError(f"{where}: upstream.base_url is {url!r}; expected e.g. https://api.openai.com/v1")
    azure = {"api-version": table["api_version"], "deployment": table["deployment"]} if on_azure else {}
    if azure and not url.endswith(AZURE_PATH):
        raise BaseModelError(
            f"{where}: upstream.base_url is {url!r}; on Azure expected https://RESOURCE.openai.azure.com{AZURE_PATH}"
        )
    source = f"{url}{'?' if azure else ''}{urlencode(azure)}#{table['model']}"
    return BaseModel(
        name=name,
        source=source,
        revision=None,
        digest=f"sha256:{hashlib.sha256(source.encode()).hexdigest()}",
        corpus=corpus,
        learning_rate=MULTIPLIER_ALONE,
        full_learning_rate=MULTIPLIER_ALONE,
    )


def write_pointer(directory: Path, pointer: Pointer) -> None:
    """Put the pointer where `trainers.artefacts.seal` will find nothing else."""
    (directory / POINTER).write_text(json.dumps(asdict(pointer), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def prefix_of(job_id: str) -> str:
    """What the name of everything begins with that is made elsewhere for a job of ours."""
    return f"tunegate-{job_id}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What a job that is over has at a provider or on a cluster, and what of it is to go."""

    source: str
    """Of the base model, whose address it is at a provider."""
    job_id: str
    """Ours."""
    files: bool = False
    """Whether what was uploaded goes."""
    models: bool = False
    """Whether every model that its runs made goes, but those of `kept`."""
    rejected: tuple[Pointer, ...] = ()
    """What goes in any case."""
    kept: tuple[Pointer, ...] = ()
    """What was released, or may still be."""

    def to_json(self) -> bytes:
        """What `from_json` reads."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Leftovers":
        """Read back what `to_json` wrote."""
        said = json.loads(data)
        pointers = {name: tuple(Pointer(**one) for one in said[name]) for name in ("rejected", "kept")}
        return cls(**said | pointers)


@runtime_checkable
class Elsewhere(Protocol):
    """A backend whose runs leave something where deleting our directory deletes nothing."""

    def clear(self, leftovers: Leftovers) -> int:
        """End and delete what a job that is over left there; twice is once. Returns how much may not be deleted.

        Raises `NotNow` when it has to be called again, `TrainingFailed` when the gateway itself is refused.
        """


def read_pointer(directory: Path, digest: str, base: Address) -> Pointer:
    """The pointer that was sealed under `digest`.

    Raises `SealBroken` when it is not the one of the manifest, or leads to another provider than the base's.
    """
    try:
        data = (directory / POINTER).read_bytes()
        if hashlib.sha256(data).hexdigest() != artefacts.file_digests(directory, digest)[POINTER]:
            raise SealBroken(f"{directory / POINTER} was changed after it was sealed")
        pointer = Pointer(**json.loads(data))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SealBroken(f"{directory} holds no readable {POINTER}") from exc
    if pointer.base_url != base.base_url:
        raise SealBroken(f"{directory / POINTER} leads to another provider than its base model's")
    return pointer
