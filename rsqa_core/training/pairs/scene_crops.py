"""Pairs cut from labelled scenes, their captions composed from the reference masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsqa_core.encoders.captions import compose_caption
from rsqa_core.errors import InvalidInputError
from rsqa_core.training.crops import LabelledScene, cut_window
from rsqa_core.training.pairs.pair import LeftOut, PairEntry, Picture

_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class SceneCropOptions:
    """How pairs are cut.

    Attributes:
        count: number of pairs.
        side_px: side of each, after scaling.
        zoom: range of the scale; 2 shows half the ground of 1.
        real_share: share of pairs from real imagery, where there are generated scenes too.
        coarse_share: share of pairs that count as coarse.
        corrupted_share: share of the coarse pairs that get the caption of another pair.
        masks: whether a pair brings its reference mask along.
        seed: of windows, wording and corruption.
    """

    count: int
    side_px: int
    zoom: tuple[float, float] = (0.25, 1.0)
    real_share: float = 0.6
    coarse_share: float = 0.0
    corrupted_share: float = 0.0
    masks: bool = True
    seed: int = 0


class SceneCropPairs:
    """A fixed set of crops; a pair is cut again from its scene each time it is read.

    ``corrupted`` tells which pairs carry a foreign caption: known here because the corruption is
    made here, used only to measure a purification, never by one.
    """

    def __init__(
        self, scenes: Sequence[LabelledScene], classes: Sequence[str], options: SceneCropOptions
    ) -> None:
        self._scenes = scenes
        self._side_px, self._masks = options.side_px, options.masks
        self.left_out: tuple[LeftOut, ...] = ()
        rng = np.random.default_rng([options.seed, 11])
        real = [i for i, scene in enumerate(scenes) if scene.source != "generated"]
        generated = [i for i, scene in enumerate(scenes) if scene.source == "generated"]
        share = options.real_share if real and generated else float(bool(real))
        self._windows: list[tuple[int, int, int, int]] = []
        captions: list[str] = []
        for _ in range(options.count):
            group = real if rng.random() < share else generated
            window, caption = self._draw(group, classes, options.zoom, rng)
            self._windows.append(window)
            captions.append(caption)
        coarse = rng.random(options.count) < options.coarse_share
        self.corrupted = coarse & (rng.random(options.count) < options.corrupted_share)
        swapped = exchange_captions(captions, self.corrupted, rng)
        self.entries: tuple[PairEntry, ...] = tuple(
            PairEntry(f"{scenes[s].source} {s} at {y},{x} of {side} px", text, not is_coarse)
            for (s, y, x, side), text, is_coarse in zip(
                self._windows, swapped, coarse.tolist(), strict=True
            )
        )

    def picture(self, index: int) -> Picture:
        scene, y, x, side = self._windows[index]
        rgb, mask = cut_window(self._scenes[scene], y, x, side, self._side_px)
        return rgb, mask if self._masks else None

    def _draw(
        self,
        group: Sequence[int],
        classes: Sequence[str],
        zoom: tuple[float, float],
        rng: np.random.Generator,
    ) -> tuple[tuple[int, int, int, int], str]:
        for _ in range(_ATTEMPTS):
            scene = group[int(rng.integers(len(group)))]
            height, width = self._scenes[scene].reference_mask.shape
            scale = float(np.exp(rng.uniform(np.log(zoom[0]), np.log(zoom[1]))))
            side = max(16, min(int(self._side_px / scale), height, width))
            y = int(rng.integers(height - side + 1))
            x = int(rng.integers(width - side + 1))
            mask = self._scenes[scene].reference_mask[y : y + side, x : x + side]
            caption = compose_caption(mask, classes, rng)
            if caption is not None:
                return (scene, y, x, side), caption
        raise InvalidInputError(
            f"{_ATTEMPTS} random crops in a row were labelled on less than half of their pixels. "
            "Leave out scenes that are mostly unlabelled."
        )


def exchange_captions(
    captions: Sequence[str], which: NDArray[np.bool_], rng: np.random.Generator
) -> list[str]:
    """Give each pair of ``which`` the caption of another pair, one that differs from its own."""
    changed = list(captions)
    if len(set(captions)) < 2:
        return changed
    for i in np.flatnonzero(which).tolist():
        other = captions[i]
        while other == captions[i]:
            other = captions[int(rng.integers(len(captions)))]
        changed[i] = other
    return changed
