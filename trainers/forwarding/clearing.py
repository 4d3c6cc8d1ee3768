"""What a job that is over has at a provider, found by name and taken away."""

from collections.abc import Callable

from trainers.errors import Gone, NotNow, TrainingFailed
from trainers.forwarding.outcomes import is_going_on
from trainers.forwarding.provider import Provider
from trainers.hosted import Address, Leftovers, prefix_of


def clear(provider: Provider, base: Address, leftovers: Leftovers) -> int:
    """Delete what is to go; what is gone already is no error. Returns how much of it the provider will not delete.

    Files go last: by them the jobs are found whose models nobody wrote down, and those that could not be
    cancelled while the provider was down. Raises `NotNow` when it has to be called again, and `TrainingFailed`
    when the provider or Azure refuses the gateway itself.
    """
    prefix = prefix_of(leftovers.job_id)
    files = provider.files_named(prefix) if leftovers.files or leftovers.models else {}
    models = {one.model for one in leftovers.rejected}
    deployments = {one.deployment for one in leftovers.rejected if one.deployment}
    jobs = tuple(provider.jobs_on(files)) if files else ()
    if going_on := [job for job in jobs if is_going_on(job)]:
        for job in going_on:
            _refused(provider.cancel, job.id)
        raise NotNow("a job of ours that is over still ran there")
    if leftovers.models:
        models |= {job.model for job in jobs if job.model is not None}
        deployments |= set(provider.deployments.named(prefix) if provider.deployments is not None else ())
    refused = 0
    if provider.deployments is not None:  # a model that is deployed cannot be deleted
        for deployment in sorted(deployments - {one.deployment for one in leftovers.kept}):
            refused += _refused(provider.deployments.delete, deployment)
    for model in sorted(models - {one.model for one in leftovers.kept} - {base.model}):
        refused += _refused(provider.delete_model, model)
    for file in files if leftovers.files else ():
        refused += _refused(provider.delete_file, file)
    return refused


def _refused(end: Callable[[str], None], what: str) -> bool:
    """Whether one thing stays because the provider will not end it."""
    try:
        end(what)
    except Gone:
        return False
    except TrainingFailed as exc:
        if exc.code not in ("upstream_refused", "upstream_not_deployed"):
            raise
        return True
    return False
