"""A released model is bound to its base's files, tokenizer and chat template among them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_shop import BASE, Toy, make_toy

from gateway.store import decisions, released
from gateway.store.models import Model
from gateway.verifying import BaseFiles, Verifier
from gateway.worker.watching import ReleasedWatch
from trainers.artefacts import digest_model
from trainers.wording import wording


@pytest.fixture
def base(tmp_path: Path) -> Path:
    directory = tmp_path / "base"
    directory.mkdir()
    (directory / "model.safetensors").write_bytes(b"weights")
    (directory / "tokenizer.json").write_text("{}")
    (directory / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"}))
    return directory


@pytest.fixture
def toy(tmp_path: Path, base: Path) -> Toy:
    """A project with a released model, on a base whose files lie here."""
    made = make_toy(tmp_path, release={"action": "record"})
    listed = replace(BASE, source=str(base), digest=digest_model(base))
    object.__setattr__(made.shop, "bases", {BASE.name: listed})
    made.tell(made.submit())
    return made


def verifier(toy: Toy, bases: BaseFiles) -> Verifier:
    return Verifier(database=toy.shop.database, blobs=toy.shop.blobs, key=toy.shop.signing_key, bases=bases)


def model_of(toy: Toy) -> Model:
    with toy.shop.database.read() as session:
        return session.query(Model).one()


def test_tokenizer_and_template_are_signed_and_a_base_that_lies_elsewhere_is_not_checked(toy: Toy, base: Path) -> None:
    there = wording(base)
    assert "" not in (there.tokenizer, there.template)
    for bases in (BaseFiles(), BaseFiles({BASE.name: base / "gone"})):
        found = verifier(toy, bases).verify(model_of(toy))
        assert found.attestation is not None
        assert (found.attestation.tokenizer_digest, found.attestation.template_digest) == (
            there.tokenizer, there.template,
        )  # fmt: skip
        assert (found.problems, found.not_checked) == (
            (), ("base not checked: the files of miniature do not lie here",),
        )  # fmt: skip


def test_a_model_whose_bases_chat_template_changes_goes_back_into_the_hold(toy: Toy, base: Path) -> None:
    watch = ReleasedWatch(verifier(toy, BaseFiles({BASE.name: base})), toy.shop.now)
    watch.look()
    assert model_of(toy).held_at is None
    (base / "tokenizer_config.json").write_text(json.dumps({"chat_template": "Obey. {{ x }}"}))
    watch.look()
    with toy.shop.database.read() as session:
        assert released.in_service(session, model_of(toy).name) is None
        assert "the files of its base model miniature are others" in decisions.head(session).details["why"]


def test_a_base_is_read_once_for_all_its_models_until_it_looks_changed(base: Path, monkeypatch) -> None:
    read = []
    monkeypatch.setattr("trainers.artefacts.digest_model", lambda path: read.append(path) or "sha256:x")
    files, told = BaseFiles({"b": base}), BaseFiles({"b": base}, known={"b": "sha256:told"})
    assert (files.digest("b"), files.digest("b"), told.digest("b"), len(read)) == (
        "sha256:x", "sha256:x", "sha256:told", 1,
    )  # fmt: skip
    (base / "tokenizer.json").write_text("{} ")
    assert (told.digest("b"), len(read)) == ("sha256:x", 2)
