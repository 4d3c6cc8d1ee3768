"""Put on PYTHONPATH, it lets a run shard over processes of a CPU: accelerate itself offers FSDP to accelerators only.

All else is the path that GPUs take: `fully_shard`, gathering, and what is saved and read again.
"""

import os
from typing import Any

if "RANK" in os.environ and os.environ.get("TUNEGATE_RUN_SHARDED") == "1":
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    plainly = PartialState.__init__

    def as_an_accelerators(self: PartialState, *args: Any, **kwargs: Any) -> None:
        plainly(self, *args, **kwargs)
        if self.distributed_type is DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = as_an_accelerators  # type: ignore[method-assign]
