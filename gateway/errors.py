"""What can go wrong while the gateway is put together and run.

TunegateError
├── SettingsError  the environment cannot be used; every mistake at once
├── PluginError    a plug-in that is named does not exist or does not load
├── PolicyError    the policies cannot be used; every mistake at once
├── UnusableSubject  a model that an audit cannot be pointed at
├── BackupUnusable  a file that is no whole backup, or a place that is not empty
├── ApiError       a request that is refused, with what goes into OpenAI's envelope
└── StoreError     what the store refuses (gateway.store.errors)
"""

from collections.abc import Mapping

from moderation.errors import TunegateError


class SettingsError(TunegateError):
    """The environment cannot be used."""


class PluginError(TunegateError):
    """A plug-in that is named does not exist or does not load. Start-up stops."""


class PolicyError(TunegateError):
    """The policies cannot be used. Start-up stops."""


class UnusableSubject(TunegateError):
    """What was named as a model to audit, or as its base, is none; the message says what to write."""


class BackupUnusable(TunegateError):
    """The file is no whole backup, or the place it is to be restored to is not empty."""


class ApiError(TunegateError):
    """A request that is refused. SDKs show `message` only, so it says everything the user needs."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.type = type
        self.headers = headers or {}
        super().__init__(message)
