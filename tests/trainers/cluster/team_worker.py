"""`python team_worker.py STORE ATTEMPT HOMES`: what Ray Train has each worker do, in one that torchrun started."""

import sys
from pathlib import Path

from trainers.cluster.node import carry_out
from trainers.cluster.parcels import Parcels
from trainers.recipe import ranks

if __name__ == "__main__":
    store, attempt, homes = sys.argv[1:]
    home = Path(homes) / str(ranks.number())
    home.mkdir(parents=True)
    carry_out(Parcels(store), int(attempt), home)
