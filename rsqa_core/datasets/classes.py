"""From the classes of masks to the classes of a project."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rsqa_core.datasets.palette import Palette, PaletteEntry
from rsqa_core.errors import ConflictError, InvalidInputError
from rsqa_core.raster.headers import Color
from rsqa_core.records import VOID, ClassDef, normalised_class_name

REST = "*"
"""The source name in a class map that stands for every class not named in it."""

DEFAULT_CLASSES: tuple[ClassDef, ...] = (
    ClassDef(0, "Building", (60, 16, 152)),
    ClassDef(1, "Land", (132, 41, 246)),
    ClassDef(2, "Road", (110, 193, 228)),
    ClassDef(3, "Vegetation", (254, 221, 58)),
    ClassDef(4, "Water", (226, 169, 41)),
)
"""Classes of a project whose imagery came without masks and palette; the live segmenters' own."""

SAFE_COLORS: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (187, 187, 187),
)
"""Okabe and Ito's colours with grey for black; they stay apart in common colour blindness."""


@dataclass(frozen=True, slots=True)
class ClassScheme:
    """How masks of one palette become masks of a project.

    ``targets`` has one project class id (or VOID) per entry of ``palette``. ``class_map`` and
    ``ignored`` are stored with the project for segmenters that speak the source's class names.
    """

    palette: Palette
    classes: tuple[ClassDef, ...]
    targets: tuple[int, ...]
    class_map: dict[str, str]
    ignored: tuple[str, ...]


def default_color(index: int) -> Color:
    """Return a colour for a class without one; the first eight are colour-blind-safe."""
    if index < len(SAFE_COLORS):
        return SAFE_COLORS[index]
    hue = (index * 0.618033988749895) % 1.0  # the golden ratio spreads any number of hues
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.55 + 0.35 * (index % 2), 0.9)
    return (round(red * 255), round(green * 255), round(blue * 255))


def build_scheme(
    palette: Palette,
    *,
    ignored: Iterable[str] = (),
    class_map: Mapping[str, str] | None = None,
    existing: Sequence[ClassDef] | None = None,
) -> ClassScheme:
    """Work out a project's classes: targets of the map and unmapped names, in palette order.

    Args:
        palette: classes of the masks.
        ignored: names that become VOID.
        class_map: source name to project class name; ``*`` stands for every other name.
        existing: classes of the project that is added to; None makes new ones.

    Raises:
        InvalidInputError: nothing is left, a name is both ignored and mapped, or there are more
            than 254 classes.
        ConflictError: the existing project lacks one of the classes.

    Example:
        >>> p = Palette((PaletteEntry("Tree", 0), PaletteEntry("Grass", 1)), "an example")
        >>> [c.name for c in build_scheme(p, class_map={"*": "Green"}).classes]
        ['Green']
    """
    left_out = tuple(dict.fromkeys(normalised_class_name(n) for n in ignored))
    mapping = normalised_map(class_map or {})
    both = sorted(set(left_out) & set(mapping))
    if both:
        raise InvalidInputError(
            f"Class {both[0]!r} is both ignored and mapped to {mapping[both[0]]!r}. Choose one."
        )
    wanted = [_target_name(entry, left_out, mapping) for entry in palette.entries]
    if existing is None:
        classes = _new_classes(palette, wanted)
    else:
        classes = tuple(existing)
        _require_known(palette, wanted, classes)
    ids = {normalised_class_name(c.name): c.id for c in classes}
    targets = tuple(VOID if name is None else ids[normalised_class_name(name)] for name in wanted)
    return ClassScheme(palette, classes, targets, mapping, left_out)


def normalised_map(class_map: Mapping[str, str]) -> dict[str, str]:
    """Return a class map with its source names in the form in which they are compared."""
    return {
        REST if source.strip() == REST else normalised_class_name(source): target.strip()
        for source, target in class_map.items()
    }


def _target_name(
    entry: PaletteEntry, ignored: tuple[str, ...], mapping: Mapping[str, str]
) -> str | None:
    name = normalised_class_name(entry.name)
    if name in ignored:
        return None
    return mapping.get(name, mapping.get(REST, entry.name))


def _new_classes(palette: Palette, wanted: Sequence[str | None]) -> tuple[ClassDef, ...]:
    own_colors = {normalised_class_name(e.name): e.color for e in palette.entries}
    names: dict[str, str] = {}
    colors: dict[str, Color] = {}
    for entry, name in zip(palette.entries, wanted, strict=True):
        if name is None:
            continue
        key = normalised_class_name(name)
        if not key:
            raise InvalidInputError(
                f"Expected a class name with a letter a-z or a digit, but got {name!r}. Rename it."
            )
        names.setdefault(key, name)
        color = own_colors.get(key) or entry.color
        if color is not None:
            colors.setdefault(key, color)
    if not names:
        raise InvalidInputError(
            f"Every class of {palette.title} is ignored, so nothing is left. Ignore fewer."
        )
    if len(names) >= VOID:
        raise InvalidInputError(
            f"Expected at most {VOID - 1} classes, but {palette.title} has {len(names)}. Map some "
            "of them to one."
        )
    return tuple(
        ClassDef(i, name, colors.get(key, default_color(i)))
        for i, (key, name) in enumerate(names.items())
    )


def _require_known(
    palette: Palette, wanted: Sequence[str | None], classes: Sequence[ClassDef]
) -> None:
    known = {normalised_class_name(c.name) for c in classes}
    missing = [n for n in wanted if n is not None and normalised_class_name(n) not in known]
    if missing:
        raise ConflictError(
            f"The project has no class {', '.join(repr(n) for n in dict.fromkeys(missing))}, which "
            f"{palette.title} uses; its classes are {', '.join(c.name for c in classes)}. Map the "
            "names with --map FROM=TO, leave them out with --ignore, or import into a new project."
        )
