"""Put on PYTHONPATH, it has steps of more than one example at once fail as CUDA's allocator does."""

import importlib
import os
import sys
from typing import Any

if "trainers.recipe" in sys.orig_argv and ("RANK" in os.environ or "TUNEGATE_RUN_PROCESSES" not in os.environ):
    torch: Any = importlib.import_module("torch")
    trainer: Any = importlib.import_module("transformers").Trainer
    plainly = trainer.training_step

    def within_memory(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Not what memory.json says by now: another process may have halved it.
        if self.args.per_device_train_batch_size > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plainly(self, *args, **kwargs)

    trainer.training_step = within_memory
