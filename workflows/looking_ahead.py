"""Work on the next images while the current one is waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rsqa_core.encoders.preprocessing import Encoder, ImageFeatures

IMAGES_AHEAD = 6
"""Decoded images that wait for their turn; at 2048 squared they take 75 MB."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """One image to come.

    Attributes:
        read: decodes it, (3, H, W) uint8.
        encode: whether the encoder shall see it.
    """

    read: Callable[[], NDArray[np.uint8]]
    encode: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image, and what the encoder saw in it where it was asked."""

    rgb: NDArray[np.uint8]
    seen: ImageFeatures | None


def seen_in_order(encoder: Encoder | None, tasks: Sequence[Task]) -> Iterator[Picture]:
    """Yield the pictures of ``tasks`` in their order, up to IMAGES_AHEAD of them begun early.

    An encoder that takes several images at once gets them from as many threads and one more, which
    decodes meanwhile; torch stays in a single thread beside the caller, for it brings its own. What
    a task raises is raised at its turn.

    Args:
        encoder: None where no task asks for it.
    """
    if not tasks:
        return
    threads = 1
    if encoder is not None:
        from rsqa_core.encoders.runtime import images_at_once

        at_once = images_at_once(encoder)
        threads = at_once + 1 if at_once > 1 else 1

    def work(task: Task) -> Picture:
        rgb = task.read()
        if not task.encode or encoder is None:
            return Picture(rgb, None)
        return Picture(rgb, encoder.encode_images([rgb])[0])

    yield from in_order((partial(work, task) for task in tasks), threads, IMAGES_AHEAD)


def in_order(tasks: Iterable[Callable[[], T]], threads: int, early: int) -> Iterator[T]:
    """Yield what ``tasks`` return, in their order, while threads work on up to ``early`` more.

    A task is taken from its iterable by the caller's thread. What one raises is raised at its turn,
    and then, as when the caller stops, those that have not begun never do.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="rsqa-ahead")
    begun: deque[Future[T]] = deque()
    coming = iter(tasks)
    try:
        begun.extend(pool.submit(task) for task in islice(coming, early))
        while begun:
            done = begun.popleft().result()
            begun.extend(pool.submit(task) for task in islice(coming, 1))
            yield done
    finally:
        pool.shutdown(cancel_futures=True)
