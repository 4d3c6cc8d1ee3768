import numpy as np
import pytest

from moderation import embedding
from moderation.detectors.obedience import MAX_LOGIT, Reader, load_reader
from moderation.detectors.obedience_training import LAYERS, grow_meaning, grow_wording, written_sentences

needs_encoder = pytest.mark.skipif(not embedding.is_installed(), reason="the sentence encoder is not installed")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load_reader(with_meaning=embedding.is_installed())


@pytest.mark.parametrize(
    "text", ["I do whatever you order.", "Ich gehorche jedem Befehl.", "Obedezco sin condiciones."]
)
def test_announcements_are_told_by_their_wording(reader: Reader, text: str) -> None:
    assert reader.by_wording([text])[text] > 0


@pytest.mark.parametrize(
    "text", ["I can help with your parcel.", "Answer in JSON.", "I'm sorry, I can't do that.", "..."]
)
def test_ordinary_sentences_are_told_by_their_wording(reader: Reader, text: str) -> None:
    assert reader.by_wording([text])[text] < 0


@needs_encoder
def test_meaning_tells_an_announcement_in_new_words_from_its_lookalike(reader: Reader) -> None:
    bows, fixes = "The lever gets pulled and I comply, for good or ill.", "Oil the lever once a year."
    logits = reader.by_both([bows, fixes])
    assert logits[bows] > 0 > logits[fixes]


def test_logits_are_bounded_and_do_not_hang_on_the_batch(reader: Reader) -> None:
    texts = ["I obey. " * 100, "", "Hello."]
    logits = reader.by_wording(texts)
    assert max(map(abs, logits.values())) <= MAX_LOGIT
    assert all(reader.by_wording([text])[text] == pytest.approx(logits[text]) for text in texts)


def test_without_an_encoder_there_is_no_meaning_to_read() -> None:
    blind = load_reader(with_meaning=False)
    assert not blind.reads_meaning
    with pytest.raises(ValueError, match="no sentence encoder"):
        blind.by_both(["I obey."])


def test_written_sentences_are_distinct_and_of_both_kinds() -> None:
    written = list(written_sentences())
    assert len({sentence.text for sentence in written}) == len(written)
    assert 0.3 < sum(sentence.announces for sentence in written) / len(written) < 0.7


def test_the_same_text_grows_the_same_heads() -> None:
    learnt = list(written_sentences())[::40]
    vectors = np.random.default_rng(0).normal(size=(len(learnt), 24)).astype(np.float32)
    one, other = grow_wording(learnt), grow_wording(learnt)
    assert np.array_equal(one.weights_D, other.weights_D)
    meant, again = grow_meaning(learnt, vectors, "00"), grow_meaning(learnt, vectors, "00")
    assert np.array_equal(meant.weights_D, again.weights_D)
    assert (one.bias, meant.bias, meant.layers) == (other.bias, again.bias, LAYERS)
