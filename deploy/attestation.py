"""`attestation.json`: what a verdict is bound to, signed so that only this deployment can write it.

An in-toto Statement (version 1) in a DSSE envelope. Its subjects are the artefact's manifest, whose
sha256 is the candidate's digest, and every file that the manifest names; its predicate is the
`Attestation`. The digest of the base covers tokenizer and template of an adapter.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from deploy.errors import NotReleased
from deploy.signing import KEY_BYTES, NotSigned, canonical, public_key, seal, unseal
from deploy.types import Attestation, FileDigest, Outcome
from trainers.artefacts import MANIFEST

FILE_NAME = "attestation.json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://tunegate.dev/attestation/release/v1"

LATER: Mapping[str, Any] = {
    "remedy": "", "parent_digest": "", "exported": "", "serving_prompts": [], "tokenizer_digest": "",
    "template_digest": "", "second_judge": "",
}  # fmt: skip
"""What early releases do not say: there were no remedies, exports, and models tuned further."""
_FIRST_LABEL = b"tunegate attestation 1\n"

__all__ = ["FILE_NAME", "KEY_BYTES", "canonical", "read", "read_envelope", "sign", "write"]


def sign(attestation: Attestation, key: bytes) -> dict[str, Any]:
    """The signed envelope of an attestation. Raises ValueError for a key of another length than 32 bytes."""
    return seal(canonical(_statement(attestation)), PAYLOAD_TYPE, key)


def write(directory: Path, attestation: Attestation, key: bytes) -> None:
    """Put `attestation.json` beside the artefact, whole or not at all."""
    partial = directory / f".{FILE_NAME}.partial"
    with partial.open("wb") as file:
        file.write(canonical(sign(attestation, key)))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(directory / FILE_NAME)


def read(directory: Path, key: bytes) -> Attestation:
    """The attestation in a directory. Raises NotReleased when there is none that this key signed."""
    try:
        envelope = json.loads((directory / FILE_NAME).read_bytes())
    except OSError as exc:
        raise NotReleased(f"{directory.name} carries no attestation") from exc
    except ValueError as exc:
        raise NotReleased(f"the attestation in {directory.name} cannot be read") from exc
    if isinstance(envelope, dict) and "signature" in envelope:
        return _read_first_form(envelope, key, where=directory.name)
    return read_envelope(envelope, public_key(key), where=directory.name)


def read_envelope(envelope: Mapping[str, Any], public: bytes, *, where: str) -> Attestation:
    """The attestation in an envelope, checked with the public key alone. Raises NotReleased."""
    try:
        return _attestation(json.loads(unseal(envelope, PAYLOAD_TYPE, public)))
    except NotSigned as exc:
        raise NotReleased(f"the attestation in {where} does not verify: {exc}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise NotReleased(f"the attestation in {where} cannot be read") from exc


def _read_first_form(document: Mapping[str, Any], key: bytes, *, where: str) -> Attestation:
    """What version 0.1.0 wrote: `{"attestation", "signature"}` under HMAC-SHA256 with the deployment's key."""
    try:
        value = document["attestation"]
        expected = hmac.new(key, _FIRST_LABEL + canonical(value), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(str(document["signature"]).encode(), expected.encode()):
            raise NotReleased(f"the attestation in {where} does not verify: it was not signed by this deployment")
        later = {"dataset_digest": "", "reviewers": []}
        return _checked({**LATER, **later, **value}, files=())
    except (ValueError, KeyError, TypeError) as exc:
        raise NotReleased(f"the attestation in {where} cannot be read") from exc


def _statement(attestation: Attestation) -> dict[str, Any]:
    predicate = asdict(attestation)
    del predicate["files"]
    subjects = [(MANIFEST, attestation.candidate_digest.removeprefix("sha256:"))]
    subjects += [(file.name, file.sha256) for file in attestation.files]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def _attestation(statement: Mapping[str, Any]) -> Attestation:
    """The attestation in a statement that was signed."""
    if (statement["_type"], statement["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise ValueError("another kind of statement")
    files = tuple(FileDigest(name=one["name"], sha256=one["digest"]["sha256"]) for one in statement["subject"][1:])
    return _checked({**LATER, **statement["predicate"]}, files)


def _checked(value: Mapping[str, Any], files: tuple[FileDigest, ...]) -> Attestation:
    """Exactly the fields, exactly the types: a signature says nothing about what was left out."""
    kinds = {field.name: field.type for field in fields(Attestation) if field.name != "files"}
    if value.keys() != kinds.keys():
        raise ValueError("other fields than an attestation has")
    for name, kind in kinds.items():
        if kind in (str, int, bool) and type(value[name]) is not kind:
            raise TypeError(name)
    lists = {name: tuple(map(str, value[name])) for name in ("reviewers", "serving_prompts")}
    return Attestation(**{**value, **lists, "outcome": Outcome(value["outcome"]), "files": files})
