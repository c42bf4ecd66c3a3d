"""From a segmenter's classes to those of a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.records import normalised_class_name


def class_targets(
    segmenter_classes: Sequence[str], project_classes: Sequence[str], class_map: Mapping[str, str]
) -> list[int | None]:
    """Return for each segmenter class the index of its project class, None where it has none.

    A name listed in ``class_map`` goes where that says; otherwise to the project class of the same
    normalised name; otherwise to the target of ``*``.

    Raises:
        InvalidInputError: fewer than two project classes are reached, so a mask would say nothing.

    Example:
        >>> class_targets(["Building", "Road"], ["background", "building"], {"*": "background"})
        [1, 0]
    """
    index = {normalised_class_name(name): k for k, name in enumerate(project_classes)}
    targets: list[int | None] = []
    for name in segmenter_classes:
        key = normalised_class_name(name)
        mapped = class_map.get(key, key if key in index else class_map.get("*"))
        targets.append(None if mapped is None else index.get(normalised_class_name(mapped)))
    if len({target for target in targets if target is not None}) < 2:
        raise InvalidInputError(
            f"The segmenter's classes {', '.join(segmenter_classes)} reach fewer than two of the "
            f"project's classes {', '.join(project_classes)}. Import with --map FROM=TO to say "
            "which is which, for example --map '*=background'."
        )
    return targets


def map_probs(
    probs: NDArray[np.float32], targets: Sequence[int | None], class_count: int
) -> NDArray[np.float32]:
    """Add up probabilities by project class.

    Args:
        probs: (K, H, W) of the segmenter.
        targets: project class of each of the K classes; None drops it.
        class_count: number of project classes.

    Returns:
        (class_count, H, W) float32 that sums to 1 over classes; equal shares where all of the
        segmenter's mass is on dropped classes.
    """
    mapped = np.zeros((class_count, *probs.shape[1:]), dtype=np.float32)
    for k, target in enumerate(targets):
        if target is not None:
            mapped[target] += probs[k]
    total = mapped.sum(axis=0, keepdims=True)
    known = total > 1e-7
    shares: NDArray[np.float32] = np.where(
        known, mapped / np.where(known, total, 1), np.float32(1 / class_count)
    )
    return shares
