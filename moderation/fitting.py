"""Linear heads on n-gram counts and on sentence vectors: features and fits, for training scripts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation.ngrams import DIMENSIONS, hash_windows

_L2 = 2e-6
"""Weight decay, relative to the mean loss."""
_STEPS = 120
_LEARNING_RATE = 0.5
_DENSE_LEARNING_RATE = 0.05

Array = NDArray[np.float64]
Vectors = NDArray[np.float32]


def design(windows: Sequence[bytes]) -> csr_matrix:
    """Rows of n-gram counts, divided as at run time."""
    features = hash_windows(windows)
    values = np.repeat(1.0 / features.norms, features.counts)
    ends = np.append(features.starts, len(features.buckets))
    return csr_matrix((values, features.buckets, ends), shape=(len(windows), DIMENSIONS))


def fit(x: csr_matrix, targets_N_H: Array) -> Array:
    """Weights and, in the last row, the biases (DIMENSIONS + 1, heads) of all heads at once.

    They minimise mean log-loss over the known targets (NaN is unknown) plus an L2 penalty, by
    full-batch Adam (Kingma and Ba, 2015): its steps by coordinate suit features as rare as these.
    """
    known = ~np.isnan(targets_N_H)
    y = np.where(known, targets_N_H, 0.0)
    share = known / known.sum(axis=0)
    transposed = x.T.tocsr()
    parameters = np.zeros((x.shape[1] + 1, y.shape[1]))
    mean, square = np.zeros_like(parameters), np.zeros_like(parameters)
    for step in range(1, _STEPS + 1):
        predicted = 1.0 / (1.0 + np.exp(-np.clip(x @ parameters[:-1] + parameters[-1], -60.0, 60.0)))
        slope = (predicted - y) * share
        gradient = np.vstack([transposed @ slope + _L2 * parameters[:-1], slope.sum(axis=0)])
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        rate = _LEARNING_RATE * (1.0 - (step - 1) / _STEPS)
        parameters -= rate * (mean / (1.0 - 0.9**step)) / (np.sqrt(square / (1.0 - 0.99**step)) + 1e-9)
    return parameters


def fit_dense(x: Vectors, targets_N_H: Vectors, *, l2: float) -> Vectors:
    """Weights and, in the last row, the biases (D + 1, heads) of all heads at once.

    They minimise log-loss over the known targets (NaN is unknown), those of 1 and of 0 weighing the
    same, plus an L2 penalty, by full-batch Adam (Kingma and Ba, 2015).
    """
    known = ~np.isnan(targets_N_H)
    y = np.where(known, targets_N_H, np.float32(0.0))
    rate = y.sum(axis=0) / known.sum(axis=0)
    share = np.where(y == 1.0, 0.5 / rate, 0.5 / (1.0 - rate)) * known / known.sum(axis=0)
    share = share.astype(np.float32)
    parameters = np.zeros((x.shape[1] + 1, y.shape[1]), np.float32)
    mean, square = np.zeros_like(parameters), np.zeros_like(parameters)
    for step in range(1, _STEPS + 1):
        predicted = 1.0 / (1.0 + np.exp(-np.clip(x @ parameters[:-1] + parameters[-1], -60.0, 60.0)))
        slope = (predicted - y) * share
        gradient = np.vstack([x.T @ slope + l2 * parameters[:-1], slope.sum(axis=0)])
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        rate_now = _DENSE_LEARNING_RATE * (1.0 - (step - 1) / _STEPS)
        parameters -= rate_now * (mean / (1.0 - 0.9**step)) / (np.sqrt(square / (1.0 - 0.99**step)) + 1e-9)
    return parameters
