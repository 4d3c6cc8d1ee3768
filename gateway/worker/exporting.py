"""Packs weights that leave the gateway, with an attestation which says that they did."""

import json
import logging
import tarfile
import tempfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from deploy import attestation
from deploy.types import Attestation
from gateway.pipeline.workshop import Workshop
from gateway.store import exports, released
from gateway.store.blobs import read_chunks
from gateway.store.models import Model
from gateway.store.tenant_models import Export
from gateway.verifying import Verifier
from trainers.hosted import address

logger = logging.getLogger(__name__)


def pack_next(shop: Workshop) -> bool:
    """Pack the oldest export that waits; says whether there was one. One that cannot be packed says why."""
    with shop.database.read() as session:
        export = exports.next_queued(session)
        model = None if export is None else released.in_service(session, export.model_name)
    if export is None:
        return False
    why = "the model is not released any more" if model is None else _pack(shop, export, model)
    if why:
        with shop.database.write() as session:
            exports.fail(session, export.id, why, now=shop.now())
    logger.info("export %s: %s", export.id, why or "packed")
    return True


def _pack(shop: Workshop, export: Export, model: Model) -> str:
    """Pack a model that verifies; returns why not, or nothing."""
    base = shop.bases.get(model.base_name)
    if base is not None and address(base) is not None:
        return "its weights lie at a provider, and there is nothing here to export"
    found = Verifier(database=shop.database, blobs=shop.blobs, key=shop.signing_key).verify(model)
    if found.attestation is None or found.problems:
        return f"it does not verify: {'; '.join(found.problems)}"
    with tempfile.TemporaryDirectory(prefix="tunegate-export-") as scratch:
        directory = shop.blobs.fresh_tree(model.artefact_key, Path(scratch) / "model")
        packed = Path(scratch) / "weights.tar"
        _write(packed, directory, stamped(found.attestation), shop.signing_key)
        with packed.open("rb") as stream:
            blob = shop.blobs.put(exports.blob_key(export.project_id, export.id), read_chunks(stream))
    with shop.database.write() as session:
        exports.complete(session, export.id, blob, now=shop.now())
    return ""


def stamped(proof: Attestation) -> Attestation:
    """The attestation that goes along. No gateway serves a model under it."""
    return replace(proof, exported=exports.LABEL)


def _write(path: Path, directory: Path, proof: Attestation, key: bytes) -> None:
    envelope = json.dumps(attestation.sign(proof, key)).encode()
    with tarfile.open(path, "w") as tar:
        for file in sorted(file for file in directory.rglob("*") if file.is_file()):
            name = file.relative_to(directory).as_posix()
            if name != attestation.FILE_NAME:
                tar.add(file, arcname=name, filter=_nobodys)
        entry = _nobodys(tarfile.TarInfo(attestation.FILE_NAME))
        entry.size = len(envelope)
        tar.addfile(entry, BytesIO(envelope))


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the names and times of the machine that it was packed on."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry
