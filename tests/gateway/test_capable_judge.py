from collections.abc import Mapping

import pytest

from evaluators import corpus
from evaluators.errors import JudgeIncapable
from evaluators.types import Judge
from gateway.compose.back import capable_judge, require_second_judges
from gateway.errors import PluginError, PolicyError
from gateway.plugins import Plugins
from gateway.policy import PolicyBook, parse

RUBRIC = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
GUARD = {**RUBRIC, "format": "llama_guard"}


def judge(settings: Mapping[str, Mapping[str, str]]) -> Judge:
    return capable_judge(Plugins(config=lambda name: settings.get(name, {})), corpus.load("english"))


def judge_of(settings: Mapping[str, Mapping[str, str]]) -> str:
    return judge(settings).identity


def test_every_judge_that_is_configured_sits() -> None:
    identity = judge_of({"judge_guard": GUARD, "policy_rubric": RUBRIC, "keyword": {"smoke_test": "yes"}})
    assert [part.partition("@")[0] for part in identity.split(" + ")] == ["policy_rubric", "judge_guard", "keyword"]


def test_one_judge_sits_alone() -> None:
    assert " + " not in judge_of({"policy_rubric": RUBRIC})


def test_a_judge_with_a_wrong_setting_is_not_left_out() -> None:
    with pytest.raises(PluginError, match="TUNEGATE_HARMBENCH_TEMPLATE"):
        judge_of({"policy_rubric": RUBRIC, "harmbench": RUBRIC})


@pytest.mark.parametrize("settings", [{"judge_guard": GUARD}, {"keyword": {"smoke_test": "yes"}}])
def test_no_classifier_and_no_keyword_list_releases_alone(settings: Mapping[str, Mapping[str, str]]) -> None:
    with pytest.raises(JudgeIncapable, match="configure a full judge"):
        judge_of(settings)


def test_without_any_judge_nothing_starts() -> None:
    with pytest.raises(PluginError, match="no judge is configured"):
        judge_of({})


def test_a_policy_whose_second_judge_nobody_configured_stops_the_start() -> None:
    plain = {"screening": {"classifiers": {"linear": {"action": "block"}}}, "injection": {"ratio": 0}}
    book = PolicyBook(policies={"x": parse("x", plain | {"audit": {"second_judge": "judge_guard"}})})
    with pytest.raises(PolicyError, match=r"x\.audit\.second_judge is 'judge_guard', which is not configured"):
        require_second_judges(book, [judge({"policy_rubric": RUBRIC})])
    require_second_judges(book, [judge({"policy_rubric": RUBRIC, "judge_guard": GUARD})])
