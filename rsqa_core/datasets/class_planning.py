"""Which palette an import reads its masks with, and which classes the project gets."""

from __future__ import annotations

from pathlib import Path

from rsqa_core.datasets.classes import (
    DEFAULT_CLASSES,
    REST,
    ClassScheme,
    build_scheme,
    default_color,
)
from rsqa_core.datasets.mask_decoding import MaskTally, require_mask_values
from rsqa_core.datasets.options import ImportOptions
from rsqa_core.datasets.palette import (
    Palette,
    PaletteEntry,
    palette_of_classes,
    read_palette,
)
from rsqa_core.datasets.plan import Findings
from rsqa_core.errors import InvalidInputError
from rsqa_core.records import VOID, Project, normalised_class_name

PALETTE_NAMES = ("palette.json", "palette.csv")
MAX_UNNAMED_ID = 63
"""Without a palette, larger values are more likely grey levels than class numbers."""


def plan_classes(
    root: Path,
    options: ImportOptions,
    project: Project | None,
    tallies: dict[Path, MaskTally],
    findings: Findings,
) -> ClassScheme:
    """Work out how the masks' values become classes of the project.

    Masks that need a palette where there is none are left out and removed from ``tallies``.

    Raises:
        InvalidInputError: the palette has no meaning, or no class is left.
        ConflictError: the existing project lacks a class of the masks.
    """
    palette = _palette_of(root, options, findings)
    if palette is None and project is not None:
        palette = palette_of_classes(project.classes, f"the project {project.slug}")
        if tallies:
            listed = ", ".join(f"{c.id} = {c.name}" for c in project.classes)
            findings.notes.append(f"No palette: mask numbers are the project's own ({listed}).")
    if palette is None:
        palette = _unnamed_palette(tallies, findings)
    if project is None:
        for name in _misspelt(palette, options):
            findings.notes.append(
                f"No class of {palette.title} is called {name!r}, which --ignore or --map names."
            )
    return build_scheme(
        palette,
        ignored=(*(project.ignored if project else ()), *options.ignored),
        class_map={**(project.class_map if project else {}), **options.class_map},
        existing=project.classes if project else None,
    )


def _misspelt(palette: Palette, options: ImportOptions) -> list[str]:
    known = {normalised_class_name(e.name) for e in palette.entries}
    named = [*options.ignored, *(n for n in options.class_map if n.strip() != REST)]
    return [n for n in named if normalised_class_name(n) not in known]


def _palette_of(root: Path, options: ImportOptions, findings: Findings) -> Palette | None:
    if options.palette is not None:
        return read_palette(options.palette)
    for name in PALETTE_NAMES:
        if (root / name).is_file():
            findings.notes.append(f"Class names and colours come from {name} in the folder.")
            return read_palette(root / name)
    return None


def _unnamed_palette(tallies: dict[Path, MaskTally], findings: Findings) -> Palette:
    """Name the classes of index masks by their numbers; unusable masks are left out."""
    largest = -1
    colors: dict[int, tuple[int, int, int]] = {}
    for path, tally in list(tallies.items()):
        name = findings.layout.names[path]
        if findings.attempt(path, lambda t=tally, n=name: _require_numbered(t, n)) is None:  # type: ignore[misc]
            del tallies[path]
            continue
        ids = [v for v in tally.counts if v != VOID]
        largest = max(largest, *ids) if ids else largest
        for value in ids:
            if tally.header.palette is not None and value < len(tally.header.palette):
                colors.setdefault(value, tally.header.palette[value])
    if largest < 0:
        return palette_of_classes(DEFAULT_CLASSES, "the default classes")
    findings.notes.append(
        f"No palette: the classes are called class_0 to class_{largest} after their numbers in the "
        "masks."
    )
    unique = len(set(colors.values())) == len(colors) == largest + 1
    return Palette(
        tuple(
            PaletteEntry(f"class_{i}", i, colors[i] if unique else default_color(i))
            for i in range(largest + 1)
        ),
        "the numbers in the masks",
    )


def _require_numbered(tally: MaskTally, name: str) -> bool:
    if tally.kind == "color":
        raise InvalidInputError(
            f"{name} is coded by colour; name the classes with a palette file (--palette)."
        )
    if set(tally.counts) == {0, VOID}:
        raise InvalidInputError(
            f"{name} has only the values 0 and {VOID}. Is {VOID} a class or 'no label'? Say so "
            'with a palette file, such as {"background": 0, "object": 255}.'
        )
    require_mask_values(tally, name, MAX_UNNAMED_ID)
    return True
