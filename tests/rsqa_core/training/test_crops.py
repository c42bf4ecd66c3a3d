"""Training crops: shares, alignment of image and mask, bounds of augmentation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import VOID
from rsqa_core.training.crops import (
    CropOptions,
    CropSampler,
    LabelledScene,
    augment_colour,
    class_frequencies,
)

COLOURS = np.array([[250, 10, 10], [10, 250, 10], [10, 10, 250]], dtype=np.uint8)


def coded_scene(side: int = 96, source: str = "real", seed: int = 0) -> LabelledScene:
    """Blocks of 12 px whose colour says the class."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 3, size=(side // 12, side // 12)).astype(np.uint8)
    mask = np.kron(coarse, np.ones((12, 12), dtype=np.uint8))
    return LabelledScene(np.ascontiguousarray(COLOURS[mask].transpose(2, 0, 1)), mask, source)


def grey_scene(value: int, source: str) -> LabelledScene:
    return LabelledScene(
        np.full((3, 32, 32), value, dtype=np.uint8), np.zeros((32, 32), dtype=np.uint8), source
    )


def test_a_mask_stays_on_its_image_through_zoom_flip_and_turn() -> None:
    sampler = CropSampler(
        [coded_scene()], {"real": 1.0}, CropOptions(side_px=48, zoom=(0.5, 2.5), colour=0.0), seed=1
    )
    turned = set()
    for _ in range(30):
        rgb, mask = sampler.draw()
        assert rgb.shape == (3, 48, 48)
        assert mask.shape == (48, 48)
        assert rgb.dtype == mask.dtype == np.uint8
        assert rgb.flags.writeable
        assert mask.flags.writeable
        seen = rgb.argmax(axis=0)
        assert (seen == mask).mean() > 0.93  # outlines are blended
        turned.add(mask.tobytes())
    assert len(turned) == 30


def test_crops_at_full_size_are_pixels_of_the_scene() -> None:
    scene = coded_scene(side=48)
    sampler = CropSampler(
        [scene], {"real": 1.0}, CropOptions(side_px=48, zoom=(1.0, 1.0), colour=0.0), seed=1
    )
    views = [np.rot90(m, k) for m in (scene.reference_mask, scene.reference_mask[:, ::-1])
             for k in range(4)]  # fmt: skip
    met = set()
    for _ in range(60):
        rgb, mask = sampler.draw()
        which = [i for i, view in enumerate(views) if np.array_equal(view, mask)]
        assert len(which) == 1
        assert np.array_equal(COLOURS[mask].transpose(2, 0, 1), rgb)
        met.add(which[0])
    assert met == set(range(8))


def test_unlabelled_pixels_stay_unlabelled() -> None:
    scene = coded_scene()
    scene.reference_mask[:, :48] = VOID
    sampler = CropSampler(
        [scene], {"real": 1.0}, CropOptions(side_px=32, zoom=(0.5, 2.0), colour=0.0), seed=0
    )

    ids = {int(v) for _ in range(10) for v in np.unique(sampler.draw()[1])}

    assert ids == {0, 1, 2, VOID}


def test_every_source_gets_its_share_whatever_its_number_of_scenes() -> None:
    scenes = [grey_scene(10, "real")] + [grey_scene(200, "generated") for _ in range(9)]
    sampler = CropSampler(
        scenes, {"real": 3.0, "generated": 1.0}, CropOptions(side_px=16, colour=0.0), seed=2
    )

    real = np.mean([sampler.draw()[0].mean() < 100 for _ in range(400)])

    assert real == pytest.approx(0.75, abs=0.07)


def test_sources_without_a_share_are_not_drawn() -> None:
    scenes = [grey_scene(10, "real"), grey_scene(200, "generated")]
    sampler = CropSampler(scenes, {"real": 1.0}, CropOptions(side_px=16, colour=0.0), seed=2)

    assert all(sampler.draw()[0].mean() < 100 for _ in range(20))


def test_a_share_without_scenes_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="source 'generated'"):
        CropSampler(
            [grey_scene(10, "real")], {"real": 0.5, "generated": 0.5}, CropOptions(), seed=0
        )


def test_one_seed_gives_one_sequence() -> None:
    def drawn(seed: int) -> list[bytes]:
        sampler = CropSampler([coded_scene()], {"real": 1.0}, CropOptions(side_px=24), seed)
        return [sampler.draw()[0].tobytes() for _ in range(3)]

    assert drawn(4) == drawn(4)
    assert drawn(4) != drawn(5)


def test_a_batch_is_crops_stacked() -> None:
    options = CropOptions(side_px=24)
    one = CropSampler([coded_scene()], {"real": 1.0}, options, 0)
    other = CropSampler([coded_scene()], {"real": 1.0}, options, 0)

    rgb, mask = one.batch(3)
    pairs = [other.draw() for _ in range(3)]

    assert np.array_equal(rgb, np.stack([pair[0] for pair in pairs]))
    assert np.array_equal(mask, np.stack([pair[1] for pair in pairs]))


def test_scenes_smaller_than_a_crop_are_enlarged() -> None:
    sampler = CropSampler(
        [coded_scene(side=24)], {"real": 1.0}, CropOptions(side_px=64, colour=0.0), seed=0
    )

    rgb, mask = sampler.draw()

    assert rgb.shape == (3, 64, 64)
    assert mask.shape == (64, 64)


def picture(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (3, 32, 32)).astype(np.uint8)


@pytest.mark.parametrize("strength", [0.0, -1.0])
def test_no_strength_changes_nothing(strength: float) -> None:
    rgb = picture()

    assert np.array_equal(augment_colour(rgb, np.random.default_rng(0), strength), rgb)


def test_augmentation_keeps_type_shape_and_a_picture() -> None:
    smooth = np.linspace(40, 210, 32 * 32).reshape(32, 32).astype(np.uint8)
    rgb = np.stack([smooth, smooth.T, smooth])
    before = rgb.copy()
    for seed in range(40):
        changed = augment_colour(rgb, np.random.default_rng(seed), 2.0)
        assert changed.shape == rgb.shape
        assert changed.dtype == np.uint8
        assert changed.flags["C_CONTIGUOUS"]
        assert not np.array_equal(changed, rgb)
        assert changed.std() > 3  # never to one colour
    assert np.array_equal(rgb, before)


def test_more_strength_changes_more() -> None:
    rgb = coded_scene().rgb

    def change(strength: float) -> float:
        return float(
            np.mean(
                [
                    np.abs(
                        augment_colour(rgb, np.random.default_rng(seed), strength).astype(float)
                        - rgb
                    ).mean()
                    for seed in range(20)
                ]
            )
        )

    assert 1 < change(0.3) < change(1.0) < change(2.0) < 110


def test_class_frequencies_count_labelled_pixels_of_all_masks() -> None:
    masks = [
        np.array([[0, 0], [1, VOID]], dtype=np.uint8),
        np.array([[2, VOID]], dtype=np.uint8),
    ]

    assert class_frequencies(masks, 4) == pytest.approx([0.5, 0.25, 0.25, 0.0])
    assert class_frequencies([np.full((2, 2), VOID, dtype=np.uint8)], 2).tolist() == [0.0, 0.0]
