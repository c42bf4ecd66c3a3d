"""How a folder is to be imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rsqa_core.errors import InvalidInputError
from rsqa_core.raster.tiling import require_tile_size
from rsqa_core.records import Origin


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What a person chose for an import.

    Attributes:
        palette: palette file; None uses palette.json (or .csv) of the folder when there is one.
        ignored: class names of the masks that become VOID.
        class_map: class name of the masks to class name of the project; ``*`` for every other.
        tile_px: longest side of a review tile.
        overlap_px: what neighbouring tiles share at least.
        scene_pattern: regular expression with one group that gives a file's scene; searched in the
            file's path inside the folder.
        scenes: import these scenes only; empty means all.
        origin: where the imagery comes from.

    Raises:
        InvalidInputError: a size or the pattern has no meaning.
    """

    palette: Path | None = None
    ignored: tuple[str, ...] = ()
    class_map: Mapping[str, str] = field(default_factory=dict)
    tile_px: int = 512
    overlap_px: int = 0
    scene_pattern: str | None = None
    scenes: tuple[str, ...] = ()
    origin: Origin = "imported"

    def __post_init__(self) -> None:
        # Options that travelled as JSON (to a job) arrive with text for paths, lists for tuples.
        if self.palette is not None:
            object.__setattr__(self, "palette", Path(self.palette))
        object.__setattr__(self, "ignored", tuple(self.ignored))
        object.__setattr__(self, "scenes", tuple(self.scenes))
        require_tile_size(self.tile_px, self.overlap_px)
        if self.scene_pattern is not None:
            try:
                groups = re.compile(self.scene_pattern).groups
            except re.error as error:
                raise InvalidInputError(
                    f"The scene pattern {self.scene_pattern!r} is no regular expression: {error}."
                ) from error
            if groups != 1:
                raise InvalidInputError(
                    f"Expected the scene pattern {self.scene_pattern!r} to have one group in "
                    f"parentheses, but it has {groups}. Example: '^(tile\\d+)_'."
                )


def parse_class_map(pairs: str) -> dict[str, str]:
    """Read ``FROM=TO,FROM=TO``.

    Raises:
        InvalidInputError: a part has no ``=``, an empty side, or a name that came before.

    Example:
        >>> parse_class_map("Tree=Vegetation, *=Other")
        {'Tree': 'Vegetation', '*': 'Other'}
    """
    found: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in pairs.split(","))):
        source, sign, target = (s.strip() for s in part.partition("="))
        if not (source and sign and target):
            raise InvalidInputError(
                f"Expected FROM=TO in the class map, but got {part!r}. Example: Tree=Vegetation."
            )
        if source in found:
            raise InvalidInputError(f"Class {source!r} is mapped twice. Map it once.")
        found[source] = target
    return found


def parse_names(names: str) -> tuple[str, ...]:
    """Read names separated by commas.

    Example:
        >>> parse_names("Unlabeled, Void_black,")
        ('Unlabeled', 'Void_black')
    """
    return tuple(filter(None, (n.strip() for n in names.split(","))))
