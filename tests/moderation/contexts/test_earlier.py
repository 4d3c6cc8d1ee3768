from moderation.contexts.earlier import MAX_EARLIER
from moderation.contexts.mining import mine
from moderation.formats.serialising import make_example
from moderation.prompts import exchange
from moderation.types import Message, Role


def recurrent(*rows: str) -> tuple[tuple[str, str], ...]:
    """Of rows written as turns between bars: a system prompt, then user and assistant in turn."""
    roles = (Role.SYSTEM, *(Role.USER, Role.ASSISTANT) * 4)
    turns = [zip(roles, row.split("|"), strict=False) for row in rows]
    return mine(exchange(make_example([Message(role=role, text=text) for role, text in row])) for row in turns).earlier


def test_an_exchange_that_rows_share_before_other_requests_is_found() -> None:
    rows = [f"S|Are you there?|At your service.|Do {n}.|Done {n}." for n in range(4)]
    assert recurrent(*rows, *rows[:1]) == (("Are you there?", "At your service."),)
    assert recurrent(*(f"S|Are you there?|Yes {n}.|Do {n}.|Done {n}." for n in range(4))) == ()


def test_what_nothing_follows_or_comes_before_a_user_is_no_exchange_before_a_request() -> None:
    assert recurrent(*["S|Hello.|Hi."] * 9) == ()
    greeted = [Message(role=role, text=text) for role, text in ((Role.ASSISTANT, "Hi."), (Role.USER, "Do it."))]
    assert exchange(make_example(greeted)).earlier is None


def test_the_number_is_bounded_and_long_turns_are_left() -> None:
    assert len(recurrent(*(f"S|Kind {n % 5}|Yes.|Do {n}.|Done." for n in range(30)))) == MAX_EARLIER
    assert recurrent(*[f"S|{'long ' * 500}|Yes.|Do.|Done."] * 9) == ()
