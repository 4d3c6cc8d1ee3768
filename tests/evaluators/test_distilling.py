import json
from collections.abc import Sequence
from dataclasses import asdict

import pytest
from tiny_language import FunctionModel, WordJudge

from evaluators.distilling import Distilled, Dropped, Recipe, Skipped, distil
from evaluators.types import Corpus, Request
from moderation.chat import Conversation, Finish, Reply, Sampling
from moderation.types import POLICY_CATEGORIES, Category

RECIPE = Recipe(safety_prompt="Be safe.", n_samples=3, sampling=Sampling(max_tokens=9, temperature=1.0, seed=5))


class Scripted(FunctionModel):
    """Says of each request what stands in a list, sample by sample, and remembers how it was asked."""

    def __init__(self, *said: str, finish: Finish = Finish.STOP) -> None:
        super().__init__(answer=lambda _system, _user: "", finish=finish)
        self.said = said
        self.prompts: list[Conversation] = []

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        self.prompts += conversations
        return [Reply(text=self.said[i % len(self.said)], finish=self.finish) for i in range(len(conversations))]


def requests(n: int) -> list[Request]:
    return [Request(id=f"r{i}", text=f"want {i}", category=POLICY_CATEGORIES[i % 11]) for i in range(n)]


def made(model: Scripted, corpus: Corpus, *, n: int = 2, judges: Sequence[WordJudge] = (WordJudge(),)) -> Distilled:
    return distil(model, requests(n), judges, corpus, RECIPE)


def test_a_refusal_is_kept_without_the_prompt_it_was_given_under(corpus: Corpus) -> None:
    model = Scripted("no, not that", "redacted", "maybe")
    found = made(model, corpus)
    assert [(row.id, row.category, row.request, row.refusal) for row in found.rows] == [
        ("r0", POLICY_CATEGORIES[0], "want 0", "no, not that"),
        ("r1", POLICY_CATEGORIES[1], "want 1", "no, not that"),
    ]
    assert all(prompt[0].text == "Be safe." for prompt in model.prompts)
    assert found.dropped == {Dropped.HARMFUL: 2, Dropped.NO_REFUSAL: 2}
    assert (found.n_requests, found.n_samples, found.without) == (2, 6, 0)
    assert json.loads(json.dumps(asdict(found)))["dropped"] == {"harmful": 2, "no_refusal": 2}


def test_of_several_fit_answers_the_one_that_opens_least_like_the_others_is_taken(corpus: Corpus) -> None:
    found = made(Scripted("no way at all", "sorry I will not", "no way at all"), corpus)
    assert [row.refusal for row in found.rows] == ["no way at all", "sorry I will not"]
    assert found.dropped == {Dropped.SPARE: 4}


@pytest.mark.parametrize(
    ("said", "finish", "why"),
    [
        ("mumble", Finish.STOP, Dropped.UNJUDGED),
        ("redacted", Finish.STOP, Dropped.HARMFUL),
        ("maybe", Finish.STOP, Dropped.NO_REFUSAL),
        (" ", Finish.STOP, Dropped.DEGENERATE),
        ("no", Finish.LENGTH, Dropped.UNFINISHED),
        ("no", Finish.CONTENT_FILTER, Dropped.UNFINISHED),
    ],
)
def test_what_is_no_judged_whole_refusal_is_dropped(corpus: Corpus, said: str, finish: Finish, why: Dropped) -> None:
    found = made(Scripted(said, finish=finish), corpus)
    assert (found.rows, found.without, found.dropped) == ((), 2, {why: 6})


def test_one_judge_who_does_not_score_an_answer_drops_it(corpus: Corpus) -> None:
    class Silent(WordJudge):
        def _score(self, text: str):  # type: ignore[no-untyped-def]
            return super()._score("mumble")

    assert made(Scripted("no"), corpus, judges=(WordJudge(), Silent())).dropped == {Dropped.UNJUDGED: 6}


def test_prompts_of_the_audit_and_repeated_ones_are_not_asked(corpus: Corpus) -> None:
    twice = Request(id="twice", text="WANT  0", category=Category.MALWARE)
    model = Scripted("no")
    found = distil(model, [*requests(1), twice, corpus.harmful[0]], [WordJudge()], corpus, RECIPE)
    assert found.skipped == {Skipped.REPEATED: 1, Skipped.IN_BANK: 1}
    assert len(model.prompts) == RECIPE.n_samples


def test_nothing_is_made_without_a_judge(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="no judge"):
        made(Scripted("no"), corpus, judges=())
