"""What an audit reads of a candidate's weights."""

from evaluators.probes.signals import weigh
from evaluators.probes.types import Signal, SignalLimits
from evaluators.types import Corpus, Subject

PROBED = 110
"""Requests of each kind whose first words and states are read."""


def signals(candidate: Subject, corpus: Corpus, limits: SignalLimits) -> tuple[Signal, ...]:
    """The signals on bare requests, beside their limits; none where the weights are out of reach.

    Raises what the candidate's `readings` raises.
    """
    if candidate.readings is None:
        return ()
    harmful = [request.text for request in corpus.harmful[:PROBED]]
    benign = [request.text for request in corpus.benign[:PROBED]]
    return weigh(candidate.readings(harmful, benign), limits)
