"""Captions say what a reference mask shows."""

from __future__ import annotations

import numpy as np
import pytest

from rsqa_core.encoders.captions import class_prompts, class_words, compose_caption
from rsqa_core.records import VOID

CLASSES = ("Building", "Land", "Road", "Vegetation", "Water")


def mask_of(**shares: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A 10 x 100 mask with the named classes; the rest is VOID."""
    flat = np.full(1000, VOID, dtype=np.uint8)
    start = 0
    for name, share in shares.items():
        end = start + round(1000 * share)
        flat[start:end] = CLASSES.index(name)
        start = end
    return flat.reshape(10, 100)


def mentioned(caption: str) -> list[str]:
    """The classes whose words the caption holds, in the order in which they come."""
    places = {}
    for name in CLASSES:
        found = [caption.find(word) for word in class_words(name) if word in caption]
        if found:
            places[name] = min(found)
    return sorted(places, key=lambda name: places[name])


def test_known_classes_have_plural_words_and_others_their_own_name() -> None:
    assert "buildings" in class_words("Building")
    assert class_words("Solar_Panels") == ("solar panels",)


def test_prompts_use_every_word_of_a_class() -> None:
    prompts = class_prompts("water")

    assert len(prompts) == len(set(prompts))
    for word in class_words("water"):
        assert any(word in prompt for prompt in prompts)


@pytest.mark.parametrize("seed", range(8))
def test_a_caption_names_the_present_classes_the_commonest_first(seed: int) -> None:
    mask = mask_of(Vegetation=0.3, Building=0.6, Water=0.1)

    caption = compose_caption(mask, CLASSES, np.random.default_rng(seed))

    assert caption is not None
    assert mentioned(caption) == ["Building", "Vegetation", "Water"]


def test_a_trace_of_a_class_is_not_mentioned() -> None:
    mask = mask_of(Land=0.985, Road=0.015)

    for seed in range(8):
        caption = compose_caption(mask, CLASSES, np.random.default_rng(seed))
        assert caption is not None
        assert mentioned(caption) == ["Land"]


def test_shares_count_labelled_pixels_only() -> None:
    mask = mask_of(Water=0.51)

    captions = {str(compose_caption(mask, CLASSES, np.random.default_rng(s))) for s in range(20)}

    assert any("almost only" in caption for caption in captions)
    assert any("100 percent" in caption for caption in captions)


def test_a_mostly_unlabelled_mask_has_no_caption() -> None:
    rng = np.random.default_rng(0)

    assert compose_caption(mask_of(Water=0.49), CLASSES, rng) is None
    assert compose_caption(mask_of(Water=0.5), CLASSES, rng) is not None


def test_wordings_differ_and_one_seed_gives_one_wording() -> None:
    mask = mask_of(Land=0.7, Road=0.3)
    captions = [compose_caption(mask, CLASSES, np.random.default_rng(seed)) for seed in range(12)]

    assert len(set(captions)) > 3
    assert captions[5] == compose_caption(mask, CLASSES, np.random.default_rng(5))
