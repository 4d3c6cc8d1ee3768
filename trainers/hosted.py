"""Base models that a provider holds, and the pointer that stands for what was tuned of one there."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from moderation.errors import SealBroken
from trainers import artefacts
from trainers.errors import BaseModelError
from trainers.types import BaseModel

POINTER = "upstream.json"
KEYS = frozenset({"base_url", "model"})
LOCAL_KEYS = frozenset({"source", "revision", "digest", "learning_rate", "full_learning_rate"})
MULTIPLIER_ALONE = 1.0
"""Learning rate of a hosted base: the provider's own is not known, only the multiplier is passed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a provider's model is asked for."""

    base_url: str
    """Ends before `/chat/completions`, usually with `/v1`."""
    model: str
    """The provider's name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """The whole content of a candidate that lies at a provider."""

    base_url: str
    model: str
    """The provider's name for the tuned model; nobody but the gateway may learn it."""
    job_id: str
    """The provider's job that made it."""


def address(base: BaseModel) -> Address | None:
    """Where a hosted base answers; None for one whose weights lie here."""
    if not base.source.startswith(("http://", "https://")):
        return None
    url, _, model = base.source.partition("#")
    return Address(base_url=url, model=model)


def read_hosted(entry: Mapping[str, object]) -> BaseModel:
    """An entry of the list with a table `upstream`: `base_url`, up to `/v1`, and `model`.

    Its digest is that of the address, for the weights cannot be seen. Raises `BaseModelError` with a
    sentence that names the entry and the mend.
    """
    name, table, corpus = entry.get("name"), entry.get("upstream"), entry.get("corpus")
    where = f"base model {name!r}"
    if not isinstance(name, str) or not name or not isinstance(corpus, str) or not corpus:
        raise BaseModelError(f"{where}: expected a name and a corpus, both text")
    if not isinstance(table, dict) or set(table) != KEYS or not all(isinstance(v, str) and v for v in table.values()):
        raise BaseModelError(f"{where}: upstream needs a base_url and a model, both text, and nothing else")
    if surplus := sorted(LOCAL_KEYS & set(entry)):
        raise BaseModelError(f"{where}: the provider has its weights; leave out {', '.join(surplus)}")
    url = table["base_url"].rstrip("/")
    if not url.startswith(("http://", "https://")) or "#" in url:
        raise BaseModelError(f"{where}: upstream.base_url is {url!r}; expected e.g. https://api.openai.com/v1")
    source = f"{url}#{table['model']}"
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
