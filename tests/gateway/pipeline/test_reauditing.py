"""Released models are audited again when what judged them changed, and revoked when they fail or are overdue."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy_shop
from toy_shop import CORPUS, DOCUMENT, Toy, make_toy

from evaluators.benchmarks.redrawing import halves, redrawn
from evaluators.errors import JudgeUnavailable
from gateway.pipeline.workshop import Workshop
from gateway.policy import Policy, parse
from gateway.store import decisions, events, reaudits, released
from gateway.store.errors import NotFound
from gateway.store.models import JobState, Model
from gateway.store.records import Reaudit
from gateway.worker.reauditing import DAY_S, Reauditor

MIXED = {"injection": {"ratio": 1.0}}
"""With safety examples the toy's trainer makes a model that behaves."""


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    made = make_toy(tmp_path, **MIXED)
    assert made.tell(made.submit()).state == JobState.RELEASED
    return made


def changed(toy: Toy, **tables: Any) -> Reauditor:
    """A worker that started after the policy was edited."""
    return Reauditor(replace(toy.shop, book={"mine": edited(**tables)}))


def edited(**tables: Any) -> Policy:
    audit = {**DOCUMENT["audit"], "limit": 0.39}
    return parse("mine", {**DOCUMENT, **MIXED, "audit": audit, **tables})


def with_other_prompts(toy: Toy) -> Workshop:
    """The workshop after the prompt bank was changed."""
    return replace(
        toy.shop, corpora={"miniature": redrawn(replace(CORPUS, digest="sha256:new"), b"s" * 32, n_asked=11)}
    )


def the_model(toy: Toy) -> Model:
    with toy.shop.database.read() as session:
        return session.query(Model).one()


def newest(toy: Toy) -> Reaudit:
    with toy.shop.database.read() as session:
        return reaudits.of_model(session, the_model(toy).name)[0]


def log_of(toy: Toy) -> list[str]:
    with toy.shop.database.read() as session:
        return [entry.kind for entry in decisions.entries(session)][3:]


def test_nothing_is_audited_again_while_nothing_changed(toy: Toy) -> None:
    worker = Reauditor(toy.shop)
    worker.look()
    assert not worker.audit_next()


def test_a_changed_policy_asks_once_and_a_model_that_passes_stands_under_it(toy: Toy) -> None:
    worker = changed(toy)
    worker.look()
    worker.look()
    assert (newest(toy).outcome, newest(toy).due_at) == (None, 100 + 30 * DAY_S)
    assert (worker.audit_next(), worker.audit_next()) == (True, False)
    worker.look()
    assert (newest(toy).outcome, log_of(toy)) == ("passed", ["reaudit"])
    assert the_model(toy).revoked_at is None
    with toy.shop.database.read() as session:
        assert reaudits.waiting(session) == []


def test_a_scaled_model_is_not_asked_what_its_factor_was_chosen_on(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["scale"]})
    assert toy.tell(toy.submit()).state == JobState.RELEASED
    toy.engines.asked.clear()
    shutil.rmtree(toy.shop.replies)  # what was answered is not asked again
    worker = changed(toy, injection=DOCUMENT["injection"])
    worker.look()
    worker.audit_next()
    (asked,) = toy.engines.asked.values()
    chosen_on, sealed = (frozenset(request.text for request in half.harmful) for half in halves(CORPUS))
    assert (newest(toy).outcome, len(asked & sealed), len(asked & chosen_on)) == ("passed", 11, 0)


def test_a_model_that_fails_is_revoked_with_an_entry_in_the_log_and_events(toy: Toy, monkeypatch) -> None:
    monkeypatch.setattr(toy_shop, "UNSAFE_FROM", 5.0)
    worker = Reauditor(with_other_prompts(toy))
    worker.look()
    assert newest(toy).reasons == ["prompts: the bank that it was audited with was changed"]
    worker.audit_next()
    model = the_model(toy)
    assert (newest(toy).outcome, model.revoked_at, log_of(toy)) == ("failed", 100, ["reaudit", "revoke"])
    with toy.shop.database.read() as session:
        assert released.in_service(session, model.name) is None
        said = [event.message for event in events.all_of(session, toy.job(model.job_id))]
    assert "The model was revoked: it failed its re-audit" in said[-1]


@pytest.mark.parametrize(("unaudited", "gone"), [("revoke", True), ("keep", False)])
def test_what_could_not_be_audited_by_the_deadline_is_revoked_unless_the_policy_keeps_it(
    toy: Toy, monkeypatch, unaudited: str, gone: bool
) -> None:
    def down(self: object, pairs: object) -> None:
        raise JudgeUnavailable("the judge is down")

    monkeypatch.setattr(toy_shop.WordJudge, "judge", down)
    worker = changed(toy, reaudit={"within_days": 1.0, "unaudited": unaudited})
    worker.look()
    worker.audit_next()
    assert (newest(toy).outcome, newest(toy).detail) == (None, "the judge is down")
    toy.clock[0] += DAY_S
    worker.look()
    assert (newest(toy).outcome, the_model(toy).revoked_at is not None) == ("overdue", gone)
    assert log_of(toy) == (["reaudit", "revoke"] if gone else ["reaudit"])


def test_a_model_whose_base_is_another_now_cannot_be_audited_and_is_revoked_in_the_end(toy: Toy) -> None:
    bases = {"miniature": replace(toy_shop.BASE, digest="sha256:other")}
    worker = Reauditor(replace(toy.shop, bases=bases))
    worker.look()
    worker.audit_next()
    assert "not there any more" in newest(toy).detail
    toy.clock[0] += 30 * DAY_S
    worker.look()
    assert the_model(toy).revoked_at is not None


def test_a_project_without_a_policy_has_its_models_revoked_at_the_deadline(toy: Toy) -> None:
    worker = Reauditor(replace(toy.shop, book={}))
    worker.look()
    assert not worker.audit_next()
    toy.clock[0] += 30 * DAY_S
    worker.look()
    assert newest(toy).outcome == "overdue"
    assert the_model(toy).revoked_at is not None


def test_a_policy_may_only_list(toy: Toy) -> None:
    worker = changed(toy, reaudit={"within_days": 0})
    worker.look()
    with toy.shop.database.read() as session:
        assert reaudits.waiting(session) == []


def test_a_change_that_was_taken_back_asks_for_nothing_any_more(toy: Toy) -> None:
    changed(toy).look()
    Reauditor(toy.shop).look()
    assert newest(toy).outcome == "superseded"
    assert log_of(toy) == []


def test_a_doubtful_model_stays_when_a_person_keeps_it(toy: Toy) -> None:
    worker = changed(toy, audit={**DOCUMENT["audit"], "max_arms": 7})
    worker.look()
    worker.audit_next()
    assert (newest(toy).outcome, newest(toy).finished_at) == ("review", None)
    name = the_model(toy).name
    with toy.shop.database.write() as session:
        reaudits.keep(session, name, why="looked at by hand", actor="operator", now=150)
        with pytest.raises(NotFound):
            reaudits.keep(session, name, why="again", actor="operator", now=150)
    toy.clock[0] += 60 * DAY_S
    worker.look()
    assert (newest(toy).outcome, the_model(toy).revoked_at) == ("kept", None)
    assert log_of(toy) == ["reaudit", "reaudit"]


def test_a_worker_that_died_gives_its_re_audit_back(toy: Toy) -> None:
    worker = changed(toy)
    worker.look()
    with toy.shop.database.write() as session:
        assert reaudits.claim(session, now=100) is not None
        assert reaudits.claim(session, now=100) is None
        assert reaudits.claim(session, now=100 + reaudits.LEASE_S) is not None


def test_a_model_that_was_deleted_meanwhile_is_not_audited_any_more(toy: Toy) -> None:
    worker = changed(toy)
    worker.look()
    with toy.shop.database.write() as session:
        released.revoke(session, the_model(toy).name, why="a drill", actor="operator", now=100)
    assert not worker.audit_next()
    worker.look()
    assert (newest(toy).outcome, log_of(toy)) == ("superseded", ["revoke"])


def test_to_edit_a_policy_again_moves_no_deadline_and_a_change_that_returns_is_asked_for_again(toy: Toy) -> None:
    changed(toy).look()
    toy.clock[0] += 5 * DAY_S
    changed(toy, release={"action": "review"}).look()
    assert (newest(toy).opened_at, newest(toy).due_at) == (100 + 5 * DAY_S, 100 + 30 * DAY_S)
    Reauditor(toy.shop).look()
    toy.clock[0] += DAY_S
    changed(toy).look()
    assert (newest(toy).outcome, newest(toy).due_at) == (None, 100 + 36 * DAY_S)


def test_a_forced_release_that_fails_again_waits_for_a_person(toy: Toy, monkeypatch) -> None:
    monkeypatch.setattr(toy_shop, "UNSAFE_FROM", 5.0)
    with toy.shop.database.write() as session:
        model = session.query(Model).one()
        model.attestation = model.attestation | {"forced": True}
    worker = Reauditor(with_other_prompts(toy))
    worker.look()
    worker.audit_next()
    assert (newest(toy).outcome, the_model(toy).revoked_at) == ("review", None)
