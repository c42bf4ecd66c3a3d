"""Bearer tokens: a signed statement of who may act on which project, and until when."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsqa_core.errors import InvalidInputError
from rsqa_core.settings import Settings

TOKEN_LIFETIME_S = 8 * 3600
"""A working day; the canvas asks the page for a new one when it has run out."""

_SECRET_BYTES = 32


class TokenError(InvalidInputError):
    """A token is missing, forged, damaged or out of date."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token speaks for."""

    reviewer: str
    project_id: int


def read_secret(settings: Settings) -> bytes:
    """Return the signing key, made at first use and readable by its owner alone.

    Raises:
        InvalidInputError: the file exists but is too short to be a key.
    """
    path = settings.secret_path
    if not path.exists():
        _create_secret(path)
    key = path.read_bytes()
    if len(key) < _SECRET_BYTES:
        raise InvalidInputError(
            f"The signing key {path} has {len(key)} bytes. Expected at least {_SECRET_BYTES}. "
            "Delete the file; a new key is made at the next start and open pages sign in again."
        )
    return key


def _create_secret(path: Path) -> None:
    """Write a new key whole or not at all; when two processes race, the first one's stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(_SECRET_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink(missing_ok=True)


def mint_map_token(settings: Settings, project_id: int, *, now_s: float | None = None) -> str:
    """Return a token for the addresses of one project's map tiles, and for nothing else.

    Pictures cannot carry a header, so theirs stands in the address, where it is good for less.
    """
    issued = time.time() if now_s is None else now_s
    return _signed(settings, {"map": project_id, "expires": int(issued) + TOKEN_LIFETIME_S})


def read_map_token(settings: Settings, token: str, *, now_s: float | None = None) -> int:
    """Return the project whose map a token is for.

    Raises:
        TokenError: as ``read_token``, or it is for something else.
    """
    statement = _statement(settings, token, now_s)
    if "map" not in statement:
        raise TokenError("The token is not one for map tiles. Reload the page.")
    return int(statement["map"])


def mint_token(
    settings: Settings, reviewer: str, project_id: int, *, now_s: float | None = None
) -> str:
    """Return a token that lets ``reviewer`` act on one project for ``TOKEN_LIFETIME_S``."""
    issued = time.time() if now_s is None else now_s
    statement = {
        "reviewer": reviewer,
        "project_id": project_id,
        "expires": int(issued) + TOKEN_LIFETIME_S,
    }
    return _signed(settings, statement)


def read_token(settings: Settings, token: str, *, now_s: float | None = None) -> Caller:
    """Return whom a token speaks for.

    Raises:
        TokenError: the signature does not match, the form is wrong, or it has expired.
    """
    statement = _statement(settings, token, now_s)
    if "reviewer" not in statement:
        raise TokenError("The token is good for map tiles only. Reload the page.")
    return Caller(reviewer=statement["reviewer"], project_id=statement["project_id"])


def _signed(settings: Settings, statement: dict[str, Any]) -> str:
    payload = _encode(json.dumps(statement, separators=(",", ":")).encode())
    return f"{payload}.{_encode(_signature(settings, payload))}"


def _statement(settings: Settings, token: str, now_s: float | None) -> dict[str, Any]:
    payload, _, signature = token.partition(".")
    try:
        given = _decode(signature)
    except (binascii.Error, ValueError):
        given = b""
    # compare_digest takes the same time wherever the first difference lies
    if not hmac.compare_digest(given, _signature(settings, payload)):
        raise TokenError("The token is not one of this installation. Reload the page.")
    statement: dict[str, Any] = json.loads(_decode(payload))
    if statement["expires"] <= (time.time() if now_s is None else now_s):
        raise TokenError("The token has expired. Reload the page.")
    return statement


def _signature(settings: Settings, payload: str) -> bytes:
    text = payload.encode("utf-8", errors="replace")
    return hmac.new(read_secret(settings), text, hashlib.sha256).digest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
