"""Decodes and encodes the next images while the current one is being described."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rsqa_core.encoders.preprocessing import Encoder, ImageFeatures

IMAGES_AHEAD = 6
"""Decoded images that wait for their turn; at 2048 squared they take 75 MB."""


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

    pool = ThreadPoolExecutor(threads, thread_name_prefix="rsqa-ahead")
    begun: deque[Future[Picture]] = deque()
    try:
        coming = iter(tasks)
        for task in tasks[:IMAGES_AHEAD]:
            begun.append(pool.submit(work, task))
            next(coming)
        while begun:
            picture = begun.popleft().result()
            for task in coming:
                begun.append(pool.submit(work, task))
                break
            yield picture
    finally:
        pool.shutdown(cancel_futures=True)
