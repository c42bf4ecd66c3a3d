"""Opening files from outside: they are decoded in a limited process, never in this one.

A damaged or hostile file that crashes the decoder, fills its memory or keeps it busy ends that
process; here it is an ``UnreadableFileError`` with the file's name. Processes are kept and reused,
so a file costs one exchange over a pipe.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import UnreadableFileError
from rsqa_core.raster.headers import RasterHeader
from rsqa_core.raster.limits import OVERVIEW_PX, WORKER_MEMORY_BYTES, WORKER_TIMEOUT_S

_MAX_IDLE = 4
_MAX_REPLY_HEAD = 1 << 20
_ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1",  # it may not write files
    "GDAL_CACHEMAX": "256",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no sidecar file is opened
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class Patch:
    """Decoded pixels: (C, H, W) in source units, and (H, W) bool of pixels that hold data."""

    pixels: NDArray[Any]
    valid: NDArray[np.bool_]


class _Worker:
    """One decoding process and the pipe to it."""

    def __init__(self, memory_bytes: int, timeout_s: float) -> None:
        self.owner_pid = os.getpid()
        self.limits = (memory_bytes, timeout_s)
        self._timeout_s = timeout_s
        root = Path(__file__).resolve().parents[2]
        # An own group keeps Ctrl-C from it; it ends when its standard input closes.
        self._process = subprocess.Popen(  # noqa: S603 - a fixed command
            [sys.executable, "-m", "rsqa_core.raster.worker", str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=root,
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,
        )
        self._requests = cast(BinaryIO, self._process.stdin)
        self._replies = cast(BinaryIO, self._process.stdout)

    def ask(self, op: str, **args: Any) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        timed_out = threading.Event()

        def give_up() -> None:
            timed_out.set()
            self._process.kill()

        timer = threading.Timer(self._timeout_s, give_up)
        timer.daemon = True
        timer.start()
        try:
            self._requests.write(json.dumps({"op": op, "args": args}).encode() + b"\n")
            self._requests.flush()
            head = json.loads(self._replies.readline(_MAX_REPLY_HEAD))
            arrays = [self._receive(entry) for entry in head["arrays"]]
        except (OSError, ValueError, EOFError) as error:
            self.kill()
            reason = (
                f"decoding it took more than {self._timeout_s:g} s"
                if timed_out.is_set()
                else "decoding it crashed or ran out of the memory that is allowed"
            )
            raise UnreadableFileError(reason) from error
        except BaseException:  # Ctrl-C in the middle of a reply leaves the pipe out of step
            self.kill()
            raise
        finally:
            timer.cancel()
        if "error" in head:
            raise UnreadableFileError(str(head["error"]))
        return head["values"], arrays

    def _receive(self, entry: dict[str, Any]) -> NDArray[Any]:
        array = np.empty(tuple(entry["shape"]), dtype=np.dtype(entry["dtype"]))
        if array.size:
            view = array.reshape(-1).view(np.uint8).data
            got = 0
            while got < len(view):
                count = self._replies.readinto(view[got:])  # type: ignore[attr-defined]
                if not count:
                    raise EOFError
                got += count
        return array

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        if self.owner_pid != os.getpid():  # inherited over a fork: belongs to the parent
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._replies):
            with contextlib.suppress(OSError):
                stream.close()


_idle: list[_Worker] = []
_lock = threading.Lock()


def _take(memory_bytes: int, timeout_s: float) -> _Worker:
    with _lock:
        for worker in list(_idle):
            if worker.owner_pid != os.getpid():
                _idle.remove(worker)
            elif worker.limits == (memory_bytes, timeout_s):
                _idle.remove(worker)
                if worker.alive:
                    return worker
                worker.kill()
    return _Worker(memory_bytes, timeout_s)


def _give_back(worker: _Worker) -> None:
    with _lock:
        if worker.alive and len(_idle) < _MAX_IDLE:
            _idle.append(worker)
            return
    worker.kill()


@atexit.register
def stop_workers() -> None:
    """End the idle decoding processes; the next file starts a new one."""
    with _lock:
        workers, _idle[:] = list(_idle), []
    for worker in workers:
        worker.kill()


class Source:
    """An open raster file; made by ``open_source``."""

    def __init__(self, path: Path, worker: _Worker, header: RasterHeader) -> None:
        self.path = path
        self.header = header
        self._worker = worker

    def read(self, x_px: int, y_px: int, width_px: int, height_px: int) -> Patch:
        """Decode one window.

        Raises:
            UnreadableFileError: the data is corrupt or the window does not lie in the file.
        """
        header = self.header
        if (
            min(x_px, y_px) < 0
            or min(width_px, height_px) < 1
            or x_px + width_px > header.width_px
            or y_px + height_px > header.height_px
        ):
            raise UnreadableFileError(
                f"Expected a window inside {header.width_px} x {header.height_px} px of "
                f"{self.path.name}, but got {width_px} x {height_px} px at ({x_px}, {y_px})."
            )
        return self._ask("read", x_px=x_px, y_px=y_px, width_px=width_px, height_px=height_px)

    def overview(self, side_px: int = OVERVIEW_PX) -> Patch:
        """Decode the whole extent, decimated so that the longer side has about ``side_px``."""
        return self._ask("overview", side_px=side_px)

    def verify(self) -> None:
        """Decode all pixels without returning them (of very large TIFFs, an overview).

        Raises:
            UnreadableFileError: the data is truncated or corrupt.
        """
        with _naming(self.path):
            self._worker.ask("verify")

    def _ask(self, op: str, **args: int) -> Patch:
        with _naming(self.path):
            _, arrays = self._worker.ask(op, **args)
        pixels = arrays[0]
        valid = arrays[1] if len(arrays) > 1 else np.ones(pixels.shape[1:], dtype=np.bool_)
        return Patch(pixels, valid)

    def close(self) -> None:
        if self._worker.alive:
            with contextlib.suppress(UnreadableFileError):
                self._worker.ask("close")
        _give_back(self._worker)

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except UnreadableFileError as error:
        raise UnreadableFileError(f"{path.name} cannot be read: {error}.") from error


def open_source(
    path: Path,
    *,
    as_mask: bool = False,
    memory_bytes: int = WORKER_MEMORY_BYTES,
    timeout_s: float = WORKER_TIMEOUT_S,
) -> Source:
    """Open a JPEG, PNG or TIFF from outside in a limited process; use it in a ``with``.

    Args:
        path: the file; its type is read from its first bytes.
        as_mask: keep palette indices (``header.palette`` has their colours) instead of colours.
        memory_bytes: what decoding may use.
        timeout_s: how long one request may take.

    Raises:
        UnreadableFileError: no such type, corrupt, or its header claims more than the limits.
    """
    worker = _take(memory_bytes, timeout_s)
    try:
        with _naming(path):
            values, _ = worker.ask("open", path=str(path.resolve()), as_mask=as_mask)
        header = RasterHeader.from_json(values)
    except BaseException:
        _give_back(worker)
        raise
    return Source(path, worker, header)
