"""What every test needs: tiny models run on one thread."""

import os

# Before torch is imported anywhere: two OpenMP threads on a busy two-core machine spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The optional encoder has tests of its own; the others neither wait for it nor differ where it is installed.
os.environ["TUNEGATE_ENCODER_MODEL"] = os.path.dirname(__file__)
