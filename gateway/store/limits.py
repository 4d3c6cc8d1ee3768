"""Which limits there are, and the windows that they are counted in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


class Measure(StrEnum):
    """What is limited. A limit of 0, or none, is no limit."""

    REQUESTS = "requests_per_minute"
    TOKENS = "tokens_per_minute"
    """Of chat, prompts and answers together."""
    UPLOAD_BYTES = "upload_bytes_per_day"
    SCREENINGS = "screenings_per_day"
    """Files screened without training on them."""
    DETAILS = "details_per_hour"
    """Screening and audit reports read in full."""
    MODERATIONS = "moderated_texts_per_hour"
    """Texts scored for their own sake: by the classifiers that screen files, so who scores enough learns to pass."""
    JOBS_AT_ONCE = "jobs_at_once"
    """Jobs that workers have taken up and that have not ended; the others wait."""
    JOBS_IN_QUEUE = "jobs_in_queue"
    """Jobs that have not ended."""
    GPU_SECONDS = "gpu_seconds_per_month"
    """Seconds that training and audits of the project took, each on one accelerator."""
    BUDGET = "budget_per_month"
    """What tokens and GPU-seconds cost at the settings' prices, in hundredths of the currency's unit."""


OF_KEYS = (Measure.REQUESTS, Measure.TOKENS, Measure.UPLOAD_BYTES, Measure.DETAILS)
"""What a single key can be limited in; a project in everything."""
WINDOWS_S: Mapping[Measure, int] = {
    Measure.REQUESTS: MINUTE_S,
    Measure.TOKENS: MINUTE_S,
    Measure.DETAILS: HOUR_S,
    Measure.MODERATIONS: HOUR_S,
    Measure.UPLOAD_BYTES: DAY_S,
    Measure.SCREENINGS: DAY_S,
}
"""Fixed windows in UTC; the others are counted by calendar month, or are not counted but looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The limits of one key or project, by measure."""

    granted: Mapping[str, int] = field(default_factory=dict)
    """The operator's, in place of the settings'."""
    chosen: Mapping[str, int] = field(default_factory=dict)
    """Its organisation's: they take away and add nothing."""

    def least(self, usual: Mapping[Measure, int], measure: Measure) -> int:
        """The limit in force where `usual` are the settings'; 0 is none."""
        most = usual.get(measure, 0)
        if self.granted:  # asked of every chat: most keys have no limits of their own
            most = self.granted.get(measure, most)
        chosen = self.chosen.get(measure, 0) if self.chosen else 0
        return min(most, chosen) if most and chosen else most or chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What keys and projects may use where they have no limits of their own, and what it costs."""

    of_keys: Mapping[Measure, int] = field(default_factory=dict)
    of_projects: Mapping[Measure, int] = field(default_factory=dict)
    price_per_million_tokens: float = 0.0
    price_per_gpu_hour: float = 0.0

    def of_key(self, own: Own, measure: Measure) -> int:
        """The limit of a key with limits of its own; 0 is none."""
        return own.least(self.of_keys, measure)

    def of_project(self, own: Own, measure: Measure) -> int:
        """The limit of a project with limits of its own; 0 is none."""
        return own.least(self.of_projects, measure)

    def cost(self, *, tokens: int = 0, gpu_seconds: float = 0.0) -> int:
        """What a use costs, in millionths of the currency's unit: small uses add up without rounding away."""
        return round(tokens * self.price_per_million_tokens + gpu_seconds * self.price_per_gpu_hour / HOUR_S * 1e6)


COST_PER_BUDGET = 10_000
"""Millionths of a unit (what is counted) in a hundredth (what a budget is given in)."""


def window(measure: Measure, now: int) -> tuple[int, int]:
    """Start and end of the window that `now` lies in, in unix seconds."""
    length = WINDOWS_S.get(measure)
    if length is not None:
        start = now - now % length
        return start, start + length
    first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()), int(following.timestamp())


def checked(asked: Mapping[str, object], *, of_key: bool) -> dict[str, int]:
    """Limits as a key or project stores them. Raises `ValueError` that names what is wrong."""
    known = OF_KEYS if of_key else tuple(Measure)
    found = {}
    for name, value in asked.items():
        if name not in known:
            raise ValueError(f"there is no limit '{name}' here; expected some of {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 50:
            raise ValueError(f"{name} is {value!r}; expected an integer from 0 (no limit)")
        found[name] = value
    return found
