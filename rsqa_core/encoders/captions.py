"""Captions from reference masks, and prompts from class names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rsqa_core.records import VOID, normalised_class_name

SYNONYMS: dict[str, tuple[str, ...]] = {
    "building": ("buildings", "houses", "roofs", "built-up blocks"),
    "land": ("bare land", "sand", "open ground", "bare soil"),
    "road": ("roads", "streets", "paved roads"),
    "vegetation": ("vegetation", "trees and grass", "greenery", "plants"),
    "water": ("water", "open water", "sea or lake"),
}
"""Plural words for the classes of the shipped segmenters, by normalised name."""

SCENE_PROMPTS = (
    "an aerial image of a dense city",
    "an aerial image of houses and streets",
    "an aerial image of an industrial area with large roofs",
    "an aerial image of bare sand",
    "an aerial image of trees and grass",
    "an aerial image of open water",
    "an aerial image of a coast with water and sand",
    "an aerial image of a wide road",
)
"""Fixed prompts whose similarity describes an image in a handful of numbers."""

_TEMPLATES = ("an aerial image of {}", "an aerial photo showing {}", "{} seen from above")

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def class_words(name: str) -> tuple[str, ...]:
    """Return the words for a class; an unknown class is called by its own name.

    Example:
        >>> class_words("Low_Vegetation")
        ('low vegetation',)
    """
    key = normalised_class_name(name)
    return SYNONYMS.get(key, (key.replace("_", " "),))


def class_prompts(name: str) -> list[str]:
    """Return the prompts whose mean embedding stands for a class."""
    return [template.format(word) for word in class_words(name) for template in _TEMPLATES]


def compose_caption(
    mask: NDArray[np.uint8], classes: Sequence[str], rng: np.random.Generator
) -> str | None:
    """Describe what a reference mask shows, most common class first.

    Args:
        mask: (H, W) uint8 class ids or VOID.
        classes: class names by id.
        rng: chooses among equal wordings.

    Returns:
        one sentence, or None when under half of the pixels are labelled.
    """
    labelled = mask[mask != VOID]
    if labelled.size * 2 < mask.size:
        return None
    shares = np.bincount(labelled, minlength=len(classes)) / labelled.size
    order = [int(k) for k in np.argsort(-shares) if shares[k] >= 0.02]
    parts = [
        f"{_amount(float(shares[k]), rng)} {rng.choice(class_words(classes[k]))}" for k in order
    ]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return str(rng.choice(_TEMPLATES)).format(listed)


def compose_box_caption(labels: Sequence[str], rng: np.random.Generator) -> str:
    """Count the objects of an image, most frequent first.

    Args:
        labels: class name of each labelled object, at least one.
        rng: chooses among equal wordings.

    Example:
        >>> class First:
        ...     def choice(self, words): return words[0]
        >>> compose_box_caption(["ship", "ship", "harbour"], First())
        'an aerial image of two ships and one harbour'
    """
    counts: dict[str, int] = {}
    for label in labels:
        name = normalised_class_name(label).replace("_", " ").replace("-", " ")
        counts[name] = counts.get(name, 0) + 1
    parts = [
        f"one {name}"
        if count == 1
        else f"{_NUMBERS[count] if count < len(_NUMBERS) else 'many'} {_plural(name)}"
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return str(rng.choice(_TEMPLATES)).format(listed)


def _plural(name: str) -> str:
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"


def _amount(share: float, rng: np.random.Generator) -> str:
    if rng.random() < 0.25:
        return f"{round(share * 10) * 10 or 5} percent"
    steps = (
        (0.85, "almost only"),
        (0.5, "mostly"),
        (0.2, "much"),
        (0.08, "some"),
        (0.0, "a little"),
    )
    return next(word for floor, word in steps if share >= floor)
