"""Random, augmented training crops from labelled scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import VOID


@dataclass(frozen=True, slots=True)
class LabelledScene:
    """An image with its reference, both at full size.

    Attributes:
        rgb: (3, H, W) uint8.
        reference_mask: (H, W) uint8 class ids, VOID where there is no label.
        source: what it is sampled as: real imagery and generated scenes get shares of their own.
    """

    rgb: NDArray[np.uint8]
    reference_mask: NDArray[np.uint8]
    source: str


@dataclass(frozen=True, slots=True)
class CropOptions:
    """How crops are taken: side in px, zoom range (2 shows half the ground) and colour strength."""

    side_px: int = 256
    zoom: tuple[float, float] = (0.5, 2.5)
    colour: float = 1.0


class CropSampler:
    """Draws crops so that every source gets its share, whatever its number of scenes."""

    def __init__(
        self,
        scenes: Sequence[LabelledScene],
        shares: dict[str, float],
        options: CropOptions,
        seed: int,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._options = options
        self._groups = {
            name: [scene for scene in scenes if scene.source == name] for name in shares
        }
        empty = [name for name, group in self._groups.items() if not group]
        if empty:
            raise InvalidInputError(
                f"Expected at least one scene of source {empty[0]!r}, but got none. "
                "Leave it out of the shares or add scenes."
            )
        total = sum(shares.values())
        self._names = list(shares)
        self._weights = [shares[name] / total for name in self._names]

    def draw(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return one crop: rgb (3, S, S) uint8 and reference mask (S, S) uint8."""
        rng = self._rng
        group = self._groups[str(rng.choice(self._names, p=self._weights))]
        scene = group[int(rng.integers(len(group)))]
        rgb, mask = self._cut(scene)
        if rng.random() < 0.5:
            rgb, mask = rgb[:, :, ::-1], mask[:, ::-1]
        turns = int(rng.integers(4))
        rgb, mask = np.rot90(rgb, turns, (1, 2)), np.rot90(mask, turns)
        return augment_colour(rgb, rng, self._options.colour), np.ascontiguousarray(mask)

    def batch(self, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return ``size`` crops stacked: (N, 3, S, S) and (N, S, S) uint8."""
        pairs = [self.draw() for _ in range(size)]
        return np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])

    def _cut(self, scene: LabelledScene) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        rng, side = self._rng, self._options.side_px
        height, width = scene.reference_mask.shape
        low, high = self._options.zoom
        zoom = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        window = max(16, min(int(side / zoom), height, width))
        y = int(rng.integers(height - window + 1))
        x = int(rng.integers(width - window + 1))
        return cut_window(scene, y, x, window, side)


def cut_window(
    scene: LabelledScene, y_px: int, x_px: int, window_px: int, side_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut a square window out of a scene and scale it.

    Args:
        y_px: upper edge; ``x_px`` the left one.
        window_px: side of the window in the scene.
        side_px: side of what is returned.

    Returns:
        rgb (3, side, side) uint8 and reference mask (side, side) uint8.
    """
    rgb = scene.rgb[:, y_px : y_px + window_px, x_px : x_px + window_px]
    mask = scene.reference_mask[y_px : y_px + window_px, x_px : x_px + window_px]
    picture = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    reducing = Image.Resampling.BOX if window_px > side_px else Image.Resampling.BICUBIC
    resized = np.array(picture.resize((side_px, side_px), reducing)).transpose(2, 0, 1)
    labels = Image.fromarray(np.ascontiguousarray(mask)).resize(
        (side_px, side_px), Image.Resampling.NEAREST
    )
    return resized, np.array(labels)  # a copy, because torch warns of Pillow's read-only view


def augment_colour(
    rgb: NDArray[np.uint8], rng: np.random.Generator, strength: float = 1.0
) -> NDArray[np.uint8]:
    """Change light, colour, sharpness and noise as other sensors and hours would.

    Args:
        rgb: (3, H, W) uint8.
        rng: source of randomness.
        strength: 0 changes nothing, 1 is meant for training, 2 for stress.

    Returns:
        (3, H, W) uint8.
    """
    if strength <= 0:
        return np.ascontiguousarray(rgb)
    value = rgb.astype(np.float32) / 255.0
    gain = np.exp(rng.normal(0.0, 0.12 * strength, size=(3, 1, 1)))
    value = value * gain.astype(np.float32)
    mean = float(value.mean())
    value = (value - mean) * float(np.exp(rng.normal(0.0, 0.2 * strength))) + mean
    value = value + float(rng.normal(0.0, 0.06 * strength))
    grey = value.mean(axis=0, keepdims=True)
    value = grey + (value - grey) * float(np.exp(rng.normal(0.0, 0.3 * strength)))
    value = np.clip(value, 0.0, 1.0) ** float(np.exp(rng.normal(0.0, 0.2 * strength)))
    if rng.random() < 0.25 * strength:  # haze
        air = float(rng.uniform(0.1, 0.35))
        value = value * (1 - air) + air * float(rng.uniform(0.6, 0.9))
    if rng.random() < 0.25 * strength:
        sigma = float(rng.uniform(0.4, 1.4))
        value = ndimage.gaussian_filter(value, (0, sigma, sigma))
    if rng.random() < 0.4 * strength:
        value = value + rng.normal(0.0, float(rng.uniform(0.005, 0.04)), size=value.shape)
    return np.ascontiguousarray(np.clip(value * 255.0 + 0.5, 0, 255).astype(np.uint8))


def class_frequencies(masks: Sequence[NDArray[np.uint8]], class_count: int) -> NDArray[np.float64]:
    """Return the share of each class among labelled pixels, (K,) summing to 1."""
    counts: NDArray[np.float64] = np.zeros(class_count)
    for mask in masks:
        counts += np.bincount(mask[mask != VOID], minlength=class_count)[:class_count]
    shares: NDArray[np.float64] = counts / max(float(counts.sum()), 1.0)
    return shares
