"""What the server adds to every answer, which host names it answers to, and how it lets go.

Streamlit checks ``server.allowedHosts`` for its WebSocket alone; the routes of the canvas and the
media need it as well, or a page elsewhere could reach them through DNS rebinding.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Streamlit's own bundle writes inline styles and scripts and loads components from blobs;
        # its charts compile expressions. What this still keeps out is code from other servers.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: blob: data:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)


SERVICE_RESTART = 1012
"""The close code (RFC 6455's registry) of a WebSocket whose server is stopping."""


def protection() -> list[Middleware]:
    """Return the middleware for st.App."""
    return [Middleware(LettingGo), Middleware(AllowedHosts), Middleware(SecurityHeaders)]


class LettingGo:
    """Ask for a new connection with each answer once the server has begun to stop.

    uvicorn waits for the connections that it did not close itself, one accepted in that moment
    for instance, and an open page asks for the server's health every few seconds: the connection
    is never idle for long enough to be dropped, and the server never ends. That it is stopping
    shows in the close code of the WebSockets, which a page itself cannot send.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_and_notice() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                self._stopping |= message.get("code") == SERVICE_RESTART
            return message

        async def send_and_close(message: Message) -> None:
            if self._stopping and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        if scope["type"] == "websocket":
            await self._app(scope, receive_and_notice, send)
        else:
            await self._app(scope, receive, send_and_close)


class AllowedHosts:
    """Refuse HTTP requests for a host name that ``server.allowedHosts`` does not list.

    The names are read at each request: Streamlit's options are complete only after start-up.
    An empty list or ``*`` allows every name, ``*.example.org`` every name below it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not host_allowed(
            _host(scope), list(config.get_option("server.allowedHosts") or [])
        ):
            response = PlainTextResponse(
                "This server does not answer to that host name. Start it with "
                "`rsqa serve --allow-host NAME` to allow one.",
                status_code=421,
            )
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


class SecurityHeaders:
    """Add a content security policy and the usual headers to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def host_allowed(host: str, allowed: list[str]) -> bool:
    """Say whether ``host`` (a Host header, with or without port) is among ``allowed``.

    Example:
        >>> host_allowed("localhost:8501", ["localhost"]), host_allowed("evil.org", ["localhost"])
        (True, False)
        >>> host_allowed("a.example.org", ["*.example.org"]), host_allowed("[::1]:80", ["::1"])
        (True, True)
    """
    if not allowed or "*" in allowed:
        return True
    name = host.rsplit("]", 1)[0].lstrip("[") if host.startswith("[") else host.split(":", 1)[0]
    name = name.casefold()
    return any(
        name.endswith(rule[1:].casefold()) if rule.startswith("*.") else name == rule.casefold()
        for rule in allowed
    )


def _host(scope: Scope) -> str:
    for key, value in scope["headers"]:
        if key == b"host":
            return str(value.decode("latin-1"))
    return ""
