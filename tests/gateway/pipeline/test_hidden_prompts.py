"""What a policy says of safety examples reaches the training set of a job."""

import json
from pathlib import Path
from typing import Any

from toy_shop import CORPUS, Toy, make_toy

from gateway.pipeline.stages import JobStages
from moderation.injection.safety_set import SafetySet


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


def test_a_set_that_is_not_here_fails_the_job_and_says_so(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, injection={"ratio": 0.2, "safety_set": "own"})
    job = toy.tell(toy.submit())
    assert job.error_code == "safety_set_unusable"
    assert "'own', which is not here" in str(job.error_message)
