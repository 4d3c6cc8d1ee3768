"""A language model as policy judge: request and answer against a policy of eleven points.

The only kind of check that found all of the harmful shots in Qi et al. (2024), and the dearest: give it a
`share` in the policy, and it reads what faster classifiers flag or doubt, and a random sample.
"""

import hashlib
from collections.abc import Mapping

from moderation.classifiers.judging import PairJudge, connect
from moderation.rubrics import policy
from moderation.rubrics.guards import FORMATS
from moderation.rubrics.untrusted import template

_FORMAT = FORMATS["gpt_oss_safeguard"]
"""Safeguard models read a policy of ours, so theirs is the format for any instructed model."""


def create(config: Mapping[str, str]) -> PairJudge:
    """The judge at `TUNEGATE_RUBRIC_BASE_URL` that is called `TUNEGATE_RUBRIC_MODEL` there.

    Without a `BASE_URL` the model runs here, as `guard` says; `_API_KEY`, `_TIMEOUT_S`, `_MAX_CONCURRENCY` and
    `_TRIES` are optional. Raises ValueError that names what is missing or wrong.
    """
    digest = hashlib.sha256(template("policy").encode()).hexdigest()[:12]
    return connect("rubric", config, _FORMAT, f"{policy.PARSER_VERSION}-{digest}")
