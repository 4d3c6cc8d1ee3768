"""Fetches a public benchmark from the hub, where its makers publish it there; it is then read as any path is."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RevisionNotFoundError,
)

from evaluators.benchmarks.sets import SETS


def fetch(name: str, revision: str, *, endpoint: str | None = None) -> Path:
    """The directory of a set's files at a revision of its hub repository, from the hub's cache where it is there.

    `endpoint` is another hub than HF_ENDPOINT. Raises `ValueError` that says what to do: the set is not on the hub,
    is gated, has no such revision, or the hub cannot be reached.
    """
    if name not in SETS:
        raise ValueError(f"there is no benchmark {name!r}; known are: {', '.join(sorted(SETS))}")
    wanted = SETS[name]
    if not wanted.hub:
        raise ValueError(f"{wanted.title} is not on the hub; get it from {wanted.source} and give its path")
    # Makers sort their files into folders as they like; `*` crosses these here.
    patterns = [f"*{pattern}" for part in wanted.parts for pattern in part.files]
    try:
        found = snapshot_download(
            wanted.hub, repo_type="dataset", revision=revision, allow_patterns=patterns, endpoint=endpoint
        )
    except GatedRepoError as exc:
        raise ValueError(
            f"{wanted.title} is gated: accept its terms at {wanted.source}, then set HF_TOKEN to that account's"
        ) from exc
    except RevisionNotFoundError as exc:
        raise ValueError(f"{wanted.hub} has no revision {revision!r}; give a commit of it") from exc
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as exc:
        raise ValueError(
            f"{wanted.title} could not be fetched from the hub ({type(exc).__name__}); check the network, or get it "
            f"from {wanted.source} and give its path"
        ) from exc
    return Path(found)
