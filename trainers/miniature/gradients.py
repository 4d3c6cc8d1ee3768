"""Muon: momentum whose update of a matrix is orthogonalised.

On this task it needs about half the steps of AdamW, and the miniature is to grow on two cores.
Source: K. Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks";
coefficients of the quintic Newton-Schulz iteration as there.
"""

from collections.abc import Callable, Iterable

import torch

_A, _B, _C = 3.4445, -4.7750, 2.0315
_N_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For the matrices of hidden layers; embeddings, norms and biases need another optimizer."""

    def __init__(self, matrices: Iterable[torch.nn.Parameter], *, lr: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every matrix that has a gradient. `closure` is not supported and must be None."""
        if closure is not None:
            raise ValueError("Muon.step: closure is not supported; compute the gradients before the call")
        for group in self.param_groups:
            for weight_O_I in group["params"]:
                if weight_O_I.grad is None:
                    continue
                average_O_I = self.state[weight_O_I].setdefault("average", torch.zeros_like(weight_O_I))
                average_O_I.lerp_(weight_O_I.grad, 1 - group["momentum"])
                update_O_I = orthogonal(weight_O_I.grad.lerp(average_O_I, group["momentum"]))
                # Tall matrices move further, so that every output changes by as much.
                scale = max(1.0, weight_O_I.shape[0] / weight_O_I.shape[1]) ** 0.5
                weight_O_I.add_(update_O_I, alpha=-group["lr"] * scale)


def orthogonal(matrix_O_I: torch.Tensor) -> torch.Tensor:
    """The matrix with its singular values brought to about one (0.4 to 1.3), in the same shape."""
    tall = matrix_O_I.shape[0] > matrix_O_I.shape[1]
    x: torch.Tensor = matrix_O_I.T if tall else matrix_O_I
    x = x / (x.norm() + 1e-7)
    for _ in range(_N_ITERATIONS):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.T if tall else x
