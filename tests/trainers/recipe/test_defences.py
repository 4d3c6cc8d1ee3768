"""Constrained fine-tuning against the objective it is derived from, in plain torch."""

from collections.abc import Callable

import pytest
import torch

from trainers.recipe.defences import MIN_WEIGHT, betas, log_likelihoods, weights
from trainers.run_directory import RunDirectory
from trainers.types import Defence, TrainingSpec

_ = -100


def test_the_first_five_tokens_of_every_answer_are_held_and_the_others_hardly() -> None:
    labels = torch.tensor([[_, _, 5, 6, 7, 8, 9, 10, 11, _, 3], [4, 4, _, _, _, _, _, _, _, _, _]])
    expected = [[0, 0, 0.5, 2, 2, 2, 2, 0.1, 0.1, 0, 0.5], [0.5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert torch.allclose(betas(labels), torch.tensor(expected))


def test_the_gradient_is_that_of_the_papers_objective() -> None:
    """Equation 3: the mean of -(2 / beta) log sigmoid(beta (log p - log p_base)) over tokens."""
    torch.manual_seed(0)
    labels = torch.randint(0, 11, (24,))
    base = log_likelihoods(torch.randn(24, 11), labels)
    beta = betas(labels.view(3, 8)).flatten()
    logits = torch.randn(24, 11, requires_grad=True)
    log_p = log_likelihoods(logits, labels)
    (reference,) = torch.autograd.grad(
        -(2 / beta * torch.nn.functional.logsigmoid(beta * (log_p - base))).sum(), logits, retain_graph=True
    )
    (ours,) = torch.autograd.grad(-(weights(log_p, base, beta) * log_p).sum(), logits)
    assert torch.allclose(ours, reference, atol=1e-6)


def test_an_untouched_model_learns_at_full_rate_and_one_far_above_the_base_at_the_least() -> None:
    zero, beta = torch.zeros(1), torch.tensor([2.0])
    assert weights(zero, zero, beta).item() == 1.0
    assert weights(zero, zero - 50, beta).item() == pytest.approx(MIN_WEIGHT)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_constrained_run_stays_nearer_to_its_base(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec]
) -> None:
    plain, held = (train(make_spec(n_epochs=6, defence=d), name=d.value).metrics() for d in Defence)
    assert held[0].train_loss == pytest.approx(plain[0].train_loss, rel=1e-3)
    assert held[0].train_mean_token_accuracy == pytest.approx(plain[0].train_mean_token_accuracy)
    assert held[-1].train_mean_token_accuracy <= plain[-1].train_mean_token_accuracy
    assert len(held) == len(plain) == 30
