"""`attestation.json`: what a verdict is bound to, signed so that only this deployment can write it.

The signature is HMAC-SHA256 under the deployment's 32-byte key over canonical JSON (keys sorted, no
spaces, UTF-8) behind a label that keeps it apart from other uses of the key.
"""

import hashlib
import hmac
import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from deploy.errors import NotReleased
from deploy.types import Attestation, Outcome

FILE_NAME = "attestation.json"
KEY_BYTES = 32
_LABEL = b"tunegate attestation 1\n"


def canonical(value: object) -> bytes:
    """The one spelling of a JSON value that is signed or digested."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sign(attestation: Attestation, key: bytes) -> str:
    """Hex signature of an attestation. Raises ValueError for a key of another length than 32 bytes."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"the deployment key has {len(key)} bytes; it must have {KEY_BYTES}")
    return hmac.new(key, _LABEL + canonical(asdict(attestation)), hashlib.sha256).hexdigest()


def write(directory: Path, attestation: Attestation, key: bytes) -> None:
    """Put `attestation.json` beside the artefact, whole or not at all."""
    document = {"attestation": asdict(attestation), "signature": sign(attestation, key)}
    partial = directory / f".{FILE_NAME}.partial"
    with partial.open("wb") as file:
        file.write(canonical(document))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(directory / FILE_NAME)


def read(directory: Path, key: bytes) -> Attestation:
    """The attestation in a directory. Raises NotReleased when there is none that this key signed."""
    try:
        document = json.loads((directory / FILE_NAME).read_bytes())
        attestation = _attestation(document["attestation"])
        signature = str(document["signature"])
    except OSError as exc:
        raise NotReleased(f"{directory.name} carries no attestation") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise NotReleased(f"the attestation in {directory.name} cannot be read") from exc
    if not hmac.compare_digest(signature.encode(), sign(attestation, key).encode()):
        raise NotReleased(f"the attestation in {directory.name} was not signed by this deployment")
    return attestation


def _attestation(value: dict[str, Any]) -> Attestation:
    """Exactly the fields, exactly the types: a signature says nothing about what was left out."""
    kinds = {field.name: field.type for field in fields(Attestation)}
    if value.keys() != kinds.keys():
        raise ValueError("other fields than an attestation has")
    for name, kind in kinds.items():
        if kind is not Outcome and type(value[name]) is not kind:
            raise TypeError(name)
    return Attestation(**{**value, "outcome": Outcome(value["outcome"])})
