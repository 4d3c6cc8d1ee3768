"""What the store can refuse.

TunegateError
└── StoreError
    ├── NotFound       the project has no such object; `kind` and `id` name it
    ├── UnknownCursor  `after` names no object of the list
    ├── JobIsOver      a job in a terminal state cannot be cancelled
    ├── UploadIsOver   an upload that ended takes no parts and ends no second time
    ├── LimitReached   a key or project has used what it may in this window
    ├── NameTaken      a project or organisation of that name exists
    ├── NotErasable    a project still runs jobs, or its models are in use
    ├── BlobTooLarge   more bytes came than are allowed
    └── StateUnavailable   what is kept cannot be reached or written now; nothing was decided, and a retry may help
        ├── DatabaseUnavailable
        └── BlobsUnavailable   also an OSError, as the file system's own are
"""

from moderation.errors import TunegateError


class StoreError(TunegateError):
    """Root of what the store refuses."""


class NotFound(StoreError):
    """The project has no such object. Another project's objects are not found either."""

    def __init__(self, kind: str, id: str) -> None:
        self.kind = kind
        self.id = id
        super().__init__(f"there is no {kind} '{id}'")


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
        super().__init__(f"Job {id} has already ended and cannot be cancelled.")


class UploadIsOver(StoreError):
    """The upload has ended: it takes no more parts and cannot end again."""

    def __init__(self, id: str, state: str) -> None:
        self.id = id
        self.state = state
        super().__init__(f"Upload {id} is {state}: it takes no more parts and cannot be completed or cancelled.")


class LimitReached(StoreError):
    """A key or a project has used what it may in this window."""

    def __init__(self, measure: str, *, limit: int, reset_s: int, amount: int = 0) -> None:
        self.measure = measure
        self.limit = limit
        self.reset_s = reset_s
        self.amount = amount
        super().__init__(f"the limit of {limit} {measure.replace('_', ' ')} is reached; it begins anew in {reset_s} s")


class NameTaken(StoreError):
    """Something of that name exists already."""


class NotErasable(StoreError):
    """A project cannot be erased yet; the message says what to wait for."""


class BlobTooLarge(StoreError):
    """More bytes came than are allowed."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        super().__init__(f"the file is larger than the allowed {max_bytes} bytes; split it")


class StateUnavailable(StoreError):
    """What is kept cannot be reached or written at the moment; what was to be written is not."""


class DatabaseUnavailable(StateUnavailable):
    """The database does not answer, is locked or full, or is another's standby."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the database cannot be used now: {why}")


class BlobsUnavailable(StateUnavailable, OSError):
    """The blob store does not answer, refuses, or is full."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the blob store cannot be used now: {why}")
