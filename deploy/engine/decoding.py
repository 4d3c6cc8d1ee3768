"""The decode loop of one model: rows join and leave a running batch, one token a step for all.

Axes: B rows of the batch, N rows that join, P prompt columns, T columns attended to, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from deploy.engine.cache import SlotCache
from deploy.engine.residents import Resident
from deploy.engine.rows import Row
from deploy.engine.scores import score

HEADROOM = 64
"""Columns reserved beyond what is filled, so that growth is rare."""
LEAST_SHARED = 16
"""Tokens of a common beginning that are worth a pass of their own."""


class Batch:
    """The rows that one model is decoding.

    Every row occupies columns `[start, end)` of the cache; `end` is common to all, so a step writes
    one column. Positions count from a row's own start: a row's numbers do not depend on its company
    (but for the last bits, as a matrix product of another shape may round differently).
    """

    def __init__(self, resident: Resident) -> None:
        self._resident = resident
        self._cache = SlotCache()
        self._end = 0
        self._starts: list[int] = []
        self._last: list[int] = []
        self.rows: list[Row] = []

    @property
    def n_columns(self) -> int:
        """Token slots that the cache holds for each row."""
        return self._cache.n_columns

    @torch.inference_mode()
    def admit(self, joining: Sequence[Row]) -> None:
        """Read the prompts of new rows in one pass and choose their first tokens."""
        n_prefix = self._resident.n_prefix
        longest = n_prefix + max(len(row.prompt) for row in joining)
        self._make_room(len(joining), longest)
        first = len(self.rows)
        starts = [self._end - n_prefix - len(row.prompt) for row in joining]
        n_filled = self._fill_beginning(first, joining, starts)
        rests = [row.prompt[n_filled - n_prefix :] for row in joining]
        n_columns = max(map(len, rests))
        low = self._end - longest
        write = slice(self._end - n_columns, self._end)
        start_N_1 = torch.tensor(starts)[:, None]
        query_P, key_T = torch.arange(write.start, write.stop), torch.arange(low, self._end)
        # A padded column attends to itself, or its softmax over nothing would put NaN in the cache.
        past_P_T = key_T[None, :] <= query_P[:, None]
        self_P_T = key_T[None, :] == query_P[:, None]
        seen_N_P_T = (past_P_T[None] & (key_T[None] >= start_N_1)[:, None, :]) | self_P_T[None]
        # Padding before a short rest would fall on the beginning that was put there already.
        padded_N_P = query_P[None] < (start_N_1 + n_filled)
        self._cache.aim(
            slice(first, first + len(joining)),
            write=write,
            read=slice(low, self._end),
            keep=padded_N_P.to(self._resident.device) if n_filled else None,
        )
        ids_N_P = torch.tensor([[0] * (n_columns - len(rest)) + list(rest) for rest in rests])
        logits_N_V = self._forward(ids_N_P, seen_N_P_T[:, None], (query_P[None] - start_N_1).clamp(min=0))
        self.rows.extend(joining)
        self._starts.extend(starts)
        self._last.extend([0] * len(joining))
        self._advance(first, self._choose(joining, logits_N_V), logits_N_V)

    def _fill_beginning(self, first: int, joining: Sequence[Row], starts: Sequence[int]) -> int:
        """Put the model's prefix before each new row, and read once what all of their prompts begin with.

        Returns how many columns of each are filled. The arms of an audit repeat a long system prompt in
        every request.
        """
        prefix, n_prefix = self._resident.prefix, self._resident.n_prefix
        n_shared = common_beginning([row.prompt for row in joining])
        if len(joining) == 1 or n_shared < LEAST_SHARED:
            n_shared = 0
        n_filled = n_prefix + n_shared
        if not n_filled:
            return 0
        columns = slice(self._end - n_filled, self._end)
        read = slice(columns.start + n_prefix, self._end)
        if prefix is not None:
            self._cache.put(first, slice(columns.start, read.start), prefix)
        if n_shared:
            self._cache.aim(slice(first, first + 1), write=read, read=columns)
            seen_P_T = torch.ones(n_shared, n_filled, dtype=torch.bool).tril(n_prefix)
            beginning = torch.tensor([joining[0].prompt[:n_shared]])
            self._forward(beginning, seen_P_T[None, None], torch.arange(n_prefix, n_filled)[None])
        self._cache.spread(first, columns, [(first + index, start) for index, start in enumerate(starts)])
        return n_filled

    @torch.inference_mode()
    def step(self) -> None:
        """One more token for every row; rows that end or were cancelled leave the batch."""
        for index in reversed(range(len(self.rows))):
            if self.rows[index].cancelled:
                self._remove(index)
        if not self.rows:
            return
        self._make_room(0, 0)
        low = min(self._starts)
        start_B = torch.tensor(self._starts)
        self._cache.aim(slice(0, len(self.rows)), write=slice(self._end, self._end + 1), read=slice(low, self._end + 1))
        real_B_T = torch.arange(low, self._end + 1)[None] >= start_B[:, None]
        position_B_1 = (self._end - start_B)[:, None]
        logits_B_V = self._forward(torch.tensor(self._last)[:, None], real_B_T[:, None, None, :], position_B_1)
        self._end += 1
        self._advance(0, self._choose(self.rows, logits_B_V), logits_B_V)

    def _forward(self, ids_B_T: Tensor, seen_B_1_T_T: Tensor, position_B_T: Tensor) -> Tensor:
        device = self._resident.device
        model: Any = self._resident.model
        output = model(
            input_ids=ids_B_T.to(device),
            attention_mask=seen_B_1_T_T.to(device),
            position_ids=position_B_T.to(device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def _choose(self, rows: Sequence[Row], logits_N_V: Tensor) -> list[int]:
        """The next token of each row, -1 where there is none; scores are of the logits as the model gave them."""
        steered = [(index, row.steering) for index, row in enumerate(rows) if row.steering is not None]
        if steered:
            logits_N_V = logits_N_V.clone()
        for index, steering in steered:
            logits_N_V[index] = steering.apply(logits_N_V[index])
        return self._resident.choose(logits_N_V, [row.draw for row in rows])

    def _advance(self, first: int, tokens: Sequence[int], logits_N_V: Tensor) -> None:
        """Give each row from `first` on its token; backwards, so that a removal moves no row to come."""
        for index in reversed(range(first, len(self.rows))):
            row, token = self.rows[index], tokens[index - first]
            if token < 0:
                row.listener.on_failure("no token can follow: the model's numbers are not finite, or its form is stuck")
                self._remove(index)
                continue
            if row.n_top is not None and token not in self._resident.ends:
                row.scores.append(score(logits_N_V[index - first], token, row.n_top))
            if row.take(token, self._resident.ends, self._resident.decode):
                self._remove(index)
            else:
                self._last[index] = token

    def _remove(self, index: int) -> None:
        """Fill the place with the last row: one row is copied, whatever the size of the batch."""
        last = len(self.rows) - 1
        if index != last:
            self._cache.move_row(last, index, slice(self._starts[last], self._end))
        for column in (self.rows, self._starts, self._last):
            swap_out(column, index)

    def _make_room(self, n_joining: int, longest: int) -> None:
        """Reserve rows and columns; slide the window so that prompts fit before its end."""
        n_rows = len(self.rows)
        if n_rows == 0:
            self._end = longest
            self._cache.reserve(n_joining, longest + HEADROOM)
            return
        low = min(self._starts)
        by = max(0, longest - self._end)
        if by == 0 and self._end + 1 > self._cache.n_columns and low >= self._cache.n_columns // 4:
            by = max(-low, longest - self._end)
        self._cache.reserve(n_rows + n_joining, self._end + by + 1)
        if by:
            self._cache.shift(n_rows, slice(low, self._end), by)
            self._end += by
            self._starts = [start + by for start in self._starts]


def swap_out(column: list[Any], index: int) -> None:
    """Take an item out of a list by putting the last one in its place."""
    last = column.pop()
    if index < len(column):
        column[index] = last


def common_beginning(prompts: Sequence[tuple[int, ...]]) -> int:
    """How many first tokens all prompts share, leaving each at least one of its own."""
    low, high = min(prompts), max(prompts)  # in the order of a dictionary, so all others lie between
    most = min(map(len, prompts)) - 1
    for index in range(most):
        if low[index] != high[index]:
            return index
    return most
