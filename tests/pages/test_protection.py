"""What the server adds to answers, and that an open page does not keep it from ending."""

from __future__ import annotations

import http.client
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.sync.client import connect

from pages.components.protection import host_allowed, protection


class _Overlooked(H11Protocol):
    """A connection that shutting down overlooks, as uvicorn does one accepted in that moment."""

    def shutdown(self) -> None:
        pass


async def _health(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def _stream(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.receive_bytes()
    except WebSocketDisconnect:
        pass


def test_a_page_that_asks_for_the_servers_health_does_not_keep_it_from_ending() -> None:
    app = Starlette(
        routes=[Route("/health", _health), WebSocketRoute("/stream", _stream)],
        middleware=protection(),
    )
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http=_Overlooked, lifespan="off", log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    answers = http.client.HTTPConnection("127.0.0.1", port, timeout=5)

    def ask() -> str | None:
        answers.request("GET", "/health")
        answer = answers.getresponse()
        assert answer.read() == b"ok"
        return answer.getheader("Connection")

    with connect(f"ws://127.0.0.1:{port}/stream"):
        assert ask() is None
        connection = answers.sock
        server.should_exit = True
        end = time.monotonic() + 20
        while thread.is_alive() and answers.sock is connection and time.monotonic() < end:
            assert ask() in (None, "close")
            time.sleep(0.05)
    thread.join(5)
    assert not thread.is_alive()


def test_only_listed_hosts_are_answered() -> None:
    assert host_allowed("LOCALHOST:1", ["localhost"])
    assert not host_allowed("localhost.evil.org", ["localhost"])
    assert not host_allowed("example.org", ["*.example.org"])
    assert not host_allowed("", ["localhost"])
