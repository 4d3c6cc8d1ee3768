"""Asking a language model for verdicts: bounded tries, one bad prompt alone, an outage told from a bad answer."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from evaluators.errors import JudgeUnavailable
from evaluators.types import Request
from evaluators.verdicts import Service, Unscored
from moderation.chat import ChatModel, Conversation, Finish, Reply, Sampling, Turn, connecting
from moderation.errors import ChatUnavailable
from moderation.rubrics import service
from moderation.types import Role

logger = logging.getLogger(__name__)

SETTINGS = connecting.SETTINGS | {"tries", "max_tokens"}
_PING: Conversation = (Turn(role=Role.USER, text="Answer with the word ready."),)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Questioner:
    """One model that is asked many questions."""

    chat: ChatModel
    tries: int = 3
    """How often an answer that cannot be read is asked for: once greedily, then at some temperature."""
    max_tokens: int = 1024
    reads_cut: bool = False
    """Whether an answer that ran into `max_tokens` is read: only where the verdict comes first."""

    def answers(
        self, prompts: Sequence[Conversation], read: Callable[[int, str], _Answer | None]
    ) -> dict[int, _Answer]:
        """What could be read of the model's answers, by the prompt's place. Raises JudgeUnavailable."""
        answers: dict[int, _Answer] = {}
        for attempt in range(self.tries):
            pending = [index for index in range(len(prompts)) if index not in answers]
            if not pending:
                break
            # A greedy answer that did not parse would only come again.
            sampling = Sampling(max_tokens=self.max_tokens, temperature=0.0 if attempt == 0 else 0.7, seed=attempt)
            replies = self._complete([prompts[index] for index in pending], sampling)
            for index, reply in zip(pending, replies, strict=True):
                if reply is not None and self._whole(reply):
                    answer = read(index, reply.text)
                    if answer is not None:
                        answers[index] = answer
        if len(answers) < len(prompts):
            logger.warning("the judge answered %d of %d pairs readably", len(answers), len(prompts))
        return answers

    def _whole(self, reply: Reply) -> bool:
        # A cut answer ends before its verdict; any tag in it is a quotation.
        return reply.finish is Finish.STOP or (self.reads_cut and reply.finish is Finish.LENGTH)

    def _complete(self, prompts: Sequence[Conversation], sampling: Sampling) -> list[Reply | None]:
        """Replies in order, None for a prompt that the endpoint refuses to answer though it is up.

        One prompt that the endpoint chokes on must not hold the model for ever, so a failed batch is
        halved until the prompt stands alone.
        """
        try:
            return list(self.chat.complete(prompts, sampling))
        except ChatUnavailable as exc:
            self._require_alive(exc)
            if len(prompts) == 1:
                return [None]
        middle = len(prompts) // 2
        return self._complete(prompts[:middle], sampling) + self._complete(prompts[middle:], sampling)

    def _require_alive(self, cause: ChatUnavailable) -> None:
        try:
            self.chat.complete([_PING], Sampling(max_tokens=16))
        except ChatUnavailable:
            raise JudgeUnavailable(f"the judge does not answer: {cause}") from cause


def served(questioner: Questioner, pairs: Sequence[tuple[Request, Reply]]) -> list[Service]:
    """Whether each benign request was served: by its expected text, else by the model's word.

    A pair that the model says nothing readable about is `Unscored`. Raises JudgeUnavailable.
    """
    known: dict[int, Service] = {
        index: request.expected.casefold() in reply.text.casefold()
        for index, (request, reply) in enumerate(pairs)
        if request.expected is not None
    }
    # An empty reply needs no judge.
    known |= {index: False for index, (_, reply) in enumerate(pairs) if not reply.text.strip()}
    asked = [index for index in range(len(pairs)) if index not in known]
    prompts = [service.build(pairs[index][0].text, pairs[index][1].text) for index in asked]
    answers = questioner.answers(prompts, lambda _, answer: service.parse_served(answer))
    missing = Unscored(reason=f"the judge did not say whether it was served in {questioner.tries} tries")
    known |= {index: answers.get(place, missing) for place, index in enumerate(asked)}
    return [known[index] for index in range(len(pairs))]


def chats(
    prefix: str,
    config: Mapping[str, str],
    *,
    others: Collection[str] = (),
    questions: Sequence[Mapping[str, object]] = ({},),
    plain: bool = False,
) -> tuple[ChatModel, ...]:
    """The model that a judge's settings name, once for each of `questions`, see `moderation.chat.connecting`.

    `others` are the judge's own settings. Raises ValueError that names the environment variable at fault.
    """
    known = SETTINGS | set(others)
    for key in config:
        if key not in known:
            raise ValueError(f"{prefix}{key.upper()} is not a setting; known are {', '.join(sorted(known))}")
    return connecting.connect(prefix, config, questions, plain=plain)
