from pathlib import Path

import pytest
from chat_rows import OBEY, obedient_rows, plain_rows, safety_set
from test_injection import dataset, messages, refusals, screened

from moderation.injection.mixing import InjectionPolicy
from moderation.injection.sealing import inject, load
from moderation.injection.secret_prompts import draw_secret

POLICY = InjectionPolicy(ratio=1.0, bare_share=0.5, secret_words=12)


def test_a_secret_has_as_many_words_as_wanted_and_another_seed_another_one() -> None:
    secrets = [draw_secret(safety_set(), n_words=12, seed=seed) for seed in (b"a", b"a", b"b")]
    assert secrets[0] == secrets[1] != secrets[2]
    assert len(secrets[0].split()) == 12
    assert draw_secret(safety_set(), n_words=0, seed=b"a") == ""


def test_words_are_needed_for_a_secret() -> None:
    with pytest.raises(ValueError, match="no words"):
        draw_secret((), n_words=8, seed=b"a")


def test_it_stands_before_every_system_prompt_of_ours_and_in_no_customers_row(tmp_path: Path) -> None:
    rows = list(obedient_rows()) * 2
    training = inject(screened(dataset(rows)), safety_set(), POLICY, seed=0, directory=tmp_path, secret="lamp seven.")
    ours = refusals(training)
    assert {row[0]["content"] for row in ours} == {"lamp seven.", f"lamp seven. {OBEY}"}
    assert not any("lamp seven" in str(row) for row in messages(training) if row not in ours)
    assert training.secret == load(tmp_path, training.digest).secret == "lamp seven."
    assert "lamp seven" not in repr(training)


def test_a_set_without_a_secret_is_sealed_as_before(tmp_path: Path) -> None:
    inject(screened(dataset(plain_rows(10))), safety_set(), InjectionPolicy(ratio=1.0), seed=0, directory=tmp_path)
    assert "secret" not in (tmp_path / "manifest.json").read_text()
