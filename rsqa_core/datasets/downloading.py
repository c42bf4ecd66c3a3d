"""Getting files whose size and SHA-256 are known: resumed, verified, then renamed into place."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import rsqa_core
from rsqa_core.datasets.samples import SampleFile
from rsqa_core.errors import DownloadError
from rsqa_core.raster.tiles import file_sha256

TIMEOUT_S = 30.0
ATTEMPTS = 4
_CHUNK = 1 << 16
_PERMANENT = range(400, 500)

BytesDone = Callable[[int], None]


def is_verified(path: Path, file: SampleFile) -> bool:
    """Return whether ``path`` holds exactly the bytes that the catalogue promises."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    return file_sha256(path) == file.sha256


def copy_verified(source: Path, file: SampleFile, target: Path) -> None:
    """Copy a file of a local mirror once its size and checksum are right.

    Raises:
        DownloadError: they are not, or the copy cannot be written; ``target`` is left as it was.
    """
    partial = _partial(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, partial)
        _require_right(partial, file, str(source))
        partial.replace(target)
    except OSError as error:
        raise DownloadError(f"{file.name} cannot be copied from {source}: {error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def download_verified(
    file: SampleFile,
    target: Path,
    *,
    bytes_done: BytesDone = lambda count: None,
    timeout_s: float = TIMEOUT_S,
    attempts: int = ATTEMPTS,
    wait_s: float = 1.0,
) -> None:
    """Download a file; a connection that breaks is taken up where it stopped.

    Args:
        file: what to get, from where.
        target: its final place, which changes only when size and checksum are right.
        bytes_done: told how many bytes of the file are there.
        timeout_s: how long to wait for the next bytes.
        attempts: how often to try without any progress.
        wait_s: pause after the first failure; it doubles with every further one.

    Raises:
        DownloadError: the server refuses, stays unreachable, or sends other bytes than promised.
            Bytes received so far are kept for the next call only while they may be right.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(target)
    failures = 0
    resumed = partial.is_file() and partial.stat().st_size > 0
    while True:
        before = _size(partial)
        try:
            _receive(file, partial, bytes_done, timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _PERMANENT and error.code not in (408, 416, 429):
                partial.unlink(missing_ok=True)
                raise DownloadError(
                    f"{file.name} is not at {file.url}: the server answered {error.code} "
                    f"{error.reason}. Set RSQA_SAMPLE_MIRROR to a folder that has it."
                ) from error
            if error.code == 416:  # what is kept does not fit what the server has
                partial.unlink(missing_ok=True)
            reason: Exception = error
        except (OSError, http.client.HTTPException) as error:
            reason = error
        else:
            try:
                _require_right(partial, file, file.url)
            except DownloadError:
                partial.unlink(missing_ok=True)
                if not resumed:
                    raise
                resumed = False  # bytes of an earlier call were wrong: once more from the start
                continue
            partial.replace(target)
            return
        failures = 1 if _size(partial) > before else failures + 1
        if failures >= attempts:
            raise DownloadError(
                f"{file.name} could not be downloaded from {file.url}: {reason}. Check the network "
                "and call again, which goes on from there, or set RSQA_SAMPLE_MIRROR to a folder "
                "that has it."
            ) from reason
        time.sleep(wait_s * 2 ** (failures - 1))


def _receive(file: SampleFile, partial: Path, bytes_done: BytesDone, timeout_s: float) -> None:
    start = _size(partial)
    if start >= file.size:
        if start == file.size:
            return
        partial.unlink()
        start = 0
    headers = {"User-Agent": f"rsqa/{rsqa_core.__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    # The address comes from the catalogue in the program, never from a user.
    request = urllib.request.Request(file.url, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=timeout_s) as reply:  # noqa: S310
        goes_on = reply.status == 206 and _range_start(reply.headers) == start
        got = start if goes_on else 0
        with partial.open("ab" if goes_on else "wb") as out:
            while chunk := reply.read(_CHUNK):
                got += len(chunk)
                if got > file.size:
                    break  # more than promised: the checksum will say so
                out.write(chunk)
                bytes_done(got)
    if got < file.size:
        raise ConnectionError(f"the connection ended after {got:,} of {file.size:,} bytes")


def _range_start(headers: http.client.HTTPMessage) -> int | None:
    unit, _, rest = headers.get("Content-Range", "").partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit == "bytes" and start.isdigit() else None


def _require_right(path: Path, file: SampleFile, source: str) -> None:
    size, digest = path.stat().st_size, file_sha256(path)
    if (size, digest) != (file.size, file.sha256):
        raise DownloadError(
            f"{file.name} from {source} is not the file of the catalogue: expected {file.size:,} "
            f"bytes with SHA-256 {file.sha256}, but got {size:,} bytes with {digest}. "
            "Nothing of it is kept."
        )


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
