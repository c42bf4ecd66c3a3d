"""What a head is given: candidates with their images, and where these lie."""

from __future__ import annotations

from dataclasses import InitVar, dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.grids import CELL_SIDE
from rsqa_core.features.names import CELL_NAMES, FEATURE_NAMES

Array = NDArray[np.float32]
PLACES = CELL_SIDE**2


@dataclass(frozen=True, slots=True)
class HeadInputs:
    """N candidates of I images.

    Attributes:
        semantic: (I, D + rest) float32 semantic vectors.
        tokens: (I, P, D) float32 the encoder's view of each cell.
        rows: (N, F) float32 in FEATURE_NAMES order, NaN where missing.
        cells: (N, P, C) float32 in CELL_NAMES order, NaN where missing.
        image_of_row: (N,) int64 index into the images.
    """

    semantic: Array
    tokens: Array
    rows: Array
    cells: Array
    image_of_row: NDArray[np.int64]
    checked: InitVar[bool] = False
    """Whether all images were looked at already: parts of large projects are taken by thousands."""

    def __post_init__(self, checked: bool) -> None:
        count = len(self.image_of_row)
        images = len(self.semantic)
        wanted = {
            "rows": (self.rows.shape, (count, len(FEATURE_NAMES))),
            "cells": (self.cells.shape, (count, PLACES, len(CELL_NAMES))),
            "tokens": (self.tokens.shape[:2], (images, PLACES)),
        }
        for name, (shape, expected) in wanted.items():
            if count and shape != expected:
                raise InvalidInputError(f"Expected `{name}` to be {expected}, but got {shape}.")
        if (
            count
            and not checked
            and not (np.isfinite(self.semantic).all() and np.isfinite(self.tokens).all())
        ):
            raise InvalidInputError("Expected finite semantic vectors, but got NaN or infinity.")

    def __len__(self) -> int:
        return len(self.image_of_row)

    def only(self, rows: NDArray[np.int64]) -> HeadInputs:
        """Return the candidates of ``rows``; their images keep their places."""
        return HeadInputs(
            self.semantic,
            self.tokens,
            self.rows[rows],
            self.cells[rows],
            self.image_of_row[rows],
            checked=True,
        )


@dataclass(frozen=True, slots=True)
class Places:
    """Where N candidates lie.

    Attributes:
        images: sha256 of each one's image.
        sources: sha256 of the file that the image was cut from.
        centres_px: (N, 2) float64 centre (x, y) of the image in that file.
        segmenters: name of each one's segmenter.
    """

    images: tuple[str, ...]
    sources: tuple[str, ...]
    centres_px: NDArray[np.float64]
    segmenters: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def only(self, rows: NDArray[np.int64]) -> Places:
        """Return the places of ``rows``."""
        return Places(
            tuple(self.images[i] for i in rows),
            tuple(self.sources[i] for i in rows),
            self.centres_px[rows],
            tuple(self.segmenters[i] for i in rows),
        )
