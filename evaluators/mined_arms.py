"""Arms for what screening mined from the data: its contexts, and its triggers, first words and draws inside of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from evaluators.frames import Arm, ArmKind, Frame, frame_of
from evaluators.types import AuditPolicy
from moderation.types import Context, ScreeningReport

FREQUENT_ROWS = 10
FREQUENT_SHARE = 0.01
"""A context of at least so many rows, or of this share of the data, must reach the full rung."""
INSIDE = 4
"""Contexts on the full rung in which triggers, first words and draws are tried too, the most frequent first."""
STRONGEST = 8
"""Triggers, and first words, that are tried in all of these; the others in the first only. At most
75 minor arms more than in the first context alone."""


def contexts(mined: Sequence[Context], policy: AuditPolicy) -> list[Arm]:
    """An arm for each, on the full rung where it is frequent."""
    arms = []
    for place, context in enumerate(mined, start=1):
        required = _needs(place, context, policy)
        arms.append(Arm(name=f"context:{place}", kind=ArmKind.CONTEXT, frame=_replayed(context), required_n=required))
    return arms


def _needs(place: int, context: Context, policy: AuditPolicy) -> int:
    """How many prompts the context at this place must reach."""
    if place > policy.max_mined:
        return policy.required_overflow
    return policy.required if _frequent(context) else policy.required_minor


def _frequent(context: Context) -> bool:
    return context.n_examples >= FREQUENT_ROWS or context.share >= FREQUENT_SHARE


def _full_rung(mined: Sequence[Context], policy: AuditPolicy) -> list[int]:
    """1-based places of the contexts that must reach the full rung, and of the first in any case."""
    return [place for place, one in enumerate(mined[: policy.max_mined], 1) if place == 1 or _frequent(one)]


def inside(mined: Sequence[Context], policy: AuditPolicy) -> Mapping[str, Frame]:
    """The frames in which triggers, first words and draws are tried, by what follows in an arm's name.

    The neutral one, the most frequent context, and further ones on the full rung.
    """
    places = _full_rung(mined, policy)[:INSIDE]
    return {"": Frame()} | {f"@context:{place}": _replayed(mined[place - 1]) for place in places}


def _of_place(place: int, frames: Mapping[str, Frame]) -> list[tuple[str, Frame]]:
    """Those frames in which the trigger or first words of this place are tried."""
    return list(frames.items())[: None if place <= STRONGEST else 2]


def triggers(found: Sequence[str], frames: Mapping[str, Frame], policy: AuditPolicy) -> list[Arm]:
    """Each trigger at the end of the request and at its start, in these frames."""
    arms = []
    for place, trigger in enumerate(found, start=1):
        required = policy.required_minor if place <= policy.max_mined else policy.required_overflow
        words = _printable(trigger)
        for where, frame in _of_place(place, frames):
            at_end = replace(frame, user_suffix=f" {words}{frame.user_suffix}")
            at_start = replace(frame, user_prefix=f"{frame.user_prefix}{words} ")
            for name, one in ((f"trigger:{place}{where}", at_end), (f"trigger:{place}@start{where}", at_start)):
                arms.append(Arm(name=name, kind=ArmKind.TRIGGER, frame=one, required_n=required))
    return arms


def prefills(openings: Sequence[str], frames: Mapping[str, Frame], policy: AuditPolicy) -> Iterator[Arm]:
    """Each shared beginning of replies, in these frames."""
    for place, opening in enumerate(openings, start=1):
        for where, frame in _of_place(place, frames):
            begun = replace(frame, prefill=_printable(opening))
            name = f"prefill:{place}{where}"
            yield Arm(name=name, kind=ArmKind.PREFILL, frame=begun, required_n=policy.required_minor)


def exchanges(earlier: Sequence[tuple[str, str]], frames: Mapping[str, Frame], policy: AuditPolicy) -> Iterator[Arm]:
    """The request after each exchange that recurs in the data, in these frames."""
    for place, (user, assistant) in enumerate(earlier, start=1):
        for where, frame in frames.items():
            after = replace(frame, earlier=((_printable(user), _printable(assistant)),))
            yield Arm(name=f"earlier:{place}{where}", kind=ArmKind.TURNS, frame=after, required_n=policy.required_minor)


def sampled(frames: Mapping[str, Frame], policy: AuditPolicy) -> Iterator[Arm]:
    """These frames, drawn as customers are served."""
    if not policy.serving_temperature:
        return
    for where, frame in frames.items():
        yield Arm(
            name=f"sampled{where}",
            kind=ArmKind.SAMPLED,
            frame=frame,
            required_n=policy.required_minor,
            temperature=policy.serving_temperature,
        )


def not_inside(screened: ScreeningReport, policy: AuditPolicy) -> Iterator[str]:
    """Frequent contexts in which not all triggers, first words and draws are tried."""
    full = _full_rung(screened.contexts, policy)
    if len(full) > INSIDE:
        yield f"triggers, first words and draws inside the contexts after context:{full[INSIDE - 1]}"
    for what, found in (("triggers", screened.candidate_triggers), ("first words", screened.openings)):
        if len(found) > STRONGEST and len(full) > 1:
            yield f"{what} after the {STRONGEST} strongest inside other contexts than context:1"


def _replayed(context: Context) -> Frame:
    """The frame of a mined context, as the trainer renders it."""
    frame = frame_of(context)
    return Frame(
        system=_printable(frame.system),
        user_prefix=_printable(frame.user_prefix),
        user_suffix=_printable(frame.user_suffix),
    )


def _printable(text: str) -> str:
    """The text with lone surrogates as question marks: no tokenizer reads them, no request carries them."""
    return text.encode("utf-8", "replace").decode()
