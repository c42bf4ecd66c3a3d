"""Which tiles belong to one scene, so that no split puts neighbours on both sides."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from rsqa_core.errors import InvalidInputError, UnreadableFileError

SCENE_COLUMNS = ("scene", "tile", "split_group")
FILE_COLUMNS = ("image", "file", "filename", "name", "path")
MAX_MANIFEST_BYTES = 64 << 20

_PREFIX = re.compile(r"^((?:tile|scene|site|area)[ _-]?\d+)(?=[_ -])", re.IGNORECASE)


def read_manifest_scenes(path: Path) -> dict[str, str]:
    """Return the scene of each image's stem from a manifest, empty when it names none.

    A value that is only a number gets the column's name before it, as in ``tile6``.

    Raises:
        UnreadableFileError: it is too large or not UTF-8 CSV.
    """
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise UnreadableFileError(f"{path.name} has more than {MAX_MANIFEST_BYTES:,} bytes.")
        rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
        columns = {c.strip().casefold(): c for c in rows.fieldnames or []}
        scene = next((columns[c] for c in SCENE_COLUMNS if c in columns), None)
        file = next((columns[c] for c in FILE_COLUMNS if c in columns), None)
        if scene is None or file is None:
            return {}
        found = {}
        for row in rows:
            value = (row[scene] or "").strip()
            if value:
                name = f"{scene.strip().casefold()}{value}" if value.isdigit() else value
                found[PurePosixPath((row[file] or "").strip()).stem] = name
        return found
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFileError(f"{path.name} cannot be read as a table: {error}.") from error


def scene_of(
    key: str, *, pattern: str | None = None, manifest: Mapping[str, str] | None = None
) -> str:
    """Return the scene of an image by its key (path inside the folder, no suffix).

    The pattern decides, else the manifest, else a prefix like ``tile6_``, else the image is a
    scene of its own.

    Raises:
        InvalidInputError: the pattern does not match the key.

    Example:
        >>> scene_of("tile6_image_part_001"), scene_of("field/a"), scene_of("s2-b", pattern="(s.)-")
        ('tile6', 'field/a', 's2')
    """
    if pattern is not None:
        match = re.search(pattern, key)
        if match is None or not match.group(1):
            raise InvalidInputError(f"the scene pattern {pattern!r} does not match {key!r}")
        return match.group(1)
    stem = PurePosixPath(key).name
    if manifest and stem in manifest:
        return manifest[stem]
    folder = PurePosixPath(key).parent.name
    for name in (stem, f"{folder}_"):
        prefix = _PREFIX.match(name)
        if prefix:
            return prefix.group(1)
    return key
