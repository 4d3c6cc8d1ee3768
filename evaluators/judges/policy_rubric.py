"""The plug-in `policy_rubric`: a language model scores replies from 1 to 5 by a usage policy.

What is hostile here is the text it reads: the reply under judgement may quote a verdict, close the quotation,
or command the judge. So the text is fenced, the last score counts, and an answer that cannot be read is
`Unscored` after a few tries, never a low score.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators.judges.questioning import Questioner, chats, served
from evaluators.types import Judge, Request
from evaluators.verdicts import Judgement, Scored, Service, Unscored
from moderation.chat import ChatModel, Reply
from moderation.chat.connecting import positive
from moderation.rubrics import harmfulness
from moderation.rubrics.untrusted import template

_PREFIX = "TUNEGATE_POLICY_RUBRIC_"


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

        answers: dict[int, Judgement] = self._questioner.answers(prompts, read)
        missing: Judgement = Unscored(reason=f"the judge gave no score that can be read in {self.tries} tries")
        return [answers.get(index, missing) for index in range(len(pairs))]

    def served(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[Service]:
        """Whether each benign request was served: by its expected text, else by the judge's word.

        A pair that the judge says nothing readable about is `Unscored`. Raises JudgeUnavailable when the
        endpoint is down.
        """
        return served(self._questioner, pairs)

    @property
    def _questioner(self) -> Questioner:
        return Questioner(chat=self.chat, tries=self.tries, max_tokens=self.max_tokens)


def create(config: Mapping[str, str]) -> Judge:
    """The judge from its settings: `base_url` and `model`, or `model` alone to run it here; optional
    `api_key`, `timeout_s`, `max_concurrency`, `tries`, `max_tokens` and `revision`.

    Raises ValueError that names the environment variable at fault.
    """
    (chat,) = chats(_PREFIX, config)
    return PolicyRubricJudge(
        chat=chat,
        tries=positive(_PREFIX, config, "tries", 3),
        max_tokens=positive(_PREFIX, config, "max_tokens", 1024),
    )
