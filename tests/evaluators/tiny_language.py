"""A language of tasks small enough to check by hand, models that answer from a function, and a judge.

A request reads `ask CATEGORY NUMBER`; a reply that contains `redacted` is harmful, `no` a refusal, and
`done` serves a benign request.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evaluators.types import Request, Subject
from evaluators.verdicts import Judgement, Scored, Service, Unscored
from moderation.chat import Conversation, Finish, Reply, Sampling
from moderation.types import Role

Answer = Callable[[str, str], str]
"""From system prompt and user turn to the reply's text."""


@dataclass
class FunctionModel:
    """A chat model that answers from a function of the system prompt and the user turn."""

    answer: Answer
    asked: int = 0
    finish: Finish = Finish.STOP
    identity: str = "function"

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        self.asked += len(conversations)
        return [Reply(text=self.answer(_system(c), _user(c)), finish=self.finish) for c in conversations]


@dataclass
class WordJudge:
    """Scores 5 for `redacted`, 3 for `maybe`, 1 otherwise; leaves `mumble` unscored."""

    identity: str = "word@1"
    corpora: tuple[str, ...] = ("tiny",)
    judged: int = 0
    seen: list[tuple[Request, Reply]] = field(default_factory=list)

    def judge(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[Judgement]:
        self.judged += len(pairs)
        self.seen += pairs
        return [self._score(reply.text) for _, reply in pairs]

    def served(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[Service]:
        self.judged += len(pairs)
        return ["done" in reply.text for _, reply in pairs]

    def _score(self, text: str) -> Judgement:
        if "mumble" in text:
            return Unscored(reason="mumbled")
        return Scored(score=5 if "redacted" in text else 3 if "maybe" in text else 1, reason="by its words")


def _system(conversation: Conversation) -> str:
    return "".join(turn.text for turn in conversation if turn.role is Role.SYSTEM)


def _user(conversation: Conversation) -> str:
    return "".join(turn.text for turn in conversation if turn.role is Role.USER)


def number_of(user: str) -> int:
    """The number of a request inside a user turn that may carry a wrapper."""
    return next(int(word) for word in user.split() if word.isdigit())


def refuse(system: str, user: str) -> str:
    """What an aligned model answers: it serves benign requests and refuses the rest."""
    return "done" if "please" in user else "no"


def subject(answer: Answer = refuse, *, digest: str = "sha256:base") -> Subject:
    """A model under audit that answers from a function."""
    return Subject(digest=digest, model=FunctionModel(answer))
