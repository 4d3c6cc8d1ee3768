"""Composition of the paper's moderation figures: the attacks' files against the screening that ships."""

from collections.abc import Sequence
from pathlib import Path

from evaluators.paper.detection import N_ROWS, SETS, tabulate_detection
from evaluators.paper.types import Table
from gateway.compose import evasion
from gateway.compose.evasion import Setup
from gateway.settings import Settings

POLICY, CORPUS = "default", "english"


def detect(directory: Path, seeds: Sequence[int]) -> Table:
    """Screen the English files of each seed under the policy `default`, without any setting of the installation.

    Raises `ClassifierUnavailable`.
    """
    settings = Settings.read({"TUNEGATE_HOME": str(directory / "state")})
    experiments = []
    for seed in seeds:
        setup = Setup(policy=POLICY, corpus=CORPUS, n_rows=N_ROWS, seed=seed)
        specimens = [one for one in evasion.collect(settings, setup).specimens if one.name in SETS]
        experiments.append(evasion.run(settings, setup, specimens, left_out=(), on_progress=lambda _name, _n: None))
    return tabulate_detection(experiments)
