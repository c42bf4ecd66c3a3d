"""Whole scenes: the same again for a seed, complete masks, and pictures that fit their masks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.scenes import LOOKS, SCENE_CLASSES, Scene, render_scene

SIZE_PX = 64
BUILDING, LAND, ROAD, VEGETATION, WATER = range(5)


def small(seed: int, look: str | None = None, gsd_m: float | None = None) -> Scene:
    return render_scene(seed=seed, look=look, size_px=SIZE_PX, gsd_m=gsd_m)


def grey(scene: Scene) -> NDArray[np.float64]:
    return scene.rgb.astype(np.float64).mean(axis=0)


def test_a_seed_gives_the_same_scene_again() -> None:
    first, again = small(11), small(11)
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.reference_mask, again.reference_mask)
    assert (first.look, first.gsd_m, first.crs, first.transform) == (
        again.look,
        again.gsd_m,
        again.crs,
        again.transform,
    )


def test_seeds_give_different_scenes() -> None:
    pictures = {small(seed, "temperate_suburb").rgb.tobytes() for seed in range(6)}
    assert len(pictures) == 6


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_every_look_renders_with_known_classes(look: str) -> None:
    for seed in range(3):
        scene = small(seed, look)
        assert scene.rgb.shape == (3, SIZE_PX, SIZE_PX)
        assert scene.rgb.dtype == np.uint8
        assert scene.reference_mask.shape == (SIZE_PX, SIZE_PX)
        assert scene.reference_mask.dtype == np.uint8
        assert int(scene.reference_mask.max()) < len(SCENE_CLASSES)
        assert scene.look == look
        assert float(scene.rgb.std()) > 1.0


def test_all_classes_occur_over_a_set() -> None:
    seen = {int(i) for seed in range(20) for i in np.unique(small(seed).reference_mask)}
    assert seen == set(range(len(SCENE_CLASSES)))


def test_looks_and_sample_distances_vary_when_not_given() -> None:
    scenes = [small(seed) for seed in range(24)]
    assert len({s.look for s in scenes}) >= 5
    assert max(s.gsd_m for s in scenes) > 2 * min(s.gsd_m for s in scenes)
    for scene in scenes:
        low, high = LOOKS[scene.look].gsd_m
        assert low <= scene.gsd_m <= high


def test_the_georeference_fits_the_look_and_the_sample_distance() -> None:
    scene = small(3, "arid_coast", 0.5)
    code = int(scene.crs.removeprefix("EPSG:"))
    assert code in {place[0] for place in LOOKS["arid_coast"].places}
    a, b, x, d, e, y = scene.transform
    assert (a, b, d, e) == (0.5, 0.0, 0.0, -0.5)
    assert 100_000 < x < 900_000
    assert 0 < y < 10_000_000


@pytest.mark.parametrize("size_px", [32, 46, 96])
def test_other_sizes_render(size_px: int) -> None:
    scene = render_scene(seed=5, size_px=size_px)
    assert scene.reference_mask.shape == (size_px, size_px)


@pytest.mark.parametrize("gsd_m", [0.1, 2.0])
def test_the_ends_of_the_sample_distance_range_render(gsd_m: float) -> None:
    assert small(8, "old_city", gsd_m).gsd_m == gsd_m


def test_water_looks_unlike_buildings() -> None:
    differences = []
    for seed in range(40):
        scene = small(seed, "arid_coast", 1.0)
        water, built = (scene.reference_mask == c for c in (WATER, BUILDING))
        if water.sum() > 40 and built.sum() > 40:
            mean = [scene.rgb[:, part].mean(axis=1) for part in (water, built)]
            differences.append(float(np.abs(mean[0] - mean[1]).max()))
    assert len(differences) >= 4
    assert np.median(differences) > 25


def test_the_borders_of_the_mask_lie_on_edges_of_the_picture() -> None:
    """A mask moved by 4 px finds weaker edges than the mask in its place."""
    better = []
    for seed in range(16):
        scene = small(seed, "temperate_suburb", 1.0)
        picture, mask = grey(scene), scene.reference_mask
        edge = np.hypot(*np.gradient(picture))
        border = np.zeros(mask.shape, dtype=bool)
        border[:, 1:] |= mask[:, 1:] != mask[:, :-1]
        border[1:] |= mask[1:] != mask[:-1]
        if border.sum() < 60:
            continue
        moved = [np.roll(border, by, axis) for axis in (0, 1) for by in (-4, 4)]
        elsewhere = np.mean([edge[m].mean() for m in moved])
        better.append(edge[border].mean() > 1.15 * elsewhere)
    assert len(better) >= 8
    assert np.mean(better) >= 0.8


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1},
        {"seed": True},
        {"seed": 1.5},
        {"seed": 1, "size_px": 16},
        {"seed": 1, "size_px": 65},
        {"seed": 1, "size_px": 10_000},
        {"seed": 1, "gsd_m": 0.01},
        {"seed": 1, "gsd_m": 3.0},
        {"seed": 1, "gsd_m": float("nan")},
    ],
)
def test_values_out_of_range_are_refused_by_name(arguments: dict[str, object]) -> None:
    name = list(arguments)[-1]
    with pytest.raises(InvalidInputError, match=f"`{name}`"):
        render_scene(**{"size_px": 64, **arguments})  # type: ignore[arg-type]


def test_an_unknown_look_is_refused_with_the_closest_one() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'farmland'"):
        render_scene(seed=1, look="farmlnd", size_px=64)
