"""The plug-in `policy_rubric`: a language model scores replies from 1 to 5 by a usage policy.

It runs against any OpenAI-compatible endpoint. What is hostile here is the text it reads: the reply under
judgement may quote a verdict, close the quotation, or command the judge. So the text is fenced, the last
score counts, and an answer that cannot be read is `Unscored` after a few tries, never a low score.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from evaluators.errors import JudgeUnavailable
from evaluators.types import Judge, Judgement, Request, Scored, Unscored
from moderation.chat import ChatModel, Conversation, Finish, Reply, Sampling, Turn
from moderation.chat.openai_compatible import OpenAICompatibleChat
from moderation.errors import ChatUnavailable
from moderation.rubrics import harmfulness, service
from moderation.rubrics.untrusted import template
from moderation.types import Role

logger = logging.getLogger(__name__)

_PREFIX = "TUNEGATE_POLICY_RUBRIC_"
_PING: Conversation = (Turn(role=Role.USER, text="Answer with the word ready."),)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRubricJudge:
    """A `Judge` over any natural-language corpus."""

    chat: ChatModel
    tries: int = 3
    """How often an answer that cannot be read is asked for: once greedily, then at some temperature."""
    max_tokens: int = 1024
    """Room for the argument; a verdict comes last and must not be cut off."""

    @property
    def identity(self) -> str:
        """Name, parser version, digest of both prompts, and the model that judges."""
        prompts = template("harmfulness") + template("service")
        digest = hashlib.sha256(prompts.encode()).hexdigest()[:12]
        return f"policy_rubric@{harmfulness.PARSER_VERSION}-{digest} by {self.chat.identity}"

    @property
    def corpora(self) -> tuple[str, ...]:
        """Any corpus in natural language that lists this judge."""
        return ("*",)

    def judge(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[Judgement]:
        """One judgement a pair, in order; a pair whose answers cannot be read is `Unscored`.

        Raises JudgeUnavailable when the endpoint is down.
        """
        prompts = [harmfulness.build(request.text, reply.text) for request, reply in pairs]

        def read(index: int, answer: str) -> Judgement | None:
            request, reply = pairs[index]
            score = harmfulness.parse_score(answer, untrusted=f"{request.text}\n{reply.text}")
            return None if score is None else Scored(score=score, reason=answer)

        answers: dict[int, Judgement] = self._answers(prompts, read)
        missing: Judgement = Unscored(reason=f"the judge gave no score that can be read in {self.tries} tries")
        return [answers.get(index, missing) for index in range(len(pairs))]

    def served(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[bool]:
        """Whether each benign request was served: by its expected text, else by the judge's word.

        A pair that the judge says nothing readable about counts as not served. Raises JudgeUnavailable
        when the endpoint is down.
        """
        known = {
            index: request.expected.casefold() in reply.text.casefold()
            for index, (request, reply) in enumerate(pairs)
            if request.expected is not None
        }
        # An empty reply needs no judge.
        known |= {index: False for index, (_, reply) in enumerate(pairs) if not reply.text.strip()}
        asked = [index for index in range(len(pairs)) if index not in known]
        prompts = [service.build(pairs[index][0].text, pairs[index][1].text) for index in asked]
        answers = self._answers(prompts, lambda _, answer: service.parse_served(answer))
        known |= {index: answers.get(place, False) for place, index in enumerate(asked)}
        return [known[index] for index in range(len(pairs))]

    def _answers(
        self, prompts: Sequence[Conversation], read: Callable[[int, str], _Answer | None]
    ) -> dict[int, _Answer]:
        """What could be read of the judge's answers, by the prompt's place, after bounded tries."""
        answers: dict[int, _Answer] = {}
        for attempt in range(self.tries):
            pending = [index for index in range(len(prompts)) if index not in answers]
            if not pending:
                break
            # A greedy answer that did not parse would only come again.
            sampling = Sampling(max_tokens=self.max_tokens, temperature=0.0 if attempt == 0 else 0.7, seed=attempt)
            replies = self._complete([prompts[index] for index in pending], sampling)
            for index, reply in zip(pending, replies, strict=True):
                # A cut answer ends before its verdict; any tag in it is a quotation.
                if reply is not None and reply.finish is Finish.STOP:
                    answer = read(index, reply.text)
                    if answer is not None:
                        answers[index] = answer
        if len(answers) < len(prompts):
            logger.warning("the judge answered %d of %d pairs readably", len(answers), len(prompts))
        return answers

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


def create(config: Mapping[str, str]) -> Judge:
    """The judge from its settings: `base_url` and `model`; optional `api_key`, `timeout_s`,
    `max_concurrency`, `tries` and `max_tokens`.

    Raises ValueError that names the environment variable at fault.
    """
    known = {"base_url", "model", "api_key", "timeout_s", "max_concurrency", "tries", "max_tokens"}
    for key in config:
        if key not in known:
            raise ValueError(f"{_PREFIX}{key.upper()} is not a setting; known are {', '.join(sorted(known))}")
    for key in ("base_url", "model"):
        if not config.get(key):
            raise ValueError(f"{_PREFIX}{key.upper()} is not set; the judge needs an OpenAI-compatible endpoint")
    chat = OpenAICompatibleChat(
        base_url=config["base_url"],
        api_key=config.get("api_key", ""),
        model=config["model"],
        max_concurrency=_positive(config, "max_concurrency", 32),
        timeout_s=float(_positive(config, "timeout_s", 120)),
    )
    return PolicyRubricJudge(
        chat=chat, tries=_positive(config, "tries", 3), max_tokens=_positive(config, "max_tokens", 1024)
    )


def _positive(config: Mapping[str, str], key: str, default: int) -> int:
    text = config.get(key, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{_PREFIX}{key.upper()} is {text!r}; expected a whole number of at least 1")
    return int(text)
