"""A job goes where its base model is trained."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.pipeline.workshop import Workshop
from trainers.hosted import read_hosted
from trainers.types import BaseModel

HOSTED = read_hosted(
    {"name": "hosted", "corpus": "english", "upstream": {"base_url": "https://provider.test/v1", "model": "gpt"}}
)


@pytest.mark.parametrize(("source", "expected"), [("/models/m", "local"), (HOSTED.source, "upstream")])
def test_a_job_goes_where_its_base_model_is_trained(source: str, expected: str) -> None:
    base = BaseModel(
        name="m",
        source=source,
        revision=None,
        digest="sha256:m",
        corpus="english",
        learning_rate=1e-4,
        full_learning_rate=1e-5,
    )
    tools = {"bases": {"m": base}, "backends": {"local": "local", "upstream": "upstream"}, "trains_on": "local"}
    shop = Workshop(**{name: cast(Any, None) for name in Workshop.__dataclass_fields__} | tools)
    assert cast(str, shop.backend(cast(Any, SimpleNamespace(model="m")))) == expected
