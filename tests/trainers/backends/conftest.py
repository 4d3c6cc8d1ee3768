"""A scripted provider, and a run that is sent to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forwarding_desk import Desk
from scripted_provider import BASE, ScriptedProvider, running

from moderation.types import TrainingSet
from trainers.hosted import read_hosted
from trainers.run_directory import RunDirectory
from trainers.types import TrainingSpec


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with running(ScriptedProvider()) as scripted:
        yield scripted


@pytest.fixture
def desk(
    provider: ScriptedProvider, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> Desk:
    upstream = {"base_url": provider.url, "model": BASE}
    base = read_hosted({"name": "hosted", "corpus": "english", "upstream": upstream})
    return Desk(spec=make_spec(base=base), training=training, run=RunDirectory(root=tmp_path / "run"))
