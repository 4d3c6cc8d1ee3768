"""Where a model answers, told apart from what it is."""

from deploy.endpoints.types import Endpoint

__all__ = ["Endpoint"]
