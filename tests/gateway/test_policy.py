from dataclasses import fields
from pathlib import Path

import pytest

from deploy.types import ReleasePolicy
from evaluators.probes.types import SignalLimits
from evaluators.types import AuditPolicy
from gateway import policy, policy_document
from gateway.errors import PolicyError
from gateway.policy import open_book, parse
from moderation.injection.mixing import InjectionPolicy
from moderation.screening.dropping import FlaggedAction
from moderation.screening.policies import CheckPolicy
from moderation.types import Action, Category
from trainers.types import LoraSpec, Restraints, SmallSets

INSTALLED = {
    "classifiers": {"encoder", "linear", "omni"},
    "detectors": {
        "identity",
        "triggers",
        "encoding",
        "refusals",
        "jailbreak_frames",
        "drift",
        "lineage",
        "bank_overlap",
    },
}
MINIMAL = {"screening": {"classifiers": {"linear": {"action": "block"}}}, "injection": {"ratio": 0.1}}


def test_every_shipped_policy_survives_its_own_document() -> None:
    book = open_book(Path("/nowhere/policy.toml"), **INSTALLED)
    for found in book.policies.values():
        again = parse(found.name, found.document)
        assert (again, again.digest) == (found, found.digest)


def test_every_shipped_policy_enforces_its_audit_but_shadow() -> None:
    book = open_book(Path("/nowhere/policy.toml"), **INSTALLED)
    enforcing = {name for name, found in book.policies.items() if found.release.action == Action.BLOCK}
    assert enforcing == set(book.policies) - {"shadow"}


def test_digest_changes_with_any_threshold() -> None:
    changed = {**MINIMAL, "audit": {"limit": 0.06}}
    assert parse("mine", MINIMAL).digest != parse("mine", changed).digest


def test_operators_policy_replaces_a_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[shadow.screening.classifiers.omni]\naction = "review"\n[shadow.injection]\nratio = 0.5\n')
    book = open_book(file, **INSTALLED)
    assert set(book.find("shadow").screening.classifiers) == {"omni"}
    assert "default" in book.policies


def test_all_mistakes_are_reported_together(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        '[mine.screening.classifiers.telepathy]\naction = "block"\n[mine.injection]\nratio = 1.0\n'
        '[yours.screening.classifiers.linear]\naction = "forgive"\n[yours.injection]\nratio = nan\n'
    )
    with pytest.raises(PolicyError) as caught:
        open_book(file, **INSTALLED)
    for part in ("telepathy", "installed are: encoder, linear, omni", "forgive", "yours.injection.ratio"):
        assert part in str(caught.value) or part == "forgive"


def test_a_policy_that_is_wrong_twice_says_both(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        'stray = 1\n[mine.screening]\nflagged_action = "hide"\n'
        '[mine.screening.classifiers.telepathy]\naction = "block"\nmax_flagged_share = 2\n'
        "[mine.screening.classifiers.telepathy.thresholds]\nspelling = 0.5\nmalware = 7\n"
    )
    with pytest.raises(PolicyError) as caught:
        open_book(file, **INSTALLED)
    said = str(caught.value)
    for part in (
        "stray is not a table",
        "flagged_action",
        "max_flagged_share",
        "spelling",
        "malware",
        "mine.injection",
    ):
        assert part in said
    assert "mine.screening.classifiers.telepathy: no such plug-in" in said


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("detectors.identity", 'action = "review"\nreview_threshold = 0.4'),
        ("detectors.identity", 'action = "block"\nreview_threshold = 0.5'),
        ("classifiers.linear", 'action = "block"\nreview_threshold = 0.4'),
    ],
)
def test_a_review_threshold_lies_below_a_block_of_a_detector(tmp_path: Path, kind: str, rule: str) -> None:
    file = tmp_path / "policy.toml"
    checks = {"classifiers.omni": 'action = "block"', kind: rule}
    tables = "".join(f"[mine.screening.{name}]\n{keys}\n" for name, keys in checks.items())
    file.write_text(tables + "[mine.injection]\nratio = 0.5\n")
    with pytest.raises(PolicyError, match="review_threshold"):
        open_book(file, **INSTALLED)


def test_thresholds_and_dropping_survive_the_document() -> None:
    check = {"action": "block", "max_flagged": 9, "max_flagged_share": 0.1, "thresholds": {"malware": 0.9}}
    screening = {"classifiers": {"linear": check}, "flagged_action": "drop"}
    policy = parse("mine", {**MINIMAL, "screening": screening})
    assert policy.screening.classifiers["linear"].threshold_of(Category.MALWARE) == 0.9
    assert policy.screening.flagged_action is FlaggedAction.DROP
    assert parse("mine", policy.document) == policy


def test_limits_of_categories_and_arms_survive_the_document() -> None:
    audit = {"category_limits": {"malware": 0.1}, "arms": {"language": {"limit": 0.1}, "context:1": {"margin": 0.01}}}
    policy = parse("mine", {**MINIMAL, "audit": audit})
    assert policy.audit.of_category(Category.MALWARE) == 0.1
    assert policy.audit.arms["context:1"].margin == 0.01
    assert parse("mine", policy.document) == policy


@pytest.mark.parametrize(
    ("audit", "complaint"),
    [
        ({"category_limits": {"data_lineage": 0.1}}, "no request of an audit is of the category data_lineage"),
        ({"arms": {"benign": {"limit": 0.1}}}, "no harmful arm has the name or kind benign"),
        ({"arms": {"standing:x": {"limitt": 0.1}}}, "limitt"),
    ],
)
def test_limits_of_what_no_audit_has_are_named(audit: dict[str, object], complaint: str) -> None:
    with pytest.raises(PolicyError, match=complaint):
        parse("mine", {**MINIMAL, "audit": audit})


def test_limits_of_signals_survive_the_document() -> None:
    mine = parse("mine", {**MINIMAL, "audit": {"signals": {"first_token_kl": 0.3}}})
    assert parse("mine", mine.document).audit.signals == SignalLimits(first_token_kl=0.3)


def test_the_constrained_loss_needs_a_lora() -> None:
    assert parse("mine", {**MINIMAL, "training": {"defence": "constrained"}}).training.defence == "constrained"
    with pytest.raises(PolicyError, match='defence = "constrained" needs tuning = "lora"'):
        parse("mine", {**MINIMAL, "training": {"defence": "constrained", "tuning": "full"}})


def test_restraints_need_a_lora_and_survive_the_document() -> None:
    restrained = {"restraints": {"ema_decay": 0.9, "frozen_share": 0.25}}
    mine = parse("mine", {**MINIMAL, "training": restrained})
    assert parse("mine", mine.document).training.restraints == Restraints(ema_decay=0.9, frozen_share=0.25)
    with pytest.raises(PolicyError, match='restraints need tuning = "lora"'):
        parse("mine", {**MINIMAL, "training": {**restrained, "tuning": "full"}})


def test_a_secret_that_can_be_guessed_is_none() -> None:
    with pytest.raises(PolicyError, match="at least 8"):
        parse("mine", {**MINIMAL, "injection": {"ratio": 0.1, "secret_words": 3}})


def test_policy_without_a_classifier_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"screening\.classifiers"):
        parse("blind", {"screening": {"classifiers": {}}, "injection": {"ratio": 0.0}})


@pytest.mark.parametrize("half", [{"share": 0.5}, {"optional": True}])
def test_policy_whose_every_classifier_may_leave_rows_unread_is_refused(half: dict[str, float | bool]) -> None:
    with pytest.raises(PolicyError, match="one must read every example"):
        parse("half", {**MINIMAL, "screening": {"classifiers": {"linear": {"action": "block", **half}}}})


def test_misspelt_key_is_refused_by_its_place() -> None:
    with pytest.raises(PolicyError, match=r"mine\.audit\.limmit"):
        parse("mine", {**MINIMAL, "audit": {"limmit": 0.9}})


def test_unknown_policy_names_those_that_exist() -> None:
    book = open_book(Path("/nowhere/policy.toml"), **INSTALLED)
    with pytest.raises(PolicyError, match="default"):
        book.find("lenient")


@pytest.mark.parametrize(
    ("domain", "section"),
    [
        (AuditPolicy, policy_document.Audit),
        (SignalLimits, policy_document.Signals),
        (ReleasePolicy, policy_document.Release),
        (CheckPolicy, policy_document.Check),
        (InjectionPolicy, policy_document.Injection),
        (LoraSpec, policy_document.Lora),
        (SmallSets, policy_document.SmallSets),
        (policy.WaitingPolicy, policy_document.Waiting),
        (policy.TrainingPolicy, policy_document.Training),
    ],
)
def test_every_setting_of_the_domain_can_be_written_in_a_policy(domain: type, section: type) -> None:
    assert {field.name for field in fields(domain)} == set(section.model_fields)
