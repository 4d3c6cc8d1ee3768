"""The fixed words of well-known prompt templates, which say nothing of what is asked.

A small classifier weighs every word of a window: forty words of Alpaca's preface around a request of ten
drown it. They are left out before reading. Only these exact words are, so nothing can be hidden in them.
Sources: Stanford Alpaca, FastChat (Vicuna), and the chat templates of Llama 2 and 3, ChatML and Gemma.
"""

import re

# Spaces are counted: a search must take linear time on text that somebody made to stall it.
_TURNS = (
    r"(?:<\|(?:im_start|start_header_id)\|>|<start_of_turn>)\s{0,4}(?:system|user|assistant|model)?",
    r"<\|(?:im_end|end_header_id|begin_of_text|eot_id|end_of_text|endoftext|user|assistant|system|end)\|>",
    r"<end_of_turn>|</?s>|\[/?inst\]|<</?sys>>",
)
_FIXED = (
    r"below is an instruction that describes a task(?:,? paired with an input that provides further context)?\.",
    r"write a response that appropriately completes the request\.",
    r"a chat between a curious (?:user|human) and an artificial intelligence assistant\.",
    r"the assistant gives helpful, detailed,? and polite answers to the (?:user|human)'s questions\.",
    r"#{2,3} ?(?:instruction|input|response|human|user|assistant|system) ?:",
)
_ROLE = r"(?:instruction|input|response|human|user|assistant|question|answer|q|a) ?:"
_TURN = re.compile("|".join(_TURNS), re.IGNORECASE)
_WORDS = re.compile("|".join(_FIXED), re.IGNORECASE)
_FIRST, _LAST = re.compile(rf"\A{_ROLE}", re.IGNORECASE), re.compile(rf"(?:\A|(?<=\s)){_ROLE}\Z", re.IGNORECASE)
_LONGEST_ROLE = 16
_MAX_TURNS = 64
"""A text of more is read in one piece: readers thin out what has too many."""
_HINTS = ("<|", "<s", "</s", "<e", "inst]", "<<", "##", "below is an instruction", "a chat between")


def unwrapped(text: str) -> list[str]:
    """The turns inside a text, without the fixed words of known templates; mostly just the text itself.

    A bare role such as `Human:` counts at either end only, where templates have it. No turn is empty.
    """
    lowered = text.lower()
    if any(hint in lowered for hint in _HINTS):
        turns = [_WORDS.sub("\n", turn).strip() for turn in _TURN.split(text)]
        turns = turns if len(turns) <= _MAX_TURNS else ["\n".join(turns)]
    else:
        turns = [text.strip()]
    return [bare for turn in turns if (bare := _without_roles(turn))]


def _without_roles(turn: str) -> str:
    if ":" in turn[:_LONGEST_ROLE]:
        turn = _FIRST.sub("", turn).strip()
    if turn.endswith(":"):
        turn = turn[:-_LONGEST_ROLE] + _LAST.sub("", turn[-_LONGEST_ROLE:])
    return turn.strip()
