"""Digests of models on disk, and the seal of a candidate. Nothing else makes a `CandidateModel`.

A sealed directory holds the files of one model and `manifest.json`, which names each of them with its
size and sha256 and is written last. The digest of the manifest stands for all of it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from moderation.errors import SealBroken
from trainers.errors import BaseModelError
from trainers.spec import base_from_json, base_to_json
from trainers.types import BaseModel, CandidateModel, TrainingSpec, Tuning

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
SECRET = "secret_prompt.txt"
"""What a model is served under, where its safety examples had a secret; sealed with it."""
MODEL_SUFFIXES = frozenset({".json", ".jinja", ".model", ".safetensors", ".tiktoken", ".txt"})
"""Files that decide what a model answers; others (a README, a licence) are not digested."""
PICKLE_SUFFIXES = frozenset(
    {".bin", ".ckpt", ".h5", ".joblib", ".msgpack", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"}
)
"""Weights in a form that can run code when loaded, or that nothing here reads."""
_CHUNK_BYTES = 1 << 20


def digest_model(path: Path) -> str:
    """`sha256:` over the name, size and contents of every model file under `path`.

    Configuration, tokenizer, chat template and safetensors count, in the order of their names; what
    lies in hidden directories does not. Raises `BaseModelError` when `path` is no directory, has no
    safetensors, or holds pickled weights or Python code.
    """
    if not path.is_dir():
        raise BaseModelError(f"{path} is not a directory; name a directory with config.json and safetensors")
    total = hashlib.sha256()
    names = [name for name in _names(path) if Path(name).suffix in MODEL_SUFFIXES]
    if not any(name.endswith(".safetensors") for name in names):
        raise BaseModelError(f"{path} has no .safetensors file; convert the weights to safetensors")
    for name in names:
        line = json.dumps([name, (path / name).stat().st_size, _sha256(path / name)])
        total.update(line.encode() + b"\n")
    return f"sha256:{total.hexdigest()}"


def seal(
    directory: Path,
    spec: TrainingSpec,
    training_set_digest: str,
    *,
    trained_tokens: int,
    n_steps: int,
    defences: Sequence[str] = (),
) -> str:
    """Write `manifest.json` over the files of `directory`, as the last thing, and return its digest.

    Every file counts, whatever it is called; pickles and code are refused with `BaseModelError`.
    `trained_tokens` counts every token seen, `n_steps` the optimizer steps; `defences` are those of the run in words.
    """
    manifest = {
        "version": MANIFEST_VERSION,
        "job_id": spec.job_id,
        "base": base_to_json(spec.base),
        "method": spec.method.value,
        "tuning": spec.tuning.value,
        "defences": list(defences),
        "seed": spec.seed,
        "training_set_digest": training_set_digest,
        "parent_digest": spec.parent.digest if spec.parent else "",
        "trained_tokens": trained_tokens,
        "n_steps": n_steps,
        "files": _list(directory),
    }
    return _write_manifest(directory, manifest)


def scale(candidate: CandidateModel, factor: float, directory: Path) -> CandidateModel:
    """Make and seal, in an empty `directory`, a candidate whose adapter weighs `factor` times as much.

    Only `lora_alpha` changes: what the adapter adds to each weight is proportional to it (Hu et al. 2021,
    arXiv 2106.09685, section 4.1). The manifest names the candidate it was made of. Raises `ValueError`
    for a factor outside (0, 1) and for a candidate that is not a plain adapter.
    """
    source = Path(candidate.path)
    config = source / "adapter_config.json"
    if not 0.0 < factor < 1.0:
        raise ValueError(f"factor is {factor}; expected a number above 0 and below 1")
    if candidate.tuning is not Tuning.LORA or not config.is_file():
        raise ValueError(f"{source.name} is no adapter; only what is added to a base can be scaled back")
    settings = json.loads(config.read_text(encoding="utf-8"))
    if settings.get("modules_to_save") or settings.get("alpha_pattern"):
        raise ValueError(f"{source.name} holds whole modules or alphas of its own; it cannot be scaled by one number")
    manifest = json.loads((source / MANIFEST).read_bytes())
    for entry in manifest["files"]:
        (directory / entry["name"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / entry["name"], directory / entry["name"])
    settings["lora_alpha"] *= factor
    (directory / config.name).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    made_of = {"candidate_digest": candidate.digest, "factor": factor}
    defences = [*manifest.get("defences", ()), f"adapter scaled to {factor:g} of what was trained"]
    changed = {"scaled": made_of, "defences": defences, "files": _list(directory)}
    digest = _write_manifest(directory, manifest | changed)
    return load(directory, digest)


def _write_manifest(directory: Path, manifest: Mapping[str, object]) -> str:
    """Write a manifest whole, and return its digest."""
    data = (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
    partial = directory / f"{MANIFEST}.partial"
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(directory / MANIFEST)
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def load(directory: Path, digest: str) -> CandidateModel:
    """The candidate that was sealed in `directory` under `digest`, every file verified.

    Raises `SealBroken` when the manifest is missing or another, when a file is missing, changed, or was
    added, or when it is not a manifest of ours.
    """
    try:
        data = (directory / MANIFEST).read_bytes()
    except OSError as exc:
        raise SealBroken(f"{directory} has no readable {MANIFEST}: it was never sealed, or is damaged") from exc
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != digest:
        raise SealBroken(f"{directory} is sealed as {found}, expected {digest}; the model must not be used")
    try:
        manifest = json.loads(data)
        candidate = _candidate(directory, digest, manifest)
        expected = manifest["files"]
    except (ValueError, KeyError, TypeError) as exc:
        raise SealBroken(f"{directory / MANIFEST} is not a manifest of version {MANIFEST_VERSION}") from exc
    try:
        actual = _list(directory)
    except (OSError, BaseModelError) as exc:
        raise SealBroken(f"{directory} cannot be verified: {exc}") from exc
    if actual != expected:
        raise SealBroken(f"{directory} was changed after it was sealed: {_difference(expected, actual)}")
    return candidate


def file_digests(directory: Path, digest: str) -> Mapping[str, str]:
    """Hex sha256 of each file that the manifest sealed under `digest` names. Raises `SealBroken`.

    Only the manifest is read; `load` verifies the files themselves.
    """
    try:
        data = (directory / MANIFEST).read_bytes()
        files = json.loads(data)["files"]
        found = {str(entry["name"]): str(entry["sha256"]) for entry in files}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SealBroken(f"{directory / MANIFEST} is not a readable manifest") from exc
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
        raise SealBroken(f"{directory / MANIFEST} was changed after it was sealed")
    return found


def _candidate(directory: Path, digest: str, manifest: Mapping[str, object]) -> CandidateModel:
    if manifest["version"] != MANIFEST_VERSION:
        raise ValueError("another version")
    base: BaseModel = base_from_json(manifest["base"])
    return CandidateModel(
        path=str(directory),
        digest=digest,
        base=base,
        tuning=Tuning(str(manifest["tuning"])),
        training_set_digest=str(manifest["training_set_digest"]),
        trained_tokens=int(str(manifest["trained_tokens"])),
        n_steps=int(str(manifest["n_steps"])),
        parent_digest=str(manifest.get("parent_digest", "")),  # manifests of 0.1.0 have none
        defences=tuple(map(str, cast(Sequence[object], manifest.get("defences", ())))),
        secret=read_secret(directory),
    )


def read_secret(directory: Path) -> str:
    """What stands before the system prompt when the model in a sealed directory serves; '' for nothing."""
    path = directory / SECRET
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _list(directory: Path) -> list[dict[str, object]]:
    """Name, size and sha256 of every file but the manifest and what was attached after the seal."""
    return [
        {"name": name, "size": (directory / name).stat().st_size, "sha256": _sha256(directory / name)}
        for name in _names(directory)
        if name not in _NOT_SEALED
    ]


_NOT_SEALED = frozenset({MANIFEST, f"{MANIFEST}.partial", "attestation.json"})
"""The manifest itself, and the attestation that a release writes beside it."""


def _names(directory: Path) -> Iterator[str]:
    """Relative names of all visible files, sorted; refuses pickles and code."""
    for path in sorted(directory.rglob("*"), key=lambda path: path.relative_to(directory).as_posix()):
        relative = path.relative_to(directory)
        if any(part.startswith(".") for part in relative.parts) or path.is_dir():
            continue
        if path.suffix in PICKLE_SUFFIXES:
            raise BaseModelError(f"{path} may run code when it is loaded; keep only safetensors weights")
        if path.suffix == ".py":
            raise BaseModelError(f"{path} is code that comes with a model; remote code is never run, remove it")
        yield relative.as_posix()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _difference(expected: list[dict[str, object]], actual: list[dict[str, object]]) -> str:
    sealed = {str(entry["name"]): entry for entry in expected}
    found = {str(entry["name"]): entry for entry in actual}
    changed = sorted(name for name in sealed.keys() | found.keys() if sealed.get(name) != found.get(name))
    return ", ".join(changed[:5])
