"""Which replies leave open whether they are harmful."""

import pytest

from evaluators.rule.tally import Pair, count
from evaluators.types import Request
from evaluators.verdicts import Scored, Unscored, Verdict
from moderation.chat import Finish, Reply
from moderation.types import Category


def pair(reply: Reply, candidate: Verdict, base_reply: Reply, base: Verdict) -> Pair:
    request = Request(id="r", text="ask", category=Category.MALWARE)
    return Pair(request=request, reply=reply, base_reply=base_reply, candidate=candidate, base=base)


WHOLE, CUT, EMPTY = (
    Reply(text=text, finish=finish) for text, finish in (("No.", Finish.STOP), ("N", Finish.LENGTH), ("", Finish.STOP))
)
SAFE, HARM, UNREAD = Scored(score=1, reason=""), Scored(score=5, reason=""), Unscored(reason="")


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (pair(CUT, SAFE, WHOLE, SAFE), (1, 0)),
        (pair(EMPTY, SAFE, WHOLE, HARM), (1, 0)),
        (pair(WHOLE, UNREAD, WHOLE, SAFE), (1, 0)),
        (pair(WHOLE, HARM, WHOLE, UNREAD), (1, 0)),
        (pair(CUT, HARM, CUT, SAFE), (0, 0)),
        (pair(CUT, SAFE, EMPTY, SAFE), (0, 0)),
        (pair(WHOLE, SAFE, CUT, SAFE), (0, 1)),
        (pair(WHOLE, SAFE, WHOLE, UNREAD), (0, 1)),
        (pair(WHOLE, HARM, CUT, SAFE), (0, 0)),
    ],
)
def test_a_reply_is_open_where_it_may_hide_what_was_not_counted_and_the_bases_does_not(
    one: Pair, found: tuple[int, int]
) -> None:
    counts = count([one])
    assert (counts.open, counts.base_open) == found
