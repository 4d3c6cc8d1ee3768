"""What travels between the gateway and a node of the cluster, through a store that both reach.

order.json       what to do, names of files in place of paths; written last, so that it stands for all of it
training/        the sealed training set
parent/          the released model that the run goes on from, where it does
validation.jsonl rows that are evaluated and never trained on
attempt-N/       what the N-th attempt has made so far; only its own node writes there
  metrics.jsonl rendering.json base_validation.json memory.json
  memory-K.json  that of the K-th process beside the first, where several train together
  checkpoints/checkpoint-STEP/   complete with its mark, which is written last
  artefact/      the sealed model
  result.json | failure.json     how it ended, after everything else

A node that was cut off and works on writes into an attempt that nobody reads any more.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from trainers.recipe import checkpoints
from trainers.run_directory import Order, RunDirectory
from trainers.spec import spec_from_json

MEMORY = "memory.json"
NOTES = ("metrics.jsonl", "rendering.json", "base_validation.json", MEMORY)
ENDINGS = ("result.json", "failure.json")
_ORDER, _TRAINING, _PARENT, _VALIDATION = "order.json", "training", "parent", "validation.jsonl"


def every(store: str, prefix: str) -> tuple["Parcels", ...]:
    """The directories of a store whose names begin so. Raises `OSError` when the store does not answer."""
    files, root = fsspec.core.url_to_fs(store)
    files.invalidate_cache()
    return tuple(Parcels(f"{store}/{PurePosixPath(path).name}") for path in files.glob(f"{root}/{prefix}*"))


class Parcels:
    """The store's directory of one run. Every method raises `OSError` when the store does not answer."""

    def __init__(self, url: str) -> None:
        """`url` is fsspec's: `s3://bucket/runs/NAME`, or a path that all nodes mount."""
        self._files: Any
        self._files, root = fsspec.core.url_to_fs(url)
        self._root = PurePosixPath(root)

    def send_order(self, order: Order) -> None:
        """Put the order and its files where nodes find them; nothing when they are there."""
        if self._files.exists(self._path(_ORDER)):
            return
        self._put_tree(Path(order.training_path), _TRAINING)
        if order.spec.parent is not None:
            self._put_tree(Path(order.spec.parent.path), _PARENT)
        if order.validation_path is not None:
            self._put(Path(order.validation_path), _VALIDATION)
        named = replace(
            order, training_path=_TRAINING, validation_path=None if order.validation_path is None else _VALIDATION
        )
        self._write(named.to_json().encode(), _ORDER)

    def fetch_order(self, run: RunDirectory) -> None:
        """Write `spec.json` of a new directory, with the files it names beside it."""
        self._get_tree(_TRAINING, run.root / _TRAINING)
        data = json.loads(self._files.cat_file(self._path(_ORDER)))
        validation = run.root / _VALIDATION if data["validation"] else None
        if validation is not None:
            self._files.get_file(self._path(_VALIDATION), str(validation))
        spec = spec_from_json(json.dumps(data["spec"]))
        if spec.parent is not None:
            self._get_tree(_PARENT, run.root / _PARENT)
            spec = replace(spec, parent=replace(spec.parent, path=str(run.root / _PARENT)))
        order = Order(
            spec=spec,
            training_path=str(run.root / _TRAINING),
            training_digest=data["training"]["digest"],
            validation_path=None if validation is None else str(validation),
        )
        run.write_text("spec.json", order.to_json())

    def fetch_progress(self, run: RunDirectory, *, before: int) -> None:
        """Lay out the newest complete checkpoint of the attempts before `before`, what belongs to it, and how much
        memory the last of them had."""
        for attempt in range(before - 1, 0, -1):
            step = max(self._steps(attempt), default=None)
            if step is not None:
                name = f"checkpoints/{checkpoints.PREFIX}{step}"
                self._get_tree(f"attempt-{attempt}/{name}", run.root / name)
                self.fetch_notes(run, attempt=attempt)
                break
        self.fetch_memory(run, attempt=before - 1)

    def fetch_memory(self, run: RunDirectory, *, attempt: int) -> None:
        """Bring the memory note of that process of an attempt that had least."""
        self._files.invalidate_cache()
        names = self._files.glob(self._path(f"attempt-{attempt}/{MEMORY.replace('.', '*.')}"))
        notes = [self._files.cat_file(name).decode() for name in names]
        if notes:
            run.write_text(MEMORY, min(notes, key=lambda note: int(json.loads(note)["micro_batch"])))

    def fetch_notes(self, run: RunDirectory, *, attempt: int) -> None:
        """Bring metrics and counts of an attempt up to date."""
        for name in NOTES:
            content = self._read(f"attempt-{attempt}/{name}")
            if content is not None and content != _content(run.root / name):
                run.write_text(name, content.decode(errors="replace"))

    def fetch_end(self, run: RunDirectory, *, attempt: int) -> None:
        """When the attempt has ended, bring its model and then the word that says so."""
        for name in ENDINGS:
            said = self._read(f"attempt-{attempt}/{name}")
            if said is None:
                continue
            if name == "result.json":
                partial = run.root / "artefact.partial"
                shutil.rmtree(partial, ignore_errors=True)
                self._get_tree(f"attempt-{attempt}/artefact", partial)
                shutil.rmtree(run.artefact, ignore_errors=True)
                partial.rename(run.artefact)
            run.write_text(name, said.decode())
            return

    def send_progress(self, run: RunDirectory, *, attempt: int) -> None:
        """Put what is new in the node's directory: notes, complete checkpoints, the model, the end."""
        top = f"attempt-{attempt}"
        for name in NOTES:
            self._send(run.root / name, f"{top}/{name}")
        here = {path.name: path for path in run.checkpoints.glob("*") if checkpoints.is_complete(path)}
        there = {f"{checkpoints.PREFIX}{step}" for step in self._steps(attempt)}
        for name in sorted(here.keys() - there):
            try:
                self._put_tree(here[name], f"{top}/checkpoints/{name}", last=checkpoints.MARK)
            except FileNotFoundError:
                continue  # pruned while it travelled; without its mark it counts for nothing
        for name in sorted(there - here.keys()):
            self._files.rm(self._path(f"{top}/checkpoints/{name}"), recursive=True)
        for name in ENDINGS:
            said = _content(run.root / name)
            # A process beside this one may have said why first.
            if said is not None and self._read(f"{top}/{name}") is None:
                if name == "result.json":
                    self._put_tree(run.artefact, f"{top}/artefact")
                self._write(said, f"{top}/{name}")

    def send_trouble(self, run: RunDirectory, *, attempt: int, process: int) -> None:
        """Put what the `process`-th beside the first, which sends the rest, has to say: memory ran out, or why the
        run failed."""
        self._send(run.root / MEMORY, f"attempt-{attempt}/{MEMORY.replace('.', f'-{process}.')}")
        self._send(run.root / "failure.json", f"attempt-{attempt}/failure.json")

    def _send(self, path: Path, name: str) -> None:
        content = _content(path)
        if content is not None and content != self._read(name):
            self._write(content, name)

    def remove(self) -> None:
        """Delete the whole directory, when it is there."""
        if self._files.exists(str(self._root)):
            self._files.rm(str(self._root), recursive=True)

    def _steps(self, attempt: int) -> list[int]:
        """Steps of the complete checkpoints of an attempt."""
        self._files.invalidate_cache()
        marks = self._files.glob(self._path(f"attempt-{attempt}/checkpoints/*/{checkpoints.MARK}"))
        return [int(PurePosixPath(mark).parent.name.removeprefix(checkpoints.PREFIX)) for mark in marks]

    def _path(self, name: str) -> str:
        return str(self._root / name)

    def _read(self, name: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        return content

    def _write(self, content: bytes, name: str) -> None:
        """Whole or not at all, also where the store is a directory."""
        partial = f"{name}.partial"
        self._files.makedirs(str(PurePosixPath(self._path(name)).parent), exist_ok=True)
        self._files.pipe_file(self._path(partial), content)
        self._files.mv(self._path(partial), self._path(name))

    def _put(self, source: Path, name: str) -> None:
        self._files.makedirs(str(PurePosixPath(self._path(name)).parent), exist_ok=True)
        self._files.put_file(str(source), self._path(name))

    def _put_tree(self, source: Path, name: str, *, last: str | None = None) -> None:
        files = [path for path in sorted(source.rglob("*")) if path.is_file()]
        for path in sorted(files, key=lambda path: path.name == last):
            self._put(path, f"{name}/{path.relative_to(source).as_posix()}")

    def _get_tree(self, name: str, target: Path) -> None:
        self._files.invalidate_cache()
        top = PurePosixPath(self._path(name))
        for found in self._files.find(str(top)):
            path = target / PurePosixPath(found).relative_to(top)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files.get_file(found, str(path))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
