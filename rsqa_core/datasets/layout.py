"""Which files of a folder are images, masks, candidates and probabilities.

The parts of one image share a *key*: their path inside the folder without the role folders
(``images``, ``masks``, ``candidates/<segmenter>`` ...) and without the suffix. So masks may lie in
``masks/`` beside ``images/`` at any depth.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rsqa_core.errors import UnsafePathError
from rsqa_core.files import resolve_under
from rsqa_core.records import SYNTHETIC_PREFIX, is_synthetic

IMAGE_FOLDER = "images"
MASK_FOLDERS = frozenset({"masks", "labels", "reference", "gt", "annotations"})
CANDIDATE_FOLDERS = frozenset({"candidates", "predictions"})
RASTER_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
PROBS_SUFFIX = ".npz"

_SIDECARS = (
    ".aux.xml",
    ".ovr",
    ".tfw",
    ".jgw",
    ".pgw",
    ".wld",
    ".prj",
    ".json",
    ".csv",
    ".md",
    ".txt",
    ".xml",
)
_SIDECAR_NAMES = frozenset({"sha256sums", "md5sums", "license", "readme", "notice"})
_CLUTTER = frozenset({"thumbs.db", "desktop.ini", "thumbs", "thumbnails", "__macosx"})
MAX_FILES = 500_000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not imported, by its name inside the folder, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image file with the mask, candidates and probabilities (by segmenter) that go with it."""

    name: str
    key: str
    path: Path
    mask: Path | None = None
    candidates: dict[str, Path] = field(default_factory=dict)
    probs: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a folder holds; ``names`` are the printable names of its files by path."""

    images: tuple[FoundImage, ...]
    left_out: tuple[LeftOut, ...]
    names: dict[Path, str]


@dataclass(slots=True)
class _Sorted:
    images: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)
    candidates: dict[str, dict[str, Path]] = field(default_factory=dict)
    probs: dict[str, dict[str, Path]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    names: dict[Path, str] = field(default_factory=dict)


def printable_name(path: str | PurePosixPath) -> str:
    """Return a file's name as text that is safe to store and show.

    Bytes that are no UTF-8 and control characters are written as escapes.

    Example:
        >>> printable_name("a\\x1b[31m.png")
        'a\\\\x1b[31m.png'
    """
    text = os.fsencode(str(path)).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read_layout(root: Path) -> Layout:
    """Look through a folder, links not followed out of it.

    With an ``images`` folder anywhere, only images in such folders count; without one, every
    raster outside the mask and candidate folders does.
    """
    found = _Sorted()
    plain: dict[str, Path] = {}
    for relative, path in _files(root, found):
        name = printable_name(relative)
        found.names[path] = name
        reason = _sort_in(relative, path, found, plain)
        if reason:
            found.left_out.append(LeftOut(name, reason))
    with_folder = bool(found.images)
    for key, path in plain.items():
        if with_folder:
            found.left_out.append(
                LeftOut(found.names[path], f"it is not in the folder {IMAGE_FOLDER}/")
            )
        else:
            found.images[key] = path
    return _joined(found)


def _files(root: Path, found: _Sorted) -> Iterator[tuple[PurePosixPath, Path]]:
    count = 0
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        for name in sorted(folders):
            if _is_clutter(name):
                folders.remove(name)
            elif (here / name).is_symlink():
                link = PurePosixPath((here / name).relative_to(root).as_posix())
                found.left_out.append(
                    LeftOut(
                        printable_name(link),
                        "it is a link to a folder, which is not followed; copy the folder",
                    )
                )
        folders.sort()
        for name in sorted(files):
            if _is_clutter(name):
                continue
            relative = PurePosixPath((here / name).relative_to(root).as_posix())
            count += 1
            if count > MAX_FILES:
                found.left_out.append(
                    LeftOut(printable_name(relative), f"the folder has more than {MAX_FILES} files")
                )
                return
            try:
                resolve_under(root, Path(relative))
            except UnsafePathError:
                found.left_out.append(
                    LeftOut(printable_name(relative), "it is a link out of the folder")
                )
                continue
            yield relative, here / name


def _is_clutter(name: str) -> bool:
    return name.startswith((".", "._")) or name.casefold() in _CLUTTER


def _sort_in(
    relative: PurePosixPath, path: Path, found: _Sorted, plain: dict[str, Path]
) -> str | None:
    """Put one file where it belongs; returns the reason when it belongs nowhere."""
    lower = relative.name.casefold()
    suffix = PurePosixPath(lower).suffix
    if suffix not in RASTER_SUFFIXES and suffix != PROBS_SUFFIX:
        if lower.endswith(_SIDECARS) or PurePosixPath(lower).stem in _SIDECAR_NAMES:
            return None
        return (
            f"the type {suffix or 'without a suffix'} is not supported; expected JPEG, PNG or "
            "TIFF images, or .npz probabilities"
        )
    role, segmenter, key = _role_of(relative)
    if role == "candidate":
        if segmenter is None:
            return "expected it in a folder named after its segmenter: candidates/<segmenter>/"
        if is_synthetic(segmenter):
            return (
                f"names that begin with {SYNTHETIC_PREFIX} are kept for degraded masks that RSQA "
                "makes itself; rename its folder"
            )
        kinds = found.probs if suffix == PROBS_SUFFIX else found.candidates
        return _put(kinds.setdefault(key, {}), segmenter, path, found)
    if suffix == PROBS_SUFFIX:
        return "probabilities belong beside a candidate mask: candidates/<segmenter>/"
    places = {"image": found.images, "mask": found.masks, "plain": plain}
    return _put(places[role], key, path, found)


def _put(places: dict[str, Path], key: str, path: Path, found: _Sorted) -> str | None:
    if key in places:
        return f"{found.names[places[key]]} has the same name, so masks cannot be told apart"
    places[key] = path
    return None


def _role_of(relative: PurePosixPath) -> tuple[str, str | None, str]:
    """Return the role of a file, its segmenter, and its key."""
    folders = list(relative.parts[:-1])
    stem = relative.stem
    for place, folder in enumerate(folders):
        word = folder.casefold()
        before, after = folders[:place], folders[place + 1 :]
        if word == IMAGE_FOLDER:
            return "image", None, "/".join([*before, *after, stem])
        if word in MASK_FOLDERS:
            return "mask", None, "/".join([*before, *after, stem])
        if word in CANDIDATE_FOLDERS:
            if not after:
                return "candidate", None, "/".join([*before, stem])
            return "candidate", printable_name(after[0]), "/".join([*before, *after[1:], stem])
    return "plain", None, "/".join([*folders, stem])


def _joined(found: _Sorted) -> Layout:
    images = tuple(
        FoundImage(
            found.names[path],
            printable_name(key),
            path,
            found.masks.get(key),
            dict(sorted(found.candidates.get(key, {}).items())),
            found.probs.get(key, {}),
        )
        for key, path in sorted(found.images.items())
    )
    left_out = list(found.left_out)
    for key, path in found.masks.items():
        if key not in found.images:
            left_out.append(LeftOut(found.names[path], f"no image is called {_last(key)}"))
    for key, by_segmenter in found.candidates.items():
        if key not in found.images:
            left_out.extend(
                LeftOut(found.names[p], f"no image is called {_last(key)}")
                for p in by_segmenter.values()
            )
    for key, by_segmenter in found.probs.items():
        for segmenter, path in by_segmenter.items():
            if segmenter not in found.candidates.get(key, {}):
                left_out.append(
                    LeftOut(found.names[path], f"no mask {_last(key)}.png lies beside it")
                )
    return Layout(images, tuple(sorted(left_out, key=lambda f: f.name)), found.names)


def _last(key: str) -> str:
    return printable_name(key.rsplit("/", 1)[-1])
