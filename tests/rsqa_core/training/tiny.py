"""Two towers small enough to train in a test, and pairs of plain colours to train them on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray

from rsqa_core.encoders.openclip import COMPACT, build_compact
from rsqa_core.errors import UnreadableFileError
from rsqa_core.training.pairs import LeftOut, PairEntry
from rsqa_core.training.towers import Towers

SIDE_PX = 32
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 40),
    "blue": (30, 50, 220),
    "grey": (128, 128, 128),
    "white": (245, 245, 245),
    "black": (10, 10, 10),
}


def tiny_towers(seed: int = 0) -> Towers:
    """Return random towers of open_clip: one layer each, without batch statistics."""
    torch.manual_seed(seed)
    model: Any = open_clip.CLIP(
        embed_dim=8,
        vision_cfg={"image_size": SIDE_PX, "patch_size": 8, "width": 16, "layers": 1}
        | {"head_width": 8},
        text_cfg={"context_length": 40, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    )
    build_compact()  # registers the configuration that the tokenizer is looked up by
    tokenize = open_clip.get_tokenizer(COMPACT)
    return Towers("tiny", model, tokenize, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), SIDE_PX)


class ColourPairs:
    """Noisy plain images; ``wrong`` ones carry another colour's caption and count as coarse."""

    def __init__(
        self,
        count: int,
        *,
        coarse: Sequence[int] = (),
        wrong: Sequence[int] = (),
        broken: Sequence[int] = (),
        masks: Sequence[int] = (),
    ) -> None:
        names = list(COLOURS)
        self.true = [names[i % len(names)] for i in range(count)]
        said = [names[(i + 1) % len(names)] if i in wrong else self.true[i] for i in range(count)]
        self.entries = tuple(
            PairEntry(f"colour {i}", f"a {said[i]} field", i not in coarse) for i in range(count)
        )
        self.left_out: tuple[LeftOut, ...] = ()
        self._broken, self._masks = broken, masks
        self.reads: list[int] = []

    def picture(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        self.reads.append(index)
        if index in self._broken:
            raise UnreadableFileError(f"The image {index} cannot be decoded.")
        noise = np.random.default_rng(index).integers(-8, 9, size=(3, SIDE_PX, SIDE_PX))
        plain = np.array(COLOURS[self.true[index]])[:, None, None] + noise
        mask = None
        if index in self._masks:
            value = list(COLOURS).index(self.true[index])
            mask = np.full((SIDE_PX, SIDE_PX), value, dtype=np.uint8)
        return np.clip(plain, 0, 255).astype(np.uint8), mask
