"""Fields of a request's body, each taken out of it and checked. All raise EngineRefused that names the field."""

from typing import Any

from deploy.errors import EngineRefused


def text(fields: dict[str, Any], name: str) -> str:
    """A string that is not empty."""
    value = fields.pop(name, None)
    if not isinstance(value, str) or not value:
        raise EngineRefused(f"`{name}` must be given as a string.", param=name)
    return value


def flag(fields: dict[str, Any], name: str, *, default: bool = False) -> bool:
    """True or false."""
    value = fields.pop(name, default)
    if not isinstance(value, bool):
        raise EngineRefused(f"`{name}` must be true or false.", param=name)
    return value


def number(fields: dict[str, Any], name: str, default: float, *, low: float, high: float) -> float:
    """A number in a range."""
    value = fields.pop(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise EngineRefused(f"`{name}` must be a number from {low:g} to {high:g}.", param=name)
    return float(value)


def integer(fields: dict[str, Any], name: str, default: int | None, *, low: int, high: int) -> int | None:
    """A whole number in a range; None only by default."""
    value = fields.pop(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise EngineRefused(f"`{name}` must be a whole number from {low} to {high}.", param=name)
    return value
