"""A folder of immutable files named by what they contain, and locks between processes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rsqa_core.errors import UnsafePathError


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def resolve_under(root: Path, name: str | Path) -> Path:
    """Return ``root / name`` when that lies inside ``root``, links followed.

    Raises:
        UnsafePathError: the name is absolute, climbs out with ``..`` or follows a link outside.
    """
    base = root.resolve()
    path = (base / name).resolve()
    if not path.is_relative_to(base):
        raise UnsafePathError(
            f"The path {str(name)!r} leads out of {base}. Expected a path inside that folder."
        )
    return path


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` so that readers see the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "wb") as stream:
            # Temporary files are private; what they become has the rights of any new file.
            os.fchmod(handle, 0o666 & ~_umask())
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def trim_folder(folder: Path, max_bytes: int) -> int:
    """Delete the oldest files below ``folder`` until the others fit; return how many went.

    For what is made again when it is missing. Files that cannot be deleted stay.

    Example:
        >>> trim_folder(Path("/nowhere"), 0)
        0
    """
    found = []
    for path in folder.rglob("*"):
        with suppress(OSError):  # gone since it was listed
            about = path.lstat()
            if stat.S_ISREG(about.st_mode):
                found.append((about.st_mtime_ns, about.st_size, path))
    room, gone = max_bytes, 0
    for _, size, path in sorted(found, reverse=True):
        room -= size
        if room < 0:
            with suppress(OSError):
                path.unlink()
                gone += 1
    return gone


@contextmanager
def turn(path: Path, waiting: Callable[[], None], *, every_s: float = 0.5) -> Iterator[None]:
    """Hold the lock ``path`` while the context is open; one process at a time holds it.

    The lock goes with its process, however that ends. ``waiting`` is called every ``every_s``
    seconds while another process holds it, and may raise to give up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(every_s)
        yield


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    value = os.umask(0o022)
    os.umask(value)
    return value


class FileStore:
    """Immutable files under one root; the name of a file is the SHA-256 of its bytes.

    Example:
        >>> store = FileStore(Path(tempfile.mkdtemp()))
        >>> name = store.put(b"abc", ".txt")
        >>> name[:6], store.path(name).read_bytes()
        ('ba/ba7', b'abc')
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, content: bytes, suffix: str) -> str:
        """Store ``content`` once and return its name relative to the root."""
        digest = hashlib.sha256(content).hexdigest()
        name = f"{digest[:2]}/{digest}{suffix}"
        path = self.root / name
        if not path.exists():
            write_atomically(path, content)
        return name

    def path(self, name: str) -> Path:
        """Return the path of a stored file.

        Raises:
            UnsafePathError: the name leads out of the store.
        """
        return resolve_under(self.root, name)
