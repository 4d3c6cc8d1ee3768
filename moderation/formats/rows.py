"""Checking one row of a training file in any of the formats.

Each row is read as the conversations that it teaches, so that every classifier and detector sees
all of it without knowing the format:

    chat            the conversation
    preference      two: the prompt with the preferred, and with the non-preferred answer
    reinforcement   the prompt, and every other text of the row as answers, which a grader looks for
    completion      the prompt as the user's turn, the completion as the assistant's
"""

from collections.abc import Mapping

from moderation.file_format import CHAT_KEYS, NAMES, NON_PREFERRED, PREFERRED, Format, recognise
from moderation.formats.chat_rows import Row, read_messages, read_row, read_settings
from moderation.formats.complaints import Complaints, kind, quote
from moderation.formats.declarations import apart, strings_in
from moderation.formats.functions import within_depth
from moderation.types import Message, Role

Rows = tuple[Row, ...]
_INPUT_KEYS = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})


def read(value: object, format_: Format, complaints: Complaints) -> Rows:
    """Return the conversations of a parsed JSON value in a file of that format; none when there were complaints."""
    if isinstance(value, dict):
        found = recognise(value)
        if found is not None and found is not format_ and not _both_have_messages(found, format_):
            begins = NAMES[format_]
            complaints.say(f"is {NAMES[found]} in a file that begins with {begins}; give each a file of its own")
            return ()
        if format_ is not Format.CHAT:
            return _READERS[format_](value, complaints)
    row = read_row(value, complaints)
    return () if row is None else (row,)


def _both_have_messages(one: Format, other: Format) -> bool:
    """Whether the difference is one that the reader of the row explains better: who speaks last."""
    return {one, other} == {Format.CHAT, Format.REINFORCEMENT}


def _preference(row: Mapping[str, object], complaints: Complaints) -> Rows:
    for key in sorted(row.keys() - {"input", *PREFERRED, *NON_PREFERRED}):
        complaints.say(f"contains an extra {quote(key)}; the keys are input, preferred_output and non_preferred_output")
    asked, tools = _input(row.get("input"), complaints)
    sides = [_side(row, keys, complaints) for keys in (PREFERRED, NON_PREFERRED)]
    if complaints.problems:
        return ()
    return tuple(Row(messages=asked + side, tools=tools, rejected=bool(place)) for place, side in enumerate(sides))


def _input(given: object, complaints: Complaints) -> tuple[tuple[Message, ...], str | None]:
    if not isinstance(given, dict):
        is_what = "is missing" if given is None else f"is a {kind(given)}"
        complaints.say(f"input {is_what}; expected an object with messages")
        return (), None
    complaints.only(given, _INPUT_KEYS, "input")
    messages = read_messages(given.get("messages"), "input.messages", complaints)
    if not messages and not complaints.problems:
        complaints.say("input.messages is empty; a preference needs a prompt")
    return messages, read_settings(given, complaints)


def _side(row: Mapping[str, object], keys: tuple[str, str], complaints: Complaints) -> tuple[Message, ...]:
    """Return the messages of one side; a bare object is read as a list of one."""
    given = [key for key in keys if key in row]
    if len(given) != 1:
        complaints.say(f"has both {keys[0]} and {keys[1]}" if given else f"is missing key {quote(keys[0])}")
        return ()
    at = given[0]
    output = row[at]
    messages = read_messages([output] if isinstance(output, dict) else output, at, complaints)
    if not complaints.problems and not any(message.role is Role.ASSISTANT for message in messages):
        complaints.say(f"{at} has no assistant message; expected one that answers the prompt")
    elif not complaints.problems and len(messages) > 1:
        complaints.say(f"{at} has {len(messages)} messages; expected one answer; earlier turns go to input")
    return messages


def _reinforcement(row: Mapping[str, object], complaints: Complaints) -> Rows:
    tools = read_settings(row, complaints)
    messages = read_messages(row.get("messages"), "messages", complaints)
    if not complaints.problems and (not messages or messages[-1].role is not Role.USER):
        complaints.say(
            "does not end with the user's turn, as the file's first row and every reinforcement (RFT) row does; "
            "if these are chat rows, give the first row the answer that it lacks"
        )
    reference = {key: row[key] for key in sorted(row.keys() - CHAT_KEYS)}
    if not within_depth(reference, complaints.limits.max_depth):
        complaints.say(f"its reference fields are nested more than {complaints.limits.max_depth} levels deep")
    elif reference:
        # What a grader compares with is what is learnt, its keys included.
        texts = [complaints.string(text, "a reference field") for text in apart(strings_in(reference))]
        messages += tuple(Message(role=Role.ASSISTANT, text=text) for text in texts)
    return () if complaints.problems else (Row(messages=messages, tools=tools),)


def _completion(row: Mapping[str, object], complaints: Complaints) -> Rows:
    for key in sorted(row.keys() - {"prompt", "completion"}):
        complaints.say(f"contains an extra {quote(key)}; the keys are prompt and completion")
    prompt = complaints.string(row.get("prompt"), "prompt")
    completion = complaints.string(row.get("completion"), "completion")
    messages = (Message(role=Role.USER, text=prompt), Message(role=Role.ASSISTANT, text=completion))
    return () if complaints.problems else (Row(messages=messages, tools=None),)


_READERS = {
    Format.PREFERENCE: _preference,
    Format.REINFORCEMENT: _reinforcement,
    Format.COMPLETION: _completion,
}
