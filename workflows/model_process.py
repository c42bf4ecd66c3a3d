"""A process that holds models for the app, so that the app itself loads none.

``python -m workflows.model_process`` answers requests, one JSON object a line: {"op": name, "args":
{…}} is answered with {"value": …} or {"error": text, "kind": "invalid" | "failed"}. It begins with
the first question of a screen, loads what it needs once, and ends with the app or after
IDLE_S without a question.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from rsqa_core.errors import InvalidInputError, RsqaError
from rsqa_core.settings import Settings, environment_of
from workflows.error_images import make_error_images
from workflows.explaining import explain_candidate
from workflows.opening import Installation, open_installation
from workflows.process_settings import rest_while_waiting
from workflows.searching import text_vector

IDLE_S = 600.0
TIMEOUT_S = 120.0
"""How long an answer may take; loading a model for the first one is part of it."""

_ROOT = Path(__file__).resolve().parents[1]
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "error_images": make_error_images,
    "explain_candidate": explain_candidate,
    "text_vector": text_vector,
}


class ModelsUnavailableError(RsqaError):
    """The process did not answer; asking again starts another."""


class ModelProcess:
    """The app's end of the pipe. One question at a time; others wait for their turn."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def ask(self, op: str, **args: Any) -> Any:
        """Return the answer to one of _OPERATIONS.

        Raises:
            InvalidInputError: the operation refused its arguments.
            ModelsUnavailableError: it failed, took more than TIMEOUT_S, or the process ended.
        """
        with self._lock:
            # A process that ended of idleness, or was killed, is replaced once.
            fresh = self._process is None or self._process.poll() is not None
            reply = self._exchange(op, args)
            if reply is None and not fresh:
                reply = self._exchange(op, args)
        if reply is None:
            raise ModelsUnavailableError(
                f"The process with the models did not answer {op!r}. Try again; if it stays so, "
                "look into the server's output."
            )
        if "error" in reply:
            kind = InvalidInputError if reply["kind"] == "invalid" else ModelsUnavailableError
            raise kind(str(reply["error"]))
        return reply["value"]

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _exchange(self, op: str, args: dict[str, Any]) -> dict[str, Any] | None:
        process = self._running()
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.daemon = True
        timer.start()
        try:
            requests, replies = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
            requests.write(json.dumps({"op": op, "args": args}).encode() + b"\n")
            requests.flush()
            reply = json.loads(replies.readline())
        except (OSError, ValueError):
            self.close()
            return None
        finally:
            timer.cancel()
        return cast(dict[str, Any], reply)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        environment = environment_of(self._settings)
        rest_while_waiting(environment)
        # An own group keeps Ctrl-C from it; it ends when its standard input closes.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workflows.model_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environment,
            start_new_session=True,
        )
        return self._process


@functools.cache
def model_process(settings: Settings) -> ModelProcess:
    """Return the one process of this app for an installation; it starts with its first question."""
    return ModelProcess(settings)


def serve(installation: Installation, requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until ``requests`` ends or nobody asks for IDLE_S."""
    while select.select([requests], [], [], IDLE_S)[0]:
        line = requests.readline()
        if not line:
            return
        replies.write(json.dumps(_answer(installation, line)).encode() + b"\n")
        replies.flush()


def _answer(installation: Installation, line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
        return {"value": _OPERATIONS[request["op"]](installation, **request["args"])}
    except RsqaError as error:
        return {"error": str(error), "kind": "invalid"}
    except Exception as error:  # the boundary of this process: the asker gets the reason
        return {"error": f"{type(error).__name__}: {error}", "kind": "failed"}


def main() -> None:
    # Replies own the real standard output; anything that a library prints goes to standard error.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
    serve(open_installation(), os.fdopen(0, "rb", buffering=0), replies)


if __name__ == "__main__":
    main()
