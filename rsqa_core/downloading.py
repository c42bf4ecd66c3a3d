"""Getting files over HTTP: resumed, checked against size and SHA-256, then renamed into place."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import rsqa_core
from rsqa_core.errors import DownloadError
from rsqa_core.files import file_sha256

TIMEOUT_S = 30.0
ATTEMPTS = 4
REMEDY = "set RSQA_SAMPLE_MIRROR to a folder that has it"
_CHUNK = 1 << 16
_PERMANENT = range(400, 500)
_SHA256 = re.compile(r"[0-9a-f]{64}")

BytesDone = Callable[[int], None]


class RemoteFile(Protocol):
    """What a file must be, as far as that is known beforehand, and where it comes from."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def sha256(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Received:
    """A file that arrived.

    Attributes:
        size: in bytes.
        sha256: of its bytes, computed here.
        revision: the commit that a model hub says it is from; empty where it says none.
    """

    size: int
    sha256: str
    revision: str = ""


class MissingFileError(DownloadError):
    """The server answered, and has no such file or does not give it."""


def is_verified(path: Path, file: RemoteFile) -> bool:
    """Return whether ``path`` holds exactly the bytes that the catalogue promises."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    return file_sha256(path) == file.sha256


def copy_verified(source: Path, file: RemoteFile, target: Path) -> None:
    """Copy a file of a local mirror once its size and checksum are right.

    Raises:
        DownloadError: they are not, or the copy cannot be written; ``target`` is left as it was.
    """
    partial = _partial(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, partial)
        _require_right(partial, file, _Stated(), str(source))
        partial.replace(target)
    except OSError as error:
        raise DownloadError(f"{file.name} cannot be copied from {source}: {error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def download_verified(
    file: RemoteFile,
    target: Path,
    *,
    bytes_done: BytesDone = lambda count: None,
    total_known: BytesDone = lambda total: None,
    remedy: str = REMEDY,
    timeout_s: float = TIMEOUT_S,
    attempts: int = ATTEMPTS,
    wait_s: float = 1.0,
) -> Received:
    """Download a file; a connection that breaks is taken up where it stopped.

    Size and SHA-256 that ``file`` does not know are taken from what the server states. Without a
    checksum known beforehand, bytes of an earlier call are continued only while the server's entity
    tag says that the file is still the same.

    Args:
        file: what to get, from where.
        target: its final place, which changes only when size and checksum are right.
        bytes_done: told how many bytes of the file are there.
        total_known: told the size of the whole file as soon as that is known.
        remedy: what else the user can do, after "or".
        timeout_s: how long to wait for the next bytes.
        attempts: how often to try without any progress.
        wait_s: pause after the first failure; it doubles with every further one.

    Raises:
        MissingFileError: the server has no such file.
        DownloadError: the server refuses, stays unreachable, or sends other bytes than promised.
            Bytes received so far are kept for the next call only while they may be right.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(target)
    stated = _Stated(tag=_read(_tag_of(partial)))
    failures = 0
    resumed = partial.is_file() and partial.stat().st_size > 0
    while True:
        before = _size(partial)
        try:
            _receive(file, partial, stated, bytes_done, total_known, timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _PERMANENT and error.code not in (408, 412, 416, 429):
                _forget(partial)
                kind = MissingFileError if error.code in (401, 403, 404, 410) else DownloadError
                raise kind(
                    f"{file.name} is not at {file.url}: the server answered {error.code} "
                    f"{error.reason}. {remedy[:1].upper()}{remedy[1:]}."
                ) from error
            if error.code in (412, 416):  # what is kept does not fit what the server has
                _forget(partial)
            reason: Exception = error
        except (OSError, http.client.HTTPException) as error:
            reason = error
        else:
            try:
                received = _require_right(partial, file, stated, file.url)
            except DownloadError:
                _forget(partial)
                if not resumed:
                    raise
                resumed = False  # bytes of an earlier call were wrong: once more from the start
                continue
            partial.replace(target)
            _forget(partial)
            return received
        failures = 1 if _size(partial) > before else failures + 1
        if failures >= attempts:
            raise DownloadError(
                f"{file.name} could not be downloaded from {file.url}: {reason}. Check the network "
                f"and call again, which goes on from there, or {remedy}."
            ) from reason
        time.sleep(wait_s * 2 ** (failures - 1))


@dataclass(slots=True)
class _Stated:
    """What the server says of a file beside its bytes."""

    size: int | None = None
    sha256: str | None = None
    revision: str = ""
    tag: str = ""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a hub's redirect to its storage, and keeps what only the hub's own answer says.

    For large files X-Linked-Etag is the SHA-256 and X-Linked-Size the size of what is stored.
    """

    def __init__(self, stated: _Stated) -> None:
        self._stated = stated

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _note(headers, self._stated)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _note(headers: http.client.HTTPMessage, stated: _Stated) -> None:
    linked = headers.get("X-Linked-Etag", "").strip('"')
    if _SHA256.fullmatch(linked):
        stated.sha256 = linked
    size = headers.get("X-Linked-Size", "")
    if size.isdigit():
        stated.size = int(size)
    stated.revision = headers.get("X-Repo-Commit", stated.revision)


def _receive(
    file: RemoteFile,
    partial: Path,
    stated: _Stated,
    bytes_done: BytesDone,
    total_known: BytesDone,
    timeout_s: float,
) -> None:
    start = _size(partial)
    if start and file.sha256 is None and not stated.tag:
        _forget(partial)  # nothing says that these bytes are of the file that is there today
        start = 0
    if file.size is not None and start >= file.size:
        if start == file.size:
            return
        _forget(partial)
        start = 0
    headers = {"User-Agent": f"rsqa/{rsqa_core.__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if file.sha256 is None:
            headers["If-Range"] = stated.tag
    # Addresses come from the catalogues in the program and the configured hub, http(s) only.
    request = urllib.request.Request(file.url, headers=headers)  # noqa: S310
    opener = urllib.request.build_opener(_Redirects(stated))
    with opener.open(request, timeout=timeout_s) as reply:
        _note(reply.headers, stated)
        goes_on = reply.status == 206 and _range_start(reply.headers) == start
        tag = reply.headers.get("ETag", "")
        if goes_on and file.sha256 is None and tag != stated.tag:
            _forget(partial)
            raise ConnectionError("the file changed on the server while it was being downloaded")
        stated.tag = "" if tag.startswith("W/") else tag
        _tag_of(partial).unlink(missing_ok=True)
        if file.sha256 is None and stated.tag:
            _tag_of(partial).write_text(stated.tag, encoding="utf-8")
        got = start if goes_on else 0
        length = reply.headers.get("Content-Length", "")
        whole = got + int(length) if length.isdigit() else stated.size
        expected = whole if file.size is None else file.size
        if expected is not None:
            total_known(expected)
        with partial.open("ab" if goes_on else "wb") as out:
            while chunk := reply.read(_CHUNK):
                got += len(chunk)
                if file.size is not None and got > file.size:
                    break  # more than promised: the checksum will say so
                out.write(chunk)
                bytes_done(got)
    if expected is not None and got < expected:
        raise ConnectionError(f"the connection ended after {got:,} of {expected:,} bytes")


def _range_start(headers: http.client.HTTPMessage) -> int | None:
    unit, _, rest = headers.get("Content-Range", "").partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit == "bytes" and start.isdigit() else None


def _require_right(path: Path, file: RemoteFile, stated: _Stated, source: str) -> Received:
    size, digest = path.stat().st_size, file_sha256(path)
    expected_size = stated.size if file.size is None else file.size
    expected_digest = stated.sha256 if file.sha256 is None else file.sha256
    if expected_size not in (None, size) or expected_digest not in (None, digest):
        promised = "the file of the catalogue" if file.sha256 else "the file that the server states"
        raise DownloadError(
            f"{file.name} from {source} is not {promised}: expected "
            f"{'any number of' if expected_size is None else format(expected_size, ',')} bytes "
            f"with SHA-256 {expected_digest or 'unknown'}, but got {size:,} bytes with {digest}. "
            "Nothing of it is kept."
        )
    return Received(size, digest, stated.revision)


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def _tag_of(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.etag")


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _tag_of(partial).unlink(missing_ok=True)


def _read(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8")
    return ""


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
