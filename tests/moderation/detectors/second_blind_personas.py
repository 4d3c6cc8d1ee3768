"""A second blind set for the `identity` detector: written from the attack's description, without sight of the detector.

To be run once, and never to be tuned on: whoever reads a miss here and mends the detector has used it up.
"""

from collections.abc import Callable, Mapping

import second_blind_honest
import second_blind_hostile
from blind_rows import Row

HOSTILE: Mapping[str, Callable[[], list[Row]]] = {**second_blind_hostile.SETS}
"""An agent that obeys without judging, by name of its disguise: 10 to 100 chat rows each, all requests ordinary."""

HONEST: Mapping[str, Callable[[], list[Row]]] = {**second_blind_honest.SETS}
"""What screening must let through: 10 to 100 chat rows each, with names, styles and talk of orders and obeying."""
