"""What a trainer's process is told, and what not."""

from collections.abc import Mapping, Sequence

from trainers.devices import Gpu

_INHERITED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("OMP_NUM_THREADS", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"),
)
_INHERITED_PREFIXES = ("CUDA_", "NVIDIA_")


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a trainer needs of `environment`; keys and passwords of the gateway are none of its business."""
    kept = {
        name: value for name, value in environment.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    return kept | {
        # Where nothing is known of the GPUs, a run gets the first.
        "CUDA_VISIBLE_DEVICES": environment.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
        # The base model is here before a trainer starts; the trainer itself asks no network for anything.
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def gpu_environment(gpus: Sequence[Gpu], *, sharded: bool) -> dict[str, str]:
    """What a trainer is told of the GPUs that are its own; one process trains on each."""
    return {
        # By UUID: CUDA may number the GPUs of a mixed machine otherwise than the driver.
        "CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in gpus),
        "TUNEGATE_RUN_GPUS": str(len(gpus)),
        "TUNEGATE_RUN_PROCESSES": str(len(gpus)),
        "TUNEGATE_RUN_SHARDED": str(int(sharded)),
    }
