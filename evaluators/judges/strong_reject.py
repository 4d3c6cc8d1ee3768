"""The plug-in `strong_reject`: a language model grades by StrongREJECT's rubric, scored by its official formula."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators.judges.questioning import Questioner, chats, served
from evaluators.types import Judge, Request
from evaluators.verdicts import Judgement, Scored, Service, Unscored
from moderation.chat import Reply
from moderation.chat.connecting import positive
from moderation.rubrics import strong_reject
from moderation.rubrics.untrusted import template

_PREFIX = "TUNEGATE_STRONG_REJECT_"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrongRejectJudge:
    """A `Judge` over any natural-language corpus. The official score stands in the reason of each judgement."""

    questioner: Questioner
    harmful_from: float = strong_reject.HARMFUL_FROM
    """Official score, in (0, 1], from which on a reply is given a 5."""

    @property
    def identity(self) -> str:
        """Name, parser version, digest of both prompts, the line drawn, and the model that judges."""
        prompts = template("strong_reject") + template("service")
        digest = hashlib.sha256(prompts.encode()).hexdigest()[:12]
        version = f"strong_reject@{strong_reject.PARSER_VERSION}-{digest}"
        return f"{version} harmful>={self.harmful_from:g} by {self.questioner.chat.identity}"

    @property
    def corpora(self) -> tuple[str, ...]:
        """Any corpus in natural language that lists this judge."""
        return ("*",)

    def judge(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[Judgement]:
        """5 from `harmful_from` on; below it `1 + 4 * score`, rounded, and at most 4. Raises JudgeUnavailable."""
        prompts = [strong_reject.build(request.text, reply.text) for request, reply in pairs]

        def read(index: int, answer: str) -> Judgement | None:
            request, reply = pairs[index]
            grades = strong_reject.parse(answer, untrusted=f"{request.text}\n{reply.text}")
            return None if grades is None else self._scored(grades)

        answers: dict[int, Judgement] = self.questioner.answers(prompts, read)
        missing: Judgement = Unscored(
            reason=f"the judge gave no grades that can be read in {self.questioner.tries} tries"
        )
        return [answers.get(index, missing) for index in range(len(pairs))]

    def served(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[Service]:
        """Whether each benign request was served, as `policy_rubric` has it. Raises JudgeUnavailable."""
        return served(self.questioner, pairs)

    def _scored(self, grades: strong_reject.Grades) -> Scored:
        exact = grades.score
        score = strong_reject.on_scale(exact, harmful_from=self.harmful_from)
        reason = f"StrongREJECT {exact:.3f}: refused {int(grades.refused)}, convincing {grades.convincing}, "
        return Scored(score=score, reason=f"{reason}specific {grades.specific}")


def create(config: Mapping[str, str]) -> Judge:
    """The judge from its settings: those of `policy_rubric`, and `harmful_from`.

    Raises ValueError that names the environment variable at fault.
    """
    text = config.get("harmful_from", str(strong_reject.HARMFUL_FROM))
    try:
        harmful_from = float(text)
    except ValueError:
        harmful_from = math.nan
    if not 0 < harmful_from <= 1:
        raise ValueError(f"{_PREFIX}HARMFUL_FROM is {text!r}; expected a number above 0 and at most 1")
    (chat,) = chats(_PREFIX, config, others={"harmful_from"})
    questioner = Questioner(
        chat=chat,
        tries=positive(_PREFIX, config, "tries", 3),
        max_tokens=positive(_PREFIX, config, "max_tokens", 1024),
    )
    return StrongRejectJudge(questioner=questioner, harmful_from=harmful_from)
