"""Unpacking an archive from outside: nothing leaves the folder, nothing grows without bound."""

from __future__ import annotations

import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from rsqa_core.datasets.layout import LeftOut, printable_name
from rsqa_core.errors import InvalidInputError, UnreadableFileError, UnsafePathError
from rsqa_core.files import resolve_under

MAX_MEMBERS = 100_000
MAX_BYTES = 50 << 30
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 << 20
"""Smaller members and archives may shrink as much as they like: empty masks do."""

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_CHUNK = 1 << 20
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(slots=True)
class _Budget:
    """What may still be written, for the archive as a whole."""

    archive_bytes: int
    written: int = 0

    def take(self, count: int) -> None:
        self.written += count
        if self.written > MAX_BYTES:
            raise InvalidInputError(
                f"The archive unpacks to more than {MAX_BYTES >> 30} GiB. Unpack it yourself and "
                "import the folder."
            )
        if self.written > RATIO_FREE_BYTES and self.written > MAX_RATIO * self.archive_bytes:
            raise InvalidInputError(
                f"The archive unpacks to more than {MAX_RATIO} times its size, as archives made "
                "to fill a disk do. Unpack it yourself if you trust it, and import the folder."
            )


def is_archive(path: Path) -> bool:
    """Return whether a path is a file called .zip, .tar, .tar.gz or .tgz."""
    return path.is_file() and path.name.casefold().endswith(_SUFFIXES)


def extract_archive(archive: Path, target: Path) -> list[LeftOut]:
    """Unpack the regular files of an archive into an empty folder.

    Returns:
        What was left out: names that climb out, links, devices, encrypted and damaged members.

    Raises:
        UnreadableFileError: the file is no archive or is truncated.
        InvalidInputError: it has more members or bytes than allowed, or a suspicious ratio.
    """
    budget = _Budget(max(1, archive.stat().st_size))
    opener = _zip_members if archive.name.casefold().endswith(".zip") else _tar_members
    left_out: list[LeftOut] = []
    try:
        for count, (name, reason, stream) in enumerate(opener(archive), start=1):
            if count > MAX_MEMBERS:
                raise InvalidInputError(
                    f"The archive {archive.name} has more than {MAX_MEMBERS:,} members. Unpack it "
                    "yourself and import the folder."
                )
            reason = reason or _unpack(name, stream, target, budget)
            if reason:
                left_out.append(LeftOut(printable_name(name), reason))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise UnreadableFileError(
            f"The archive {archive.name} cannot be read: {error}. Copy it again from its source."
        ) from error
    return left_out


def inner_folder(root: Path) -> Path:
    """Return the one folder that an archive holds everything in, or ``root`` itself."""
    entries = [e for e in root.iterdir() if not e.name.startswith((".", "__MACOSX"))]
    if len(entries) == 1 and entries[0].is_dir() and entries[0].name.casefold() != "images":
        return entries[0]
    return root


def _unpack(name: str, stream: IO[bytes] | None, target: Path, budget: _Budget) -> str | None:
    """Write one member; returns the reason when it is left out."""
    if stream is None:  # a folder
        return None
    parts = PurePosixPath(name).parts
    if "\\" in name or "\0" in name or ".." in parts or name.startswith("/") or _DRIVE.match(name):
        return "its path leads out of the archive's folder"
    try:
        path = resolve_under(target, name)
    except (UnsafePathError, ValueError):
        return "its path leads out of the archive's folder"
    if path.exists():
        return "another member has the same name"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            while chunk := stream.read(_CHUNK):
                budget.take(len(chunk))
                out.write(chunk)
    except (zipfile.BadZipFile, zlib.error) as error:
        path.unlink(missing_ok=True)
        return f"it is damaged in the archive ({error})"
    except (FileExistsError, NotADirectoryError):
        return "another member has the name of its folder"
    return None


def _zip_members(archive: Path) -> Iterator[tuple[str, str | None, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                yield member.filename, None, None
            elif kind not in (0, stat.S_IFREG):
                yield member.filename, "it is a link or device, which is not unpacked", None
            elif member.flag_bits & 0x1:
                yield member.filename, "it is encrypted", None
            else:
                try:
                    stream = file.open(member)
                except (zipfile.BadZipFile, NotImplementedError) as error:
                    yield member.filename, f"it is damaged in the archive ({error})", None
                    continue
                with stream:
                    # zipfile renames what climbs out; the check wants the name as it is written.
                    yield member.orig_filename, None, stream


def _tar_members(archive: Path) -> Iterator[tuple[str, str | None, IO[bytes] | None]]:
    with tarfile.open(archive, "r:*") as file:
        for member in file:
            if member.isdir():
                yield member.name, None, None
            elif not member.isreg():
                yield member.name, "it is a link or device, which is not unpacked", None
            else:
                yield member.name, None, file.extractfile(member)


@contextmanager
def removed_on_error(folder: Path) -> Iterator[Path]:
    """Remove a folder again when what fills it fails."""
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
