"""What a policy says of safety examples reaches the training set of a job."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from toy_shop import BASE, CORPUS, Toy, make_toy

from gateway.pipeline.injection import foreign
from gateway.pipeline.stages import JobStages
from gateway.store import decisions, events
from moderation.injection.safety_set import SafetySet, Writer


def manifest(toy: Toy, job_id: str) -> dict[str, Any]:
    stages = JobStages(toy.shop)
    stages.screen(job_id)
    stages.inject(job_id)
    found: dict[str, Any] = json.loads((toy.shop.job_dir(job_id) / "training_set" / "manifest.json").read_text())
    return found


def test_each_job_has_a_secret_of_its_own(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, injection={"ratio": 0.2, "secret_words": 8})
    secrets = [manifest(toy, toy.submit())["secret"] for _ in range(2)]
    assert secrets[0] != secrets[1]
    assert {len(secret.split()) for secret in secrets} == {8}


def test_a_policy_draws_from_the_set_it_names(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, injection={"ratio": 0.2, "safety_set": "own"})
    own = SafetySet(corpus="miniature", rows=CORPUS.safety[:1], digest="sha256:own")
    object.__setattr__(toy.shop, "safety_sets", {"own": own})
    assert set(manifest(toy, toy.submit())["safety_ids"]) == {CORPUS.safety[0].id}
    assert foreign("own", own, BASE) is None


def test_a_set_in_another_models_words_is_told_and_recorded(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, injection={"ratio": 0.2, "safety_set": "own"})
    ours, other = (Writer(name=name, digest=digest) for name, digest in (("mini", BASE.digest), ("big", "sha256:big")))
    own = SafetySet(corpus="miniature", rows=CORPUS.safety[:1], digest="sha256:own", writer=ours)
    assert foreign("own", own, BASE) is None
    object.__setattr__(toy.shop, "safety_sets", {"own": replace(own, writer=other)})
    job = toy.tell(toy.submit())
    with toy.shop.database.read() as session:
        (told,) = [event.message for event in events.all_of(session, job) if event.level == "warn"]
        recorded = [row.details.get("safety_set_writer") for row in decisions.entries(session, job.id)]
    assert "'own' was written by 'big', not by miniature" in told
    assert "sha256:big" in recorded


def test_a_set_that_is_not_here_fails_the_job_and_says_so(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, injection={"ratio": 0.2, "safety_set": "own"})
    job = toy.tell(toy.submit())
    assert job.error_code == "safety_set_unusable"
    assert "'own', which is not here" in str(job.error_message)
