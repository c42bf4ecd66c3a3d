"""Which candidates are learnt from and which are predicted.

No split lets a label of a predicted candidate's scene be seen. Masks are no labels: a candidate is
described among all candidates of its image, also those of a segmenter that is held out, because
whoever adds a segmenter has its masks beside the others'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.candidates import Candidates
from rsqa_core.errors import InvalidInputError

Rows = NDArray[np.int64]

FEW_LABELS = 20


@dataclass(frozen=True)
class Split:
    """One part of a protocol, as row numbers.

    Attributes:
        train: learnt from.
        test: predicted.
        usual: labelled rows that say which segmenter is the constant best, where the gap to the
            oracle starts: the other scenes' candidates of every segmenter, the held-out included.
    """

    name: str
    train: Rows
    test: Rows
    usual: Rows


def leave_one_scene_out(found: Candidates, seed: int = 0) -> list[Split]:
    """Predict every scene of the first data set from its other scenes.

    Raises:
        InvalidInputError: it has fewer than two scenes.
    """
    main = found.dataset == found.dataset[0]
    scenes = np.unique(found.scene[main])
    if len(scenes) < 2:
        raise InvalidInputError(
            f"Expected at least two scenes with a reference in {found.dataset[0]}, but got only "
            f"{scenes[0]}. Import more of it, or name another project first."
        )
    splits = []
    for scene in scenes:
        test = found.scene == scene
        splits.append(_split(str(scene), main & ~test, test, main & ~test))
    return splits


def leave_one_segmenter_out(found: Candidates, seed: int = 0) -> list[Split]:
    """Predict every segmenter's candidates of half of the scenes from the others' of the rest.

    Halves of the first data set's scenes, every second one by name, because a training for every
    scene and segmenter would take hours.

    Raises:
        InvalidInputError: it has fewer than two scenes.
    """
    scenes = [split.name for split in leave_one_scene_out(found)]
    main = found.dataset == found.dataset[0]
    splits = []
    for first in range(2):
        half = main & np.isin(found.scene, scenes[first::2])
        for name in np.unique(found.segmenter[half]):
            own = found.segmenter == name
            whole = np.flatnonzero(main & ~half)
            train = np.flatnonzero(main & ~half & ~own)
            if train.size:
                splits.append(Split(f"{name} {first}", train, np.flatnonzero(half & own), whole))
    return splits


def leave_one_dataset_out(found: Candidates, seed: int = 0) -> list[Split]:
    """Predict every data set from the others; no split where there is only one."""
    names = np.unique(found.dataset)
    if len(names) < 2:
        return []
    return [
        _split(str(name), found.dataset != name, found.dataset == name, found.dataset != name)
        for name in names
    ]


def leave_one_dataset_out_few(found: Candidates, seed: int = 0) -> list[Split]:
    """The same with FEW_LABELS labelled candidates of the new data set, each of another image.

    Of a data set of few images half are labelled. Images that a labelled candidate belongs to are
    not predicted; other tiles of the file that such an image was cut from are, as in a project
    whose review has begun.
    """
    splits = []
    for whole in leave_one_dataset_out(found):
        shuffled = np.random.default_rng([seed, FEW_LABELS]).permutation(whole.test)
        first = np.unique(found.image[shuffled], return_index=True)[1]
        labelled = shuffled[np.sort(first)[: min(FEW_LABELS, len(first) // 2)]]
        test = whole.test[~np.isin(found.image[whole.test], found.image[labelled])]
        train = np.concatenate([whole.train, labelled])
        splits.append(Split(whole.name, train, test, whole.usual))
    return splits


PROTOCOLS: dict[str, Callable[[Candidates, int], list[Split]]] = {
    "leave_one_scene_out": leave_one_scene_out,
    "leave_one_segmenter_out": leave_one_segmenter_out,
    "leave_one_dataset_out": leave_one_dataset_out,
    "leave_one_dataset_out_20_labels": leave_one_dataset_out_few,
}


def _split(
    name: str, train: NDArray[np.bool_], test: NDArray[np.bool_], usual: NDArray[np.bool_]
) -> Split:
    return Split(name, *(np.flatnonzero(part) for part in (train, test, usual)))
