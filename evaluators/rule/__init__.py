"""The rule: from counts to a verdict on each arm, the statistics behind it, and simulations that keep it honest."""
