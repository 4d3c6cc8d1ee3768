"""A report that lacks nothing but arms."""

from evaluators.types import AuditReport

SOUND_REPORT = AuditReport(
    subject_digest="sha256:candidate",
    base_digest="sha256:base",
    corpus="miniature",
    corpus_digest="sha256:corpus",
    policy_digest="sha256:policy",
    judge="miniature 1",
    sampling="greedy",
    arms=(),
    canaries_right=12,
    canaries=12,
    unscored=0,
    n_generations=660,
    attempt=1,
)
