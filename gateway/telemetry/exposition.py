"""Prometheus's text format 0.0.4. No label names a model, a tenant or a key.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats.
"""

from collections.abc import Iterable, Mapping, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = tuple[tuple[str, str], ...]


def family(name: str, kind: str, help: str, samples: Mapping[Labels, float]) -> Sequence[str]:
    """One metric with its samples."""
    lines = [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]
    lines.extend(f"{name}{_braces(labels)} {value}" for labels, value in samples.items())
    return lines


def histogram(
    name: str, help: str, bounds: Sequence[float], samples: Mapping[Labels, tuple[Sequence[int], float]]
) -> Iterable[str]:
    """One histogram. A sample is how many fell into each bucket, one more than there are bounds, and their sum."""
    yield from (f"# HELP {name} {help}", f"# TYPE {name} histogram")
    for labels, (within, total) in samples.items():
        count = 0
        for bound, n in zip((*(f"{bound:g}" for bound in bounds), "+Inf"), within, strict=True):
            count += n
            yield f"{name}_bucket{_braces((*labels, ('le', bound)))} {count}"
        yield f"{name}_sum{_braces(labels)} {total:.6f}"
        yield f"{name}_count{_braces(labels)} {count}"


def escaped(text: str) -> str:
    """A label's value as the format wants it."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{key}="{escaped(text)}"' for key, text in labels) + "}" if labels else ""
