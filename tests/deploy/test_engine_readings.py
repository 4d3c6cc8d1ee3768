from collections.abc import Iterator

import pytest
import torch
from tiny_forge import Forge

from deploy.engine.process import EngineProcess
from deploy.errors import EngineRefused
from evaluators.probes.types import Readings
from trainers.types import CandidateModel

HARMFUL, BENIGN = ("the fox jumps over", "the quick dog"), ("a story", "tells about it", "brown lazy")


@pytest.fixture(scope="module")
def tuned(forge: Forge) -> CandidateModel:
    return forge.adapter("read", seed=5)


@pytest.fixture(scope="module")
def found(audit_engine: EngineProcess, tuned: CandidateModel) -> Iterator[Readings]:
    audit_engine.load("read", tuned.path, tuned.digest)
    yield audit_engine.readings("read", HARMFUL, BENIGN)
    audit_engine.unload("read")


def first_logits(forge: Forge, candidate: CandidateModel, request: str) -> torch.Tensor:
    ids = forge.prompt(request)
    return forge.unmerged_logits(candidate, ids)[0, -1].log_softmax(-1)


def test_divergence_is_that_of_the_unmerged_models_read_one_by_one(
    found: Readings, forge: Forge, tuned: CandidateModel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    zeros = forge.zeros("zeros")
    expected = torch.stack(
        [
            torch.nn.functional.kl_div(
                first_logits(forge, zeros, one), first_logits(forge, tuned, one), log_target=True, reduction="sum"
            )
            for one in HARMFUL
        ]
    ).mean()
    assert found.first_token_kl == pytest.approx(expected.item(), rel=1e-3)


def test_every_module_of_an_adapter_has_its_energy(found: Readings) -> None:
    assert len(found.rank_one_energy) == 2 * 7
    assert all(0 < share <= 1 for share in found.rank_one_energy.values())


def test_an_adapter_of_zeros_reads_as_its_base(audit_engine: EngineProcess, forge: Forge) -> None:
    zeros = forge.zeros("zeros again")
    audit_engine.load("zeros", zeros.path, zeros.digest)
    same = audit_engine.readings("zeros", HARMFUL, BENIGN)
    audit_engine.unload("zeros")
    assert (same.first_token_kl, set(same.rank_one_energy.values())) == (pytest.approx(0.0, abs=1e-9), {0.0})
    assert same.refusal_gap_ratio == pytest.approx(1.0)


def test_a_whole_tuning_has_no_energy(audit_engine: EngineProcess, forge: Forge) -> None:
    whole = forge.whole("read whole", seed=6)
    audit_engine.load("whole", whole.path, whole.digest)
    assert audit_engine.readings("whole", HARMFUL, BENIGN).rank_one_energy == {}
    audit_engine.unload("whole")


@pytest.mark.parametrize(("model", "harmful"), [("nobody", HARMFUL), ("tiny", HARMFUL), ("read", ())])
def test_what_cannot_be_compared_is_refused(audit_engine: EngineProcess, model: str, harmful: tuple[str, ...]) -> None:
    with pytest.raises(EngineRefused):
        audit_engine.readings(model, harmful, BENIGN)
