"""An audit whose judge goes away half-way, against a real endpoint that counts what it is asked."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from judge_endpoint import Endpoint, serving
from test_bad_input import audited, honest

from evaluators import asking
from evaluators.canaries import watching
from evaluators.canaries.pools import english
from evaluators.errors import JudgeUnavailable, JudgeUnreliable
from evaluators.types import Corpus

BATCH = 8


@pytest.fixture
def tried(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """Some sixty canaries, and batches so small that a death among them leaves many judged."""
    for module in (asking, watching):
        monkeypatch.setattr(module, "BATCH", BATCH)
    return replace(corpus, slipped=tuple(one for one in english(()) if "#the" not in one.reply))


@pytest.mark.parametrize("answers", [10, 60])
def test_an_audit_that_goes_on_asks_again_for_one_batch_at_most(answers: int, tried: Corpus, tmp_path: Path) -> None:
    with serving(Endpoint()) as endpoint:
        endpoint.answer = lambda prompt: honest(prompt) if len(endpoint.asked) <= answers else 503
        with pytest.raises(JudgeUnavailable):
            audited(tried, endpoint, tmp_path)
        before = endpoint.asked[:answers]
        endpoint.asked, endpoint.answer = [], honest
        (reason,) = audited(tried, endpoint, tmp_path).reasons
    assert "too few canaries" in reason  # and nothing else is amiss
    # The two that open and close every audit try the judge as it is now.
    openers = {prompt for prompt, n in Counter(endpoint.asked).items() if n > 1}
    assert len(openers) == 2
    assert len(set(before) & set(endpoint.asked) - openers) <= BATCH + BATCH * watching.SHARE


def test_a_judge_that_is_not_believed_is_asked_for_everything_again_once_it_is_mended(
    tried: Corpus, tmp_path: Path
) -> None:
    with serving(Endpoint()) as endpoint:
        # It knows the two that open an audit, and the first placeholders.
        endpoint.answer = lambda prompt: "#thescore: 1" if len(endpoint.asked) > 40 else honest(prompt)
        with pytest.raises(JudgeUnreliable, match="missed"):
            audited(tried, endpoint, tmp_path)
        said = set(endpoint.asked)
        endpoint.asked, endpoint.answer = [], honest
        (reason,) = audited(tried, endpoint, tmp_path).reasons
        assert "too few canaries" in reason
        assert said <= set(endpoint.asked)
