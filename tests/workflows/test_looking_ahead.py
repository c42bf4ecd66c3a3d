"""Pictures come in order, as if they were read and encoded one after the other."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.encoders.openclip import WEIGHTS_DIR, load_compact
from rsqa_core.encoders.runtime import with_runtime
from workflows.looking_ahead import IMAGES_AHEAD, Task, seen_in_order


def picture(number: int) -> NDArray[np.uint8]:
    return np.random.default_rng(number).integers(0, 255, (3, 40, 40), dtype=np.uint8)


def late(number: int) -> NDArray[np.uint8]:
    time.sleep(0.02 if number % 3 == 0 else 0.0)
    return picture(number)


def tasks(count: int) -> list[Task]:
    return [Task(lambda n=n: late(n), encode=n % 4 != 1) for n in range(count)]  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["torch", "openvino"])
def test_the_same_as_one_after_the_other(kind: str, tmp_path: Path) -> None:
    reference = load_compact(WEIGHTS_DIR / "rsqa-compact.safetensors")
    encoder = with_runtime(reference, tmp_path, kind, images=1)

    found = list(seen_in_order(encoder, tasks(14)))

    assert len(found) == 14
    for number, one in enumerate(found):
        np.testing.assert_array_equal(one.rgb, picture(number))
        if number % 4 == 1:
            assert one.seen is None
            continue
        alone = encoder.encode_images([picture(number)])[0]
        assert one.seen is not None
        np.testing.assert_allclose(one.seen.pooled, alone.pooled, atol=1e-6)


def test_it_looks_ahead_but_not_without_end() -> None:
    read: list[int] = []

    def reading(number: int) -> NDArray[np.uint8]:
        read.append(number)
        return picture(number)

    every = [Task(lambda n=n: reading(n), encode=False) for n in range(30)]  # type: ignore[misc]
    coming = seen_in_order(None, every)
    next(coming)
    time.sleep(0.1)

    assert 1 < len(read) <= IMAGES_AHEAD + 1
    coming.close()  # type: ignore[attr-defined]


def test_an_unreadable_image_is_reported_at_its_turn() -> None:
    def broken() -> NDArray[np.uint8]:
        raise ValueError("third")

    coming = seen_in_order(
        None, [*(Task(lambda: picture(0), False) for _ in range(2)), Task(broken, False)]
    )
    next(coming)
    next(coming)
    with pytest.raises(ValueError, match="third"):
        next(coming)


def test_nothing_to_do_gives_nothing() -> None:
    assert list(seen_in_order(None, [])) == []
