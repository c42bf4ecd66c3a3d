"""What every route does before and after its own work: who asks, from where, and how to say no."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pages.api.tokens import Caller, TokenError, read_token
from rsqa_core.errors import ConflictError, NotFoundError, RsqaError
from workflows.opening import Installation

_LOG = logging.getLogger(__name__)

OpenInstallation = Callable[[], Installation]
Endpoint = Callable[[Installation, Caller, Request, bytes], Response]
CallerOf = Callable[[Installation, Request], Caller]
Handler = Callable[[Request], Awaitable[Response]]

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

MAX_BODY_BYTES = 256 * 1024


class HttpError(RsqaError):
    """A request is refused with an HTTP status of its own."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def problem(status: int, code: str, message: str) -> Response:
    """Return the one form in which every route reports an error."""
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


def guarded(
    open_installation: OpenInstallation,
    endpoint: Endpoint,
    caller_of: CallerOf | None = None,
) -> Handler:
    """Wrap an endpoint: origin and token first, its work in a thread, its errors as JSON.

    The endpoint receives the installation, the caller named by the token, the request and the
    request's body (at most ``MAX_BODY_BYTES``).

    Args:
        caller_of: finds the caller in another way than by a bearer token; raises TokenError.
    """

    @functools.wraps(endpoint)
    async def handler(request: Request) -> Response:
        try:
            _require_same_origin(request)
            body = await _read_body(request)
            response = await run_in_threadpool(
                _answer, open_installation, endpoint, caller_of or _caller, request, body
            )
        except HttpError as error:
            response = problem(error.status, error.code, str(error))
        response.headers.update(SECURITY_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return handler


def _answer(
    open_installation: OpenInstallation,
    endpoint: Endpoint,
    caller_of: CallerOf,
    request: Request,
    body: bytes,
) -> Response:
    try:
        installation = open_installation()
        try:
            caller = caller_of(installation, request)
        except TokenError as error:
            raise HttpError(401, "bad_token", str(error)) from error
        return endpoint(installation, caller, request, body)
    except HttpError:
        raise
    except NotFoundError as error:
        return problem(404, "not_found", str(error))
    except ConflictError as error:
        return problem(409, "conflict", str(error))
    except RsqaError as error:
        return problem(400, "invalid", str(error))
    except Exception:
        # The page boundary: whoever asks gets a sentence, the log gets the traceback.
        _LOG.exception("%s %s failed", request.method, request.url.path)
        return problem(
            503, "unavailable", "The server could not answer. The app tries again by itself."
        )


def _require_same_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is None:
        return
    if urlsplit(origin).netloc != request.headers.get("host", ""):
        raise HttpError(
            403, "foreign_origin", f"Requests from {origin!r} are refused: open the app itself."
        )


def _caller(installation: Installation, request: Request) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise HttpError(401, "no_token", "A bearer token is missing. Open the review page.")
    return read_token(installation.settings, token.strip())


async def _read_body(request: Request) -> bytes:
    """Read the body piece by piece and stop at the cap, whatever the length header claims."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise HttpError(
                413, "too_large", f"The request has more than {MAX_BODY_BYTES} bytes. Send less."
            )
    return bytes(body)


def parse_json(request: Request, body: bytes) -> Any:
    """Return the request's JSON.

    Raises:
        HttpError: another content type (415), or no JSON; NaN and Infinity are none (400).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpError(415, "content_type", f"Expected application/json, but got {kind!r}.")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, "no_json", f"The body is not JSON: {error}.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
