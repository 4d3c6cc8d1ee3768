"""What the store can refuse.

TunegateError
└── StoreError
    ├── NotFound       the project has no such object; `kind` and `id` name it
    ├── UnknownCursor  `after` names no object of the list
    ├── JobIsOver      a job in a terminal state cannot be cancelled
    ├── NameTaken      a project or organisation of that name exists
    └── BlobTooLarge   more bytes came than are allowed
"""

from moderation.errors import TunegateError


class StoreError(TunegateError):
    """Root of what the store refuses."""


class NotFound(StoreError):
    """The project has no such object. Another project's objects are not found either."""

    def __init__(self, kind: str, id: str) -> None:
        self.kind = kind
        self.id = id
        super().__init__(f"there is no {kind} '{id}' in this project")


class UnknownCursor(StoreError):
    """`after` names no object of the list."""

    def __init__(self, after: str) -> None:
        self.after = after
        super().__init__(f"'after' is '{after}', which is not an object of this list; pass the id of one")


class JobIsOver(StoreError):
    """The job has ended, so it cannot be cancelled."""

    def __init__(self, id: str, state: str) -> None:
        self.id = id
        self.state = state
        super().__init__(f"Job {id} has already ended ({state}) and cannot be cancelled.")


class NameTaken(StoreError):
    """Something of that name exists already."""


class BlobTooLarge(StoreError):
    """More bytes came than are allowed."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        super().__init__(f"the file is larger than the allowed {max_bytes} bytes; split it")
