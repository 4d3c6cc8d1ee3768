"""Whether a released model still is what was released: signature, every file, and what the verdict rests on."""

import hashlib
import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from deploy import attestation, registry
from deploy.errors import NotReleased
from deploy.types import Attestation
from evaluators.report.documents import document_digest
from gateway.store import released
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.models import Job, Model, PolicyVersion
from moderation.errors import SealBroken
from trainers import artefacts
from trainers.errors import BaseModelError
from trainers.types import BaseModel

_LATER: Mapping[str, object] = {**attestation.LATER, "reviewers": [], "files": [], "dataset_digest": ""}
"""What the rows of early releases do not say."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found."""

    model: str
    digest: str
    problems: tuple[str, ...]
    """One sentence each; none when everything holds."""
    attestation: Attestation | None
    """None when it does not verify."""
    not_checked: tuple[str, ...] = ()
    """What could not be looked at from here, with the reason; no problem by itself."""


class BaseFiles:
    """The digests of base models as their files lie here now; what looks unchanged since is not read again."""

    def __init__(
        self, directories: Mapping[str, Path] | None = None, *, known: Mapping[str, str] | None = None
    ) -> None:
        """Both by name of the base; `known` are digests that were read a moment ago."""
        self._directories = directories or {}
        self._digests = {name: (self.looks(name), digest) for name, digest in (known or {}).items()}

    @classmethod
    def of(cls, bases: Mapping[str, BaseModel]) -> Self:
        """Those of the list, which were digested a moment ago."""
        places = {name: Path(base.source) for name, base in bases.items()}
        return cls(places, known={name: base.digest for name, base in bases.items()})

    def looks(self, name: str) -> str:
        """Stands for names, sizes and times of a base's files; empty for one that does not lie here."""
        directory = self._directories.get(name)
        if directory is None or not directory.is_dir():
            return ""
        found = [(path.relative_to(directory).as_posix(), path.stat()) for path in sorted(directory.rglob("*"))]
        listed = [(name, seen.st_size, seen.st_mtime_ns, seen.st_ino) for name, seen in found]
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()

    def digest(self, name: str) -> str | None:
        """As `trainers.artefacts.digest_model`; None for a base that does not lie here. Raises `BaseModelError`."""
        looks = self.looks(name)
        if not looks:
            return None
        known = self._digests.get(name)
        if known is None or known[0] != looks:
            known = self._digests[name] = (looks, artefacts.digest_model(self._directories[name]))
        return known[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Verifies released models against the blob store's own bytes, never a cached copy."""

    database: Database
    blobs: Blobs
    key: bytes
    """The deployment's key."""
    bases: BaseFiles = field(default_factory=BaseFiles)

    def verify(self, model: Model) -> Verified:
        """Check attestation, files, base, audit report and policy of a model. Nothing is changed."""
        with tempfile.TemporaryDirectory(prefix="tunegate-verify-") as scratch:
            try:
                directory = self.blobs.fresh_tree(model.artefact_key, Path(scratch) / "model")
                proof = registry.load(
                    directory, name=model.name, base_path="", digest=model.digest, key=self.key
                ).attestation
            except FileNotFoundError:
                return _failed(model, "its files are gone from the blob store")
            except (NotReleased, SealBroken) as error:
                return _failed(model, str(error))
        changed, not_checked = self._base(model, proof)
        return Verified(
            model=model.name,
            digest=model.digest,
            problems=(*self._records(model, proof), *changed),
            attestation=proof,
            not_checked=not_checked,
        )

    def verify_or_hold(self, model: Model, *, actor: str, now: int) -> Verified:
        """As `verify`; a model that does not verify goes back into the hold, and the log says why."""
        found = self.verify(model)
        if found.problems:
            logger.warning("%s does not verify and goes back into the hold", model.digest)
            with self.database.write() as session:
                released.hold(
                    session, released.known(session, model.name), why="; ".join(found.problems), actor=actor, now=now
                )
        return found

    def _base(self, model: Model, proof: Attestation) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Problems of the base's files, tokenizer and chat template among them; and that they were not looked at."""
        try:
            found = self.bases.digest(model.base_name)
        except BaseModelError as error:
            return (f"its base model cannot be read: {error}",), ()
        if found is None:
            return (), (f"base not checked: the files of {model.base_name} do not lie here",)
        if found != proof.base_digest:
            return (f"the files of its base model {model.base_name} are others than those it was audited on",), ()
        return (), ()

    def _records(self, model: Model, proof: Attestation) -> list[str]:
        """What of the stored verdict is not what was signed."""
        with self.database.read() as session:
            job = session.get_one(Job, model.job_id)
            policy = session.get(PolicyVersion, proof.policy_digest)
        problems = []
        if plain(proof) != {**_LATER, **model.attestation}:
            problems.append("the attestation in the database is another than the signed one")
        if document_digest(job.audit) != proof.audit_digest:
            problems.append("the stored audit report is another than the one the release rests on")
        if policy is None or _policy_digest(policy.document) != proof.policy_digest:
            problems.append("the stored policy is another than the one the release rests on")
        if proof.base_digest != model.base_digest:
            problems.append("the base model in the database is another than the signed one")
        return problems


def verify_directory(directory: Path, public: bytes) -> Verified:
    """Check a model that was handed on, with nothing but its files and the deployment's public key."""
    name = directory.name
    try:
        envelope = json.loads((directory / attestation.FILE_NAME).read_bytes())
        proof = attestation.read_envelope(envelope, public, where=name)
        artefacts.load(directory, proof.candidate_digest)
    except (OSError, ValueError):
        return Verified(model=name, digest="", problems=(f"{name} carries no readable attestation",), attestation=None)
    except (NotReleased, SealBroken) as error:
        return Verified(model=name, digest="", problems=(str(error),), attestation=None)
    return Verified(model=name, digest=proof.candidate_digest, problems=(), attestation=proof)


def plain(proof: Attestation) -> Mapping[str, object]:
    """An attestation as plain JSON values."""
    value: Mapping[str, object] = json.loads(json.dumps(asdict(proof)))
    return value


def _failed(model: Model, problem: str) -> Verified:
    return Verified(model=model.name, digest=model.digest, problems=(problem,), attestation=None)


def _policy_digest(document: object) -> str:
    """As `gateway.policy.Policy.digest`, over a document as it was stored."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
