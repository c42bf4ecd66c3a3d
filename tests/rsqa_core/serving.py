"""A loopback web server for the tests of downloading that can drop connections and lie."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What the server has and did; ``drops`` times it hangs up after ``drop_after`` bytes.

    ``tag`` is the entity tag of every file; ``linked`` makes the server redirect as a model hub
    does, with these headers.
    """

    files: dict[str, bytes]
    drop_after: int = 0
    drops: int = 0
    knows_ranges: bool = True
    tag: str = ""
    linked: dict[str, str] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            name = self.path.lstrip("/")
            site.requests.append((name, wanted))
            if site.failures:
                self.send_error(site.failures.pop(0))
                return
            if site.linked and not name.startswith("storage/"):
                self.send_response(302)
                for header, value in site.linked.items():
                    self.send_header(header, value)
                self.send_header("Location", f"/storage/{name}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            name = name.removeprefix("storage/")
            if name not in site.files:
                self.send_error(404)
                return
            body, start = site.files[name], 0
            if wanted and site.knows_ranges:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            if site.tag:
                self.send_header("ETag", site.tag)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            if site.drops > 0:
                site.drops -= 1
                self.wfile.write(body[start : start + site.drop_after])
                self.wfile.flush()
                self.connection.close()
                return
            self.wfile.write(body[start:])

        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError, ValueError):  # of the connection that was just dropped
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
