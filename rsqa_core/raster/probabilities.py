"""Class probabilities beside a mask: (K, H, W) in an .npz, read header first."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster.limits import MAX_WINDOW_BYTES

PROBS_KEY = "probs"
SUM_TOLERANCE = 1e-2

Probs = NDArray[np.float32]


def encode_probs(probs: NDArray[Any]) -> bytes:
    """Encode (K, H, W) probabilities as a compressed .npz of float16 under the key ``probs``."""
    stream = io.BytesIO()
    np.savez_compressed(stream, probs=probs.astype(np.float16))
    return stream.getvalue()


def read_probs(path: Path) -> Probs:
    """Return the (K, H, W) float32 array of an .npz: its key ``probs``, or its only array.

    The array's header is checked before its values are unpacked, and nothing is unpickled.

    Raises:
        UnreadableFileError: no .npz, no such array, not three-dimensional floats, or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_member(archive, _member_of(archive.namelist()))
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError) as error:
        raise UnreadableFileError(
            f"{path.name} cannot be read as probabilities: {error}. Expected an .npz written with "
            f"numpy.savez and the key {PROBS_KEY!r}."
        ) from error
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or a rare compression
        raise UnreadableFileError(f"{path.name} cannot be unpacked: {error}.") from error
    except UnreadableFileError as error:
        raise UnreadableFileError(f"{path.name} holds no probabilities: {error}.") from error


def _member_of(names: list[str]) -> str:
    if f"{PROBS_KEY}.npy" in names:
        return f"{PROBS_KEY}.npy"
    if len(names) == 1:
        return names[0]
    raise UnreadableFileError(f"expected one array called {PROBS_KEY!r}, but got {names[:5]}")


def _read_member(archive: zipfile.ZipFile, member: str) -> Probs:
    with archive.open(member) as stream:
        version = npy_format.read_magic(stream)
        readers = {
            (1, 0): npy_format.read_array_header_1_0,
            (2, 0): npy_format.read_array_header_2_0,
        }
        if version not in readers:
            raise UnreadableFileError(f"its array has the unknown version {version}")
        shape, fortran, dtype = readers[version](stream)
        if len(shape) != 3 or dtype.kind != "f" or dtype.itemsize > 8:
            raise UnreadableFileError(
                f"expected floats of shape (K, H, W), but got {dtype} of shape {shape}"
            )
        size = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
        if size > MAX_WINDOW_BYTES:
            raise UnreadableFileError(
                f"its array claims {size:,} bytes; at most {MAX_WINDOW_BYTES:,} are read"
            )
        content = stream.read(size)
        if len(content) != size:
            raise UnreadableFileError("it is truncated; copy it again")
    array = np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(array, dtype=np.float32)


def require_probs(
    probs: NDArray[np.floating[Any]], class_count: int, height_px: int, width_px: int
) -> None:
    """Check that ``probs`` are probabilities of ``class_count`` classes for every pixel.

    Raises:
        InvalidInputError: another shape, a value that is not finite or outside 0..1, or pixels
            whose sum differs from 1 by more than 0.01.
    """
    expected = (class_count, height_px, width_px)
    if probs.shape != expected:
        raise InvalidInputError(
            f"Expected probabilities of shape (classes, height, width) = {expected}, but got "
            f"{probs.shape}. Write one layer per class of the project, in its order."
        )
    bad = int(np.count_nonzero(~np.isfinite(probs)))
    if bad:
        raise InvalidInputError(
            f"Expected finite probabilities, but {bad:,} values are NaN or infinite. Write the "
            "softmax of the logits again."
        )
    low, high = float(probs.min()), float(probs.max())
    if low < -SUM_TOLERANCE or high > 1 + SUM_TOLERANCE:
        raise InvalidInputError(
            f"Expected probabilities in 0..1, but got {low:g}..{high:g}. Apply softmax first."
        )
    off = float(np.abs(probs.sum(axis=0, dtype=np.float64) - 1.0).max())
    if off > SUM_TOLERANCE:
        raise InvalidInputError(
            f"Expected the probabilities of each pixel to sum to 1, but a sum is off by {off:.3g}. "
            "Apply softmax over the classes first."
        )
