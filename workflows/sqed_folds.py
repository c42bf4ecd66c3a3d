"""Which scenes are held out together when an evaluation data set is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsqa_core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Fold:
    """Scenes of one project whose candidates come from segmenters that never saw them.

    Attributes:
        slug: the project.
        name: ``fold-1``, ``fold-2`` and so on.
        held_out: scenes whose images get candidates.
        trained_on: scenes that the segmenters of this fold train on.
    """

    slug: str
    name: str
    held_out: tuple[str, ...]
    trained_on: tuple[str, ...]


def folds_of(
    slug: str, images: Mapping[str, int], count: int, given: Sequence[Sequence[str]] = ()
) -> list[Fold]:
    """Divide a project's scenes into folds.

    Without ``given`` ones, the scenes go one by one, largest first, to the fold that has the
    fewest images so far, so the same project gives the same folds.

    Args:
        images: number of images with a reference mask, by scene.
        count: number of folds; ignored when they are given.
        given: scenes of each fold.

    Raises:
        InvalidInputError: fewer than two folds, fewer scenes than folds, or given folds that do not
            hold each scene exactly once.

    Example:
        >>> [fold.held_out for fold in folds_of("p", {"a": 3, "b": 2, "c": 2}, 2)]
        [('a',), ('b', 'c')]
    """
    groups = [tuple(sorted(scenes)) for scenes in given] or _divided(slug, images, count)
    if len(groups) < 2:
        raise InvalidInputError(
            f"Expected at least 2 folds for project {slug!r}, but got {len(groups)}: somebody must "
            "be left to train on."
        )
    named = [scene for group in groups for scene in group]
    unknown = sorted(set(named) - set(images))
    if unknown:
        raise InvalidInputError(
            f"Project {slug!r} has no scene {unknown[0]!r} with reference masks. Expected each of "
            f"{', '.join(sorted(images))} in exactly one fold."
        )
    wrong = sorted(scene for scene in images if named.count(scene) != 1)
    if wrong:
        raise InvalidInputError(
            f"Scene {wrong[0]!r} of project {slug!r} is in {named.count(wrong[0])} folds. Expected "
            f"each of {', '.join(sorted(images))} in exactly one."
        )
    return [
        Fold(
            slug,
            f"fold-{number}",
            group,
            tuple(sorted(scene for scene in images if scene not in group)),
        )
        for number, group in enumerate(groups, start=1)
    ]


def given_folds(texts: Sequence[str], slugs: Sequence[str]) -> dict[str, list[list[str]]]:
    """Read folds written as ``[PROJECT:]SCENE,SCENE`` and return them by project.

    Raises:
        InvalidInputError: a fold names no scene, another project, or none among several.

    Example:
        >>> given_folds(["a,b", "c"], ["city"])
        {'city': [['a', 'b'], ['c']]}
    """
    found: dict[str, list[list[str]]] = {}
    for text in texts:
        before, colon, after = text.partition(":")
        named = colon == ":" and before in slugs
        if not named and len(slugs) != 1:
            raise InvalidInputError(
                f"Expected a fold written as PROJECT:SCENE,SCENE with one of the projects "
                f"{', '.join(slugs)}, but got {text!r}."
            )
        slug, listed = (before, after) if named else (slugs[0], text)
        scenes = [scene.strip() for scene in listed.split(",") if scene.strip()]
        if not scenes:
            raise InvalidInputError(f"Expected a fold to name at least one scene, got {text!r}.")
        found.setdefault(slug, []).append(scenes)
    return found


def _divided(slug: str, images: Mapping[str, int], count: int) -> list[tuple[str, ...]]:
    if len(images) < count:
        raise InvalidInputError(
            f"Project {slug!r} has {len(images)} scenes with reference masks, fewer than the "
            f"{count} folds asked for. Ask for fewer, or import it with --scene-pattern so that "
            "its images form more scenes."
        )
    groups: list[list[str]] = [[] for _ in range(count)]
    for scene in sorted(images, key=lambda name: (-images[name], name)):
        smallest = min(groups, key=lambda group: sum(images[name] for name in group))
        smallest.append(scene)
    return sorted(tuple(sorted(group)) for group in groups)
