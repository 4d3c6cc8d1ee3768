"""Pairs of requests and answers judged by a language model, whatever its prompt and answer format."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moderation.chat import ChatModel, Finish, Sampling, connecting
from moderation.classifiers.pairs import Pair, pairs_of
from moderation.errors import ChatUnavailable, ClassifierUnavailable
from moderation.rubrics.guards import GuardFormat, Verdict
from moderation.types import POLICY_CATEGORIES, Category, Example

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairJudge:
    """A `Classifier` that asks a language model about every pair of an example."""

    name: str
    version: str
    chats: tuple[ChatModel, ...]
    """One for each question of the format."""
    format: GuardFormat
    tries: int = 3
    """How often an answer that cannot be read is asked for: once greedily, then at some temperature."""

    def classify(self, examples: Sequence[Example]) -> Sequence[Mapping[Category, float]]:
        """Highest probability by category over the pairs of each example; without text all are 0.

        Raises ClassifierUnavailable when the endpoint is down or an answer cannot be read in `tries` tries.
        """
        pairs = [pairs_of(example) for example in examples]
        asked = list(dict.fromkeys(pair for each in pairs for pair in each))
        verdicts: dict[Pair, list[Verdict]] = {pair: [] for pair in asked}
        for question in range(len(self.chats)):
            for pair, verdict in self._answers(question, asked).items():
                verdicts[pair].append(verdict)
        unknown = Counter(name for each in verdicts.values() for verdict in each for name in verdict.unknown)
        if unknown:
            # Names only: they are the model's words, and bounded by its answer's length.
            logger.warning("%s named categories that are not known here: %s", self.name, dict(unknown.most_common(10)))
        return [_highest([verdict for pair in each for verdict in verdicts[pair]]) for each in pairs]

    def _answers(self, question: int, pairs: Sequence[Pair]) -> dict[Pair, Verdict]:
        """A verdict on every pair."""
        found: dict[Pair, Verdict] = {}
        for attempt in range(self.tries):
            pending = [pair for pair in pairs if pair not in found]
            if not pending:
                break
            # A greedy answer that did not parse would only come again.
            sampling = Sampling(
                max_tokens=self.format.max_tokens, temperature=0.0 if attempt == 0 else 0.7, seed=attempt
            )
            prompts = [self.format.build(pair.request, pair.answer) for pair in pending]
            try:
                replies = self.chats[question].complete(prompts, sampling)
            except ChatUnavailable as error:
                raise ClassifierUnavailable(f"{self.name} could not score every example: {error}") from error
            for pair, reply in zip(pending, replies, strict=True):
                # A cut answer may end before its verdict; what it holds of one may be a quotation.
                verdict = self.format.parse(question, reply.text) if reply.finish is Finish.STOP else None
                if verdict is not None:
                    found[pair] = verdict
        missing = sum(pair not in found for pair in pairs)
        if missing:
            raise ClassifierUnavailable(
                f"{self.name}: {missing} of {len(pairs)} pairs got no answer in the model's format in {self.tries} "
                f"tries; check that the endpoint serves the model TUNEGATE_{self.name.upper()}_MODEL, and that the "
                "format is that model's"
            )
        return found


def _highest(verdicts: Sequence[Verdict]) -> dict[Category, float]:
    scores = dict.fromkeys(POLICY_CATEGORIES, 0.0)
    for verdict in verdicts:
        for category, score in verdict.scores.items():
            scores[category] = max(scores[category], score)
    return scores


def connect(name: str, config: Mapping[str, str], form: GuardFormat, parser_version: str) -> PairJudge:
    """The judge that a plug-in's settings name, see `moderation.chat.connecting`.

    Raises ValueError that names the environment variable at fault.
    """
    prefix = f"TUNEGATE_{name.upper()}_"
    chats = connecting.connect(prefix, config, form.questions)
    version = f"{parser_version} by {chats[0].identity}"
    tries = connecting.positive(prefix, config, "tries", 3)
    return PairJudge(name=name, version=version, chats=chats, format=form, tries=tries)
