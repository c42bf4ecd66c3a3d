"""When a head is out of its depth, and by how much its intervals then widen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rsqa_core.heads.head import QualityHead
from rsqa_core.heads.inputs import HeadInputs, Places
from rsqa_core.records import normalised_class_name

UNLIKE_TRAINING = "unlike_training"
UNKNOWN_CLASS = "unknown_class"
UNKNOWN_SEGMENTER = "unknown_segmenter"

WIDER_FOR_CLASS = 1.5
WIDER_FOR_SEGMENTER = 1.25
WIDEST_FOR_IMAGE = 1.25


def raise_alarms(
    head: QualityHead, inputs: HeadInputs, places: Places, classes: Sequence[str]
) -> tuple[list[tuple[str, ...]], NDArray[np.float64]]:
    """Return why each candidate is unlike what the head learnt from, and how much wider to state.

    An image is unlike the training when its semantic vector lies farther out than almost all images
    of scenes that were held out in training; its interval widens with that distance. Classes and
    segmenters are known by name.

    Args:
        classes: names of the project's classes.

    Returns:
        N tuples of codes, empty where nothing is amiss; (N,) factors of at least 1.
    """
    familiar = head.card.familiar
    strange = {normalised_class_name(name) for name in classes} - set(familiar.classes)
    ratio = head.unfamiliarity(inputs.semantic)[inputs.image_of_row]
    codes, factors = [], np.ones(len(inputs))
    for row, segmenter in enumerate(places.segmenters):
        found = []
        if ratio[row] > 1:
            found.append(UNLIKE_TRAINING)
            factors[row] *= min(float(ratio[row]), WIDEST_FOR_IMAGE)
        if strange:
            found.append(UNKNOWN_CLASS)
            factors[row] *= WIDER_FOR_CLASS
        if segmenter not in familiar.segmenters:
            found.append(UNKNOWN_SEGMENTER)
            factors[row] *= WIDER_FOR_SEGMENTER
        codes.append(tuple(found))
    return codes, factors
