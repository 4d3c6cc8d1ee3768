"""Base models on the admin's list: where they lie, what they are, whether they can be used."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from trainers.artefacts import MODEL_SUFFIXES, digest_model
from trainers.errors import BaseModelError
from trainers.types import BaseModel

_COMMIT = re.compile("[0-9a-f]{40}")
_TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")


def read_base(entry: Mapping[str, object]) -> BaseModel:
    """One entry of the list, checked and digested.

    Keys: `name`, `source` (a directory, or a hub name with `revision`, a whole commit), `corpus`,
    `learning_rate`, `full_learning_rate`, and optionally `digest`, which must then be the one found.
    Raises `BaseModelError` with a sentence that names the entry and the mend. Reads every byte of
    the weights: seconds for gigabytes.
    """
    name = _text(entry, "name", "?")
    source, corpus = _text(entry, "source", name), _text(entry, "corpus", name)
    revision = entry.get("revision")
    if revision is not None and not (isinstance(revision, str) and _COMMIT.fullmatch(revision)):
        raise BaseModelError(
            f"base model '{name}': revision is {revision!r}; expected the commit of a hub repository, 40 hexadecimal "
            "digits: a branch or tag can be moved to other weights"
        )
    path = _find(name, source, revision)
    _check(name, path)
    digest = digest_model(path)
    if entry.get("digest") not in (None, digest):
        raise BaseModelError(f"base model '{name}': {source} has digest {digest}, the list says {entry['digest']}")
    return BaseModel(
        name=name,
        source=source,
        revision=revision,
        digest=digest,
        corpus=corpus,
        learning_rate=_rate(entry, "learning_rate", name),
        full_learning_rate=_rate(entry, "full_learning_rate", name),
    )


def local_path(base: BaseModel) -> Path:
    """Directory with the files of `base`, fetched from the hub when it is not there yet.

    Raises `BaseModelError` when it cannot be had. The digest is not checked: see `verified_path`.
    """
    return _find(base.name, base.source, base.revision)


def verified_path(base: BaseModel) -> Path:
    """As `local_path`, after every byte was checked against the digest of `base`.

    Raises `BaseModelError` when the files are not those that the list was admitted with.
    """
    path = local_path(base)
    found = digest_model(path)
    if found != base.digest:
        raise BaseModelError(
            f"base model '{base.name}' at {base.source} has digest {found}, not the {base.digest} it was admitted "
            "with; restore its files, or admit it again"
        )
    return path


def weight_bytes(path: Path) -> int:
    """Size of the safetensors files under `path`, in bytes."""
    return sum(file.stat().st_size for file in path.glob("*.safetensors"))


def _find(name: str, source: str, revision: str | None) -> Path:
    path = Path(source)
    if path.is_dir():
        return path
    if source.startswith(("http://", "https://")):
        raise BaseModelError(f"base model '{name}' lies at a provider; nothing here can load it")
    if path.is_absolute() or source.startswith("."):
        raise BaseModelError(f"base model '{name}': {source} is not a directory")
    if revision is None:
        raise BaseModelError(f"base model '{name}': {source} is a hub name; pin its revision (a commit)")
    # Slow to import, and most models lie in a directory.
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    patterns = [f"*{suffix}" for suffix in sorted(MODEL_SUFFIXES)]
    try:
        return Path(snapshot_download(source, revision=revision, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as exc:
        raise BaseModelError(
            f"base model '{name}': {source} at {revision} could not be fetched ({type(exc).__name__}); "
            "check name, revision, access token and network, or give a local directory"
        ) from exc


def _check(name: str, path: Path) -> None:
    config = _json(name, path / "config.json")
    tokenizer = _json(name, path / "tokenizer_config.json")
    if "auto_map" in config or "auto_map" in tokenizer:
        raise BaseModelError(
            f"base model '{name}': its configuration asks for remote code (auto_map), which never runs"
        )
    if not (path / "tokenizer.json").is_file():
        raise BaseModelError(
            f"base model '{name}': tokenizer.json is missing; save the fast tokenizer beside the weights"
        )
    has_template = "chat_template" in tokenizer or any((path / file).is_file() for file in _TEMPLATE_FILES[:2])
    if not has_template:
        raise BaseModelError(f"base model '{name}': it has no chat template; add chat_template.jinja")


def _json(name: str, path: Path) -> Mapping[str, object]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BaseModelError(f"base model '{name}': {path.name} cannot be read in {path.parent}") from exc
    if not isinstance(data, dict):
        raise BaseModelError(f"base model '{name}': {path.name} is not a JSON object")
    return data


def _text(entry: Mapping[str, object], key: str, name: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise BaseModelError(f"base model '{name}': {key} is {value!r}; expected a text")
    return value


def _rate(entry: Mapping[str, object], key: str, name: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise BaseModelError(f"base model '{name}': {key} is {value!r}; expected a number between 0 and 1, e.g. 1e-4")
    return float(value)
