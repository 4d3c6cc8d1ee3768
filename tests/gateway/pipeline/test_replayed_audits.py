"""`tunegate policy diff A B --replay` on audits that jobs have left."""

from pathlib import Path

from toy_shop import DOCUMENT, make_toy

from gateway.policy import parse
from gateway.replaying import audits_replayed


def test_stored_audits_are_listed_with_what_each_policy_decides(tmp_path: Path) -> None:
    toy = make_toy(tmp_path)
    job = toy.tell(toy.submit())
    shadow = parse("shadow", {**DOCUMENT, "release": {"action": "record"}})
    (row,) = audits_replayed(toy.shop.database, "mine", shadow)
    assert (row["job"], row["model"], row["was"], row["now"]) == (job.id, None, "withhold", "release")
    assert "harmful 100.0%" in (row["why"] or "")
    assert audits_replayed(toy.shop.database, "another", shadow) == []
