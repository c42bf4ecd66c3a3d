"""The process in which files from outside are decoded.

It runs as ``python -m rsqa_core.raster.worker`` under memory limits, reads one JSON request a line
from standard input and answers with one JSON line followed by the raw bytes of the arrays that the
line announces. Nothing is pickled: a decoder taken over by a hostile file can return wrong pixels
but cannot run code in the process that asked.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import UnreadableFileError
from rsqa_core.raster.limits import WORKER_MEMORY_BYTES
from rsqa_core.raster.readers import Reader, open_reader

Reply = tuple[dict[str, Any], list[NDArray[Any]]]


def limit_resources(memory_bytes: int) -> None:
    """Cap memory, forbid core dumps and file writes; exit with the parent, not on Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "darwin":  # there the limit can be set and limits nothing
        threading.Thread(target=_watch_memory, args=(memory_bytes,), daemon=True).start()
    else:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _watch_memory(memory_bytes: int) -> None:
    """Not for Linux, where ``ru_maxrss`` begins with the peak of the process that started this."""
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < memory_bytes:
        time.sleep(0.1)
    os._exit(3)


class Decoder:
    """Answers requests about the one file that is open."""

    def __init__(self) -> None:
        self._reader: Reader | None = None

    def answer(self, request: dict[str, Any]) -> Reply:
        operations: dict[str, Callable[..., Reply]] = {
            "open": self._open,
            "read": self._read,
            "overview": self._overview,
            "verify": self._verify,
            "close": self._close,
        }
        return operations[request["op"]](**request["args"])

    def _open(self, path: str, as_mask: bool) -> Reply:
        self._close()
        self._reader = open_reader(path, as_mask=as_mask)
        return self._reader.header.to_json(), []

    def _read(self, x_px: int, y_px: int, width_px: int, height_px: int) -> Reply:
        pixels, valid = self._opened().read(x_px, y_px, width_px, height_px)
        return {}, [pixels] if valid is None else [pixels, valid]

    def _overview(self, side_px: int) -> Reply:
        pixels, valid = self._opened().overview(side_px)
        return {}, [pixels] if valid is None else [pixels, valid]

    def _verify(self) -> Reply:
        self._opened().verify()
        return {}, []

    def _close(self) -> Reply:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        return {}, []

    def _opened(self) -> Reader:
        if self._reader is None:
            raise UnreadableFileError("no file is open")
        return self._reader


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until ``requests`` ends."""
    decoder = Decoder()
    for line in requests:
        try:
            values, arrays = decoder.answer(json.loads(line))
            head: dict[str, Any] = {"values": values}
        except UnreadableFileError as error:
            head, arrays = {"error": str(error)}, []
        except MemoryError:
            head, arrays = {"error": "decoding it needs more memory than is allowed"}, []
        except Exception as error:  # the boundary of this process: the asker gets the reason
            head, arrays = {"error": f"{type(error).__name__}: {error}"}, []
        arrays = [np.ascontiguousarray(array) for array in arrays]
        head["arrays"] = [{"dtype": a.dtype.str, "shape": a.shape} for a in arrays]
        replies.write(json.dumps(head).encode() + b"\n")
        for array in arrays:
            replies.write(array.reshape(-1).view(np.uint8).data)
        replies.flush()


def main() -> None:
    # Replies own the real standard output; anything that a library prints goes to standard error.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_resources(int(sys.argv[1]) if len(sys.argv) > 1 else WORKER_MEMORY_BYTES)
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
