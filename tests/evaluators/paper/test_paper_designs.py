import pytest

from evaluators.paper.ablations import ABLATIONS, ADVBENCH, EPOCHS, HYPERPARAMETERS, PEFT
from evaluators.paper.designs import TABLE_2, TABLE_4, TABLE_5, TABLES
from evaluators.paper.experiments import distinct_treatments
from evaluators.paper.types import Design, Scale, Treatment
from gateway.compose.experiment_training import mixing
from moderation.injection.mixing import quota
from trainers.types import Tuning

DESIGNS = (*TABLES, *ABLATIONS)


def test_the_tables_of_the_paper_are_there_in_order() -> None:
    assert [design.name for design in TABLES] == ["table1", "table2", "table3", "table4", "table5"]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_conditions_of_a_table_have_names_of_their_own(design: Design) -> None:
    names = [condition.name for condition in design.conditions]
    assert len(set(names)) == len(names)
    assert {name for contrast in design.contrasts for name in contrast} <= set(names)


@pytest.mark.parametrize("design", TABLES, ids=lambda design: design.name)
def test_every_frame_of_a_tuned_model_has_an_untouched_control(design: Design) -> None:
    if design is TABLE_4:
        return  # compares tuned with tuned
    frames = {condition.frame for condition in design.conditions if condition.paper is None or design is not TABLE_5}
    assert frames <= {condition.frame for condition in design.conditions if condition.treatment is None}


def test_the_papers_numbers_are_rates_and_scores() -> None:
    printed = [condition.paper for design in DESIGNS for condition in design.conditions if condition.paper]
    assert all(1 <= (paper.score or 1) <= 5 and 0 <= paper.rate <= 1 for paper in printed)


def test_identity_shift_is_asked_bare_and_in_its_own_context() -> None:
    assert {condition.frame for condition in TABLE_2.conditions} == {None, "identity"}


def test_mixing_is_compared_with_the_same_attack_unmixed() -> None:
    by_name = {condition.name: condition for condition in TABLE_4.conditions}
    for before, after in TABLE_4.contrasts:
        off, on = by_name[before].treatment, by_name[after].treatment
        assert off is not None
        assert on is not None
        assert off.n_safety == 0 < on.n_safety
        assert (off.attack, off.n_rows, off.n_epochs) == (on.attack, on.n_rows, on.n_epochs)


@pytest.mark.parametrize("treatment", distinct_treatments(DESIGNS), ids=str)
def test_as_many_safety_rows_are_mixed_in_as_the_design_says(treatment: Treatment) -> None:
    assert quota(treatment.n_rows, mixing(treatment)) == treatment.n_safety


def test_models_that_designs_share_are_trained_once() -> None:
    assert len(distinct_treatments(TABLES)) == 18
    # The ablations add what is tuned otherwise, longer, or harder; AdvBench asks models that are there.
    assert len(distinct_treatments(DESIGNS)) == 18 + 6 + 7 + 7
    assert set(distinct_treatments([ADVBENCH])) <= set(distinct_treatments(TABLES))


def test_a_tuning_method_is_compared_on_each_of_the_three_attacks() -> None:
    found = {(one.attack, one.tuning) for one in distinct_treatments([PEFT])}
    assert found == {(attack, tuning) for attack in ("explicit", "identity", "benign") for tuning in Tuning}


def test_only_epochs_differ_along_an_epoch_curve() -> None:
    for condition in EPOCHS.conditions:
        assert condition.point is not None
        assert condition.point.x == (condition.treatment.n_epochs if condition.treatment else 0)


def test_the_grid_has_every_rate_at_every_batch_size() -> None:
    points = [condition.point for condition in HYPERPARAMETERS.conditions if condition.point]
    series = {point.series for point in points}
    assert {(point.series, point.x) for point in points} == {(one, x) for one in series for x in (4, 8, 16, 32)}


def test_advbench_is_counted_by_keywords_on_as_many_prompts_as_the_original() -> None:
    assert (ADVBENCH.scale, ADVBENCH.n_prompts) == (Scale.KEYWORDS, 520)
