"""Training on a Ray cluster: what a run needs travels through a store that every node reaches."""
