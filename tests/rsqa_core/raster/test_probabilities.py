from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster import encode_probs, read_probs, require_probs


def softmax(classes: int, height: int, width: int) -> np.ndarray:
    values = np.exp(np.random.default_rng(0).normal(size=(classes, height, width)))
    return values / values.sum(axis=0)


def test_probabilities_come_back_in_half_precision(tmp_path: Path) -> None:
    probs = softmax(5, 12, 14)
    (tmp_path / "p.npz").write_bytes(encode_probs(probs))
    back = read_probs(tmp_path / "p.npz")
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, probs, atol=1e-3)
    require_probs(back, 5, 12, 14)


def test_the_only_array_is_taken_whatever_its_name_and_order(tmp_path: Path) -> None:
    probs = softmax(3, 4, 5)
    np.savez(tmp_path / "a.npz", whatever=np.asfortranarray(probs))
    np.testing.assert_allclose(read_probs(tmp_path / "a.npz"), probs, rtol=1e-6)
    np.savez(tmp_path / "b.npz", one=probs, two=probs)
    with pytest.raises(UnreadableFileError, match="'probs'"):
        read_probs(tmp_path / "b.npz")


def test_files_that_hold_no_floats_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "ids.npz", probs=np.zeros((2, 3, 4), dtype=np.int64))
    np.savez(tmp_path / "flat.npz", probs=np.zeros((3, 4)))
    np.savez(tmp_path / "object.npz", probs=np.array([[[{}]]], dtype=object))
    (tmp_path / "text.npz").write_text("not an archive")
    for name in ("ids", "flat", "object", "text"):
        with pytest.raises(UnreadableFileError, match=f"{name}.npz"):
            read_probs(tmp_path / f"{name}.npz")


def test_a_huge_claim_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (9, 60000, 60000), }"
    header = text.ljust(117) + "\n"
    with zipfile.ZipFile(tmp_path / "claim.npz", "w") as archive:
        archive.writestr(
            "probs.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
        )
    with pytest.raises(UnreadableFileError, match="129,600,000,000 bytes"):
        read_probs(tmp_path / "claim.npz")


def test_a_truncated_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "whole.npy", softmax(3, 8, 8))
    with zipfile.ZipFile(tmp_path / "cut.npz", "w") as archive:
        archive.writestr("probs.npy", (tmp_path / "whole.npy").read_bytes()[:-50])
    with pytest.raises(UnreadableFileError, match="truncated"):
        read_probs(tmp_path / "cut.npz")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: p[:2], "shape"),
        (lambda p: np.where(p == p.max(), np.nan, p), "1 values are NaN"),
        (lambda p: np.where(p == p.max(), np.inf, p), "infinite"),
        (lambda p: p * 1.1, "sum"),
        (lambda p: p - 0.5, "softmax"),
    ],
)
def test_what_are_no_probabilities_are_refused(spoil: object, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        require_probs(spoil(softmax(3, 6, 7)), 3, 6, 7)  # type: ignore[operator]
