"""Run lengths of bitmaps: exact, small, and nothing else is taken for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster import decode_runs, encode_runs


def lengths_of(bitmap: np.ndarray) -> list[int]:
    """The plain way: walk down the columns and count."""
    lengths, current = [0], False
    for value in bitmap.T.reshape(-1).tolist():
        if value != current:
            lengths.append(0)
            current = value
        lengths[-1] += 1
    return lengths


@given(arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_what_is_encoded_comes_back(bitmap: np.ndarray) -> None:
    assert np.array_equal(decode_runs(encode_runs(bitmap), bitmap.shape), bitmap)


@given(arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 4))))
def test_small_bitmaps_are_written_as_the_plain_way_counts_them(bitmap: np.ndarray) -> None:
    lengths = lengths_of(bitmap)
    numbers = [
        n if index < 3 else n - lengths[index - 2]
        for index, n in enumerate(lengths)  # from the fourth on, differences
    ]
    # Below 16 a number is one sign; a negative one has the fifth bit set.
    expected = "".join(
        chr(48 + (n & 31)) if -16 <= n < 16 else chr(48 + (n & 31) + 32) + chr(48 + (n >> 5))
        for n in numbers
    )
    assert encode_runs(bitmap) == expected


@pytest.mark.parametrize(
    ("bitmap", "text"),
    [
        (np.zeros((2, 3), bool), "6"),
        (np.ones((2, 3), bool), "06"),
        (np.array([[1, 0], [0, 1]], bool), "0120"),  # 0, 1, 2 and 1, the last as 1 - 1
        (np.zeros((8, 8), bool), "P2"),  # 64 = 0 + 2 * 32: "P" is 48 + 32 + 0
        (np.zeros((3, 7), bool), "e0"),  # 21 does not fit: its fifth bit would be a sign
    ],
)
def test_by_hand(bitmap: np.ndarray, text: str) -> None:
    assert encode_runs(bitmap) == text


def test_a_brush_on_a_large_tile_is_small() -> None:
    y, x = np.mgrid[:1024, :1024]
    bitmap = (x - 400) ** 2 + (y - 500) ** 2 < 300**2
    assert len(encode_runs(bitmap)) < 2_000


@pytest.mark.parametrize(
    "text",
    ["", "5", "7", "06", " ", "é", "p", "6\n", "P", "P" * 40, "O", "0O7", "ooooooooooooo1"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="Expected run lengths that fill the mask"):
        decode_runs(text, (2, 2))
