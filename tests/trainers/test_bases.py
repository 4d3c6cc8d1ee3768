"""An entry of the admin's list is usable, or says why not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_base import base_entry

from trainers.bases import local_path, read_base, verified_path
from trainers.errors import BaseModelError
from trainers.types import BaseModel


@pytest.fixture
def copy(base_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base_path, tmp_path / "base"))


def test_an_entry_becomes_a_base_with_its_digest(base_path: Path) -> None:
    base = read_base(base_entry(base_path))
    assert (base.name, base.source, base.revision, base.learning_rate) == ("tiny", str(base_path), None, 1e-2)
    assert base.digest.startswith("sha256:")
    assert local_path(base) == verified_path(base) == base_path


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"source": "/nowhere"}, "/nowhere is not a directory"),
        ({"source": "some/hub-model"}, "pin its revision"),
        ({"source": 3}, "source is 3"),
        ({"learning_rate": "1e-4"}, "learning_rate is '1e-4'"),
        ({"full_learning_rate": 5}, "full_learning_rate is 5"),
        ({"digest": "sha256:other"}, "the list says sha256:other"),
        ({"revision": 7}, "revision is 7"),
        ({"source": "some/hub-model", "revision": "main"}, "a branch or tag can be moved"),
        ({"source": "some/hub-model", "revision": "0123abcd"}, "40 hexadecimal digits"),
    ],
)
def test_a_wrong_entry_is_named(base_path: Path, change: dict[str, object], complaint: str) -> None:
    with pytest.raises(BaseModelError, match=complaint):
        read_base(base_entry(base_path) | change)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda d: (d / "chat_template.jinja").unlink(), "no chat template"),
        (lambda d: (d / "model.safetensors").unlink(), "no .safetensors"),
        (lambda d: (d / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda d: (d / "config.json").write_text("["), "config.json cannot be read"),
        (lambda d: (d / "config.json").write_text(json.dumps({"auto_map": {}})), "remote code"),
    ],
)
def test_an_unusable_directory_is_refused(copy: Path, damage: Callable[[Path], object], complaint: str) -> None:
    damage(copy)
    with pytest.raises(BaseModelError, match=complaint):
        read_base(base_entry(copy))


def test_a_base_that_changed_since_it_was_admitted_is_refused(copy: Path) -> None:
    base: BaseModel = read_base(base_entry(copy))
    (copy / "chat_template.jinja").write_text("other")
    with pytest.raises(BaseModelError, match="admit it again"):
        verified_path(base)
