"""Keys and values of a batch in one buffer a layer, so that a step writes a column and copies nothing.

transformers' dynamic cache concatenates, and so copies everything, at each step; the static one
attends to its full capacity. Here the batch reads only the window that its rows fill.

Axes: R rows, H heads, C columns (token slots), D head width.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


class SlotCache:
    """Rows share the column at which they end, so a row's tokens are right-aligned (left-padded).

    It stands in for a transformers cache during a forward pass, of which attention layers call
    `update` only. Point it with `aim` before each pass.
    """

    def __init__(self) -> None:
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}
        self.n_rows = 0
        self.n_columns = 0
        self._rows = slice(0, 0)
        self._write = slice(0, 0)
        self._read = slice(0, 0)
        self._keep: Tensor | None = None

    def reserve(self, n_rows: int, n_columns: int) -> None:
        """Make room, at least doubling what grows; nothing that was written is lost."""
        if n_rows <= self.n_rows and n_columns <= self.n_columns:
            return
        rows = self.n_rows if n_rows <= self.n_rows else max(n_rows, 2 * self.n_rows)
        columns = self.n_columns if n_columns <= self.n_columns else max(n_columns, 2 * self.n_columns)
        for layer, (keys, values) in self._layers.items():
            self._layers[layer] = (self._grown(keys, rows, columns), self._grown(values, rows, columns))
        self.n_rows, self.n_columns = rows, columns

    def _grown(self, old_R_H_C_D: Tensor, rows: int, columns: int) -> Tensor:
        _, heads, _, width = old_R_H_C_D.shape
        # Zeros, not empty memory: a masked column still meets the softmax's zeros, and 0 x NaN is NaN.
        new_R_H_C_D = old_R_H_C_D.new_zeros((rows, heads, columns, width))
        new_R_H_C_D[: self.n_rows, :, : self.n_columns] = old_R_H_C_D
        return new_R_H_C_D

    def aim(self, rows: slice, *, write: slice, read: slice, keep: Tensor | None = None) -> None:
        """Choose the rows and columns that the next forward pass fills and attends to.

        `keep` (rows, written columns) is true where the old contents stay.
        """
        self._rows, self._write, self._read = rows, write, read
        self._keep = None if keep is None else keep[:, None, :, None]

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: object, **_kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Store a layer's new keys and values; returns views of all that is attended to."""
        keys, values = self._buffers(layer_idx, key_states, value_states)
        for buffer, new in ((keys, key_states), (values, value_states)):
            old = buffer[self._rows, :, self._write]
            old.copy_(new if self._keep is None else torch.where(self._keep, old, new))
        return keys[self._rows, :, self._read], values[self._rows, :, self._read]

    def _buffers(self, layer: int, keys_R_H_C_D: Tensor, values_R_H_C_D: Tensor) -> tuple[Tensor, Tensor]:
        """A layer's buffers, made in the shape of what comes first."""
        if layer not in self._layers:
            made = [
                new.new_zeros((self.n_rows, new.shape[1], self.n_columns, new.shape[3]))
                for new in (keys_R_H_C_D, values_R_H_C_D)
            ]
            self._layers[layer] = (made[0], made[1])
        return self._layers[layer]

    def put(self, row: int, columns: slice, prefix_L_2_H_C_D: Tensor) -> None:
        """Fill columns of one row with keys and values that no forward pass made."""
        for layer, pair in enumerate(prefix_L_2_H_C_D):
            for buffer, new in zip(self._buffers(layer, pair[:1], pair[1:]), pair, strict=True):
                buffer[row, :, columns] = new

    def get_seq_length(self, _layer_idx: int = 0) -> int:
        """Columns before the next write."""
        return self._write.start - self._read.start

    def move_row(self, source: int, target: int, columns: slice) -> None:
        """Copy one row over another."""
        for tensor in self._tensors():
            tensor[target, :, columns] = tensor[source, :, columns]

    def spread(self, source: int, columns: slice, targets: Sequence[tuple[int, int]]) -> None:
        """Copy a window of one row to (row, first column) places."""
        width = columns.stop - columns.start
        for tensor in self._tensors():
            window = tensor[source, :, columns].clone()
            for row, start in targets:
                tensor[row, :, start : start + width] = window

    def shift(self, n_rows: int, columns: slice, by: int) -> None:
        """Move a window of columns by `by` places; room must have been reserved."""
        target = slice(columns.start + by, columns.stop + by)
        for tensor in self._tensors():
            tensor[:n_rows, :, target] = tensor[:n_rows, :, columns].clone()

    def _tensors(self) -> Iterator[Tensor]:
        for pair in self._layers.values():
            yield from pair
