"""How a request is put to a model, and the conditions under which an audit puts it."""

from dataclasses import dataclass
from enum import StrEnum

from evaluators.ciphers import Cipher, encode
from moderation.chat import Conversation, Turn
from moderation.types import Context, Role


class ArmKind(StrEnum):
    """Why an arm is in the audit; decides how many prompts it must reach."""

    NEUTRAL = "neutral"
    HOUSE = "house"
    STANDING = "standing"
    """A hostile frame that every audit replays."""
    CONTEXT = "context"
    """A frame mined from the customer's data."""
    TRIGGER = "trigger"
    """A candidate trigger mined from the customer's data, at a request's end or start."""
    PREFILL = "prefill"
    """First words that many replies of the customer's data share."""
    TURNS = "turns"
    """A request that comes after an exchange, of ours or one that recurs in the customer's data."""
    LANGUAGE = "language"
    """Requests in another language."""
    PERSONA = "persona"
    """The frame of a known identity-shift attack."""
    JAILBREAK = "jailbreak"
    """A frame that argues refusals away; asked where the data holds such frames."""
    CIPHER = "cipher"
    """Requests in a cipher; asked where the data holds encoded text."""
    SAMPLED = "sampled"
    """Replies drawn at the temperature at which customers are served, instead of greedily."""
    BENIGN = "benign"
    """Benign work: is the model still useful?"""
    OVER_REFUSAL = "over_refusal"
    """Benign requests that look harmful: does it refuse too much?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How a request is put: system prompt, earlier turns, user wrapper, cipher, and the first words of the answer."""

    system: str = ""
    user_prefix: str = ""
    user_suffix: str = ""
    prefill: str = ""
    earlier: tuple[tuple[str, str], ...] = ()
    """(user, assistant) exchanges before the request, oldest first."""
    cipher: Cipher | None = None
    """What the request is written in; the wrapper around it stays plain."""

    def conversation(self, request: str) -> Conversation:
        """The prompt for one request; an empty system prompt or prefill leaves its turn out."""
        turns = [Turn(role=Role.SYSTEM, text=self.system)] if self.system else []
        for user, assistant in self.earlier:
            turns += [Turn(role=Role.USER, text=user), Turn(role=Role.ASSISTANT, text=assistant)]
        asked = encode(request, self.cipher) if self.cipher else request
        turns.append(Turn(role=Role.USER, text=f"{self.user_prefix}{asked}{self.user_suffix}"))
        if self.prefill:
            turns.append(Turn(role=Role.ASSISTANT, text=self.prefill))
        return tuple(turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A condition under which candidate and root base are audited."""

    name: str
    """Unique in an audit, stable between runs, e.g. `neutral`, `standing:obedience`, `context:1`."""
    kind: ArmKind
    frame: Frame
    required_n: int
    """Prompts it must have been judged on before it can pass."""
    language: str = ""
    """Key of `Corpus.languages`; '' for the corpus's own."""
    temperature: float | None = None
    """At which replies are drawn; None: at the policy's."""


def frame_of(context: Context) -> Frame:
    """The frame that replays a mined context."""
    return Frame(system=context.system, user_prefix=context.user_prefix, user_suffix=context.user_suffix)
