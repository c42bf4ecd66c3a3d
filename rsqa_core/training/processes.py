"""What several training processes exchange; one process alone exchanges nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed


class _GatherRows(torch.autograd.Function):
    """Rows of all processes in order; backward sums what every process says of one's own rows."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        context.count = len(rows)
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        whole = gradients[0].contiguous()
        distributed.all_reduce(whole)
        start = distributed.get_rank() * context.count
        return whole[start : start + context.count]


def process_count() -> int:
    """Return the number of processes that train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def process_rank() -> int:
    """Return this process's place among them, 0 for the one that writes files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def gather_rows(rows: Tensor) -> Tensor:
    """Return the rows of all processes, (N, ...) from equal parts, with their gradient.

    Every process computes the loss of the whole batch from them. Backward sums over processes and
    DistributedDataParallel averages, so the parameters get the gradient of that loss, once.
    """
    if process_count() == 1:
        return rows
    gathered: Tensor = _GatherRows.apply(rows)
    return gathered


def summed(value: Tensor) -> Tensor:
    """Return the sum of a tensor without gradient over all processes."""
    if process_count() > 1:
        value = value.clone()
        distributed.all_reduce(value)
    return value


def gather_objects(value: Any) -> list[Any]:
    """Return what each process passes, by rank."""
    if process_count() == 1:
        return [value]
    found: list[Any] = [None] * process_count()
    distributed.all_gather_object(found, value)
    return found


@contextmanager
def joined_processes(device: str) -> Iterator[str]:
    """Join the processes that torchrun started, if it did.

    Args:
        device: ``cpu``, ``cuda`` or ``auto``, which takes a GPU where there is one.

    Yields:
        the device of this process, e.g. ``cuda:1``.
    """
    chosen = device
    if device == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield chosen
        return
    if chosen == "cuda":
        chosen = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.startswith("cuda") else "gloo")
    try:
        yield chosen
    finally:
        distributed.destroy_process_group()
