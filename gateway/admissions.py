"""Audits of base models themselves, signed, and kept in TUNEGATE_HOME by the base's digest.

What is tuned is compared with its base, so little that the base does already is held against a candidate. Whoever
is to be sure of a base has it audited on its own: `tunegate admit NAME`.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.signing import NotSigned, canonical, seal, unseal
from gateway.errors import SettingsError
from trainers.types import BaseModel

FOLDER = "bases"
PAYLOAD_TYPE = "application/vnd.tunegate.base-admission+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a base's audit came to, and that somebody let the base in."""

    name: str
    digest: str
    verdict: str
    """`pass`, `review` or `block`."""
    reasons: tuple[str, ...]
    why: str
    """Of the operator who admitted what did not pass; empty for what passed."""
    policy_digest: str
    corpus_digest: str
    judge: str
    audit_digest: str
    """`sha256:` over the report."""
    admitted_at: int
    """Unix seconds."""


def keep(home: Path, admission: Admission, key: bytes) -> None:
    """Sign an admission with the deployment's key and keep it; an earlier one of the same base is replaced."""
    path = _path(home, admission.digest)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(seal(canonical(asdict(admission)), PAYLOAD_TYPE, key)) + "\n", encoding="utf-8")
    part.replace(path)


def find(home: Path, digest: str, public: bytes) -> Admission | None:
    """The admission of the base with this digest; None where it was never admitted.

    Raises `SettingsError` for one that the owner of the public key did not sign.
    """
    path = _path(home, digest)
    if not path.exists():
        return None
    try:
        value = json.loads(unseal(json.loads(path.read_bytes()), PAYLOAD_TYPE, public))
        found = Admission(**{**value, "reasons": tuple(value["reasons"])})
    except (NotSigned, ValueError, KeyError, TypeError) as exc:
        raise SettingsError(f"{path} is no admission of this deployment ({exc}); delete it and audit again") from exc
    return found if found.digest == digest else None


def require(bases: Iterable[BaseModel], home: Path, public: bytes) -> None:
    """Raise `SettingsError` that names every base that was not admitted."""
    missing = sorted({base.name for base in bases if find(home, base.digest, public) is None})
    if missing:
        raise SettingsError(
            f"TUNEGATE_ADMITTED_BASES_ONLY is set, and not admitted as they are now: {', '.join(missing)}; "
            "have each audited: " + "; ".join(f"tunegate admit {name}" for name in missing)
        )


def _path(home: Path, digest: str) -> Path:
    return home / FOLDER / f"{digest.removeprefix('sha256:')}.json"
