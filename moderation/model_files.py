"""A model's files: a local directory or a download of the hub, data only, never code or pickles."""

import hashlib
from pathlib import Path

PATTERNS = ("*.json", "*.jinja", "*.model", "*.safetensors", "*.txt")
"""What is downloaded: configuration, tokenizer and weights that cannot run anything."""


def directory_of(named: str, variable: str, *, revision: str | None = None) -> Path:
    """The directory of that name, else a download of the model that the hub calls so.

    `revision` is a branch, tag or commit of the hub. Raises ValueError that names `variable` when neither can be had.
    """
    if Path(named).is_dir():
        return Path(named)
    # Imported here: an installation that only speaks to endpoints downloads nothing.
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        # Folders of a repository hold the same weights for other programs.
        found = snapshot_download(named, revision=revision, allow_patterns=list(PATTERNS), ignore_patterns="*/*")
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"{variable} is {named!r}, which is no directory and cannot be had from the hub: {error}"
        ) from error
    return Path(found)


def digest(directory: Path) -> str:
    """Hex SHA-256 over names and content of all files that `PATTERNS` describe."""
    total = hashlib.sha256()
    for path in sorted(path for pattern in PATTERNS for path in directory.glob(pattern)):
        with path.open("rb") as file:
            total.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()
