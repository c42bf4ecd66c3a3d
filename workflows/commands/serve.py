"""``rsqa serve``: the app on one port."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

import click

from rsqa_core.errors import CancelledError, InvalidInputError, RsqaError
from rsqa_core.files import trim_folder
from rsqa_core.settings import read_settings

_APP = Path(__file__).resolve().parents[2] / "app.py"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_START_LIMIT_S = 60.0
_REMADE_BYTES = 1 << 30
"""What the pictures of error maps, and the explanations of scores, may take at the start."""


@click.command(epilog="Examples:  rsqa serve   |   rsqa serve --port 9000 --no-browser")
@click.option(
    "--port",
    default=8501,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port of the app.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--allow-host",
    "allowed",
    multiple=True,
    metavar="NAME",
    help="Host name under which browsers may reach the app; may be given more than once. "
    "Needed when --host is not a loopback address.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser window.")
@click.option("--demo", is_flag=True, help="Prepare the demo project where it is missing.")
def command(port: int, host: str, allowed: tuple[str, ...], no_browser: bool, demo: bool) -> None:
    """Open the app and keep it running until Ctrl-C."""
    if not _APP.is_file():
        raise InvalidInputError(
            f"Expected app.py at {_APP}, but it is not there. Run `rsqa` from a checkout of the "
            "project (pip install -e .)."
        )
    require_free_port(host, port)
    first = demo and not read_settings().database_path.exists()
    if first:  # alone on the machine, and the app opens with something in it
        _prepare_demo()
    server = subprocess.Popen(server_command(port, host, allowed), env=_environment())  # noqa: S603
    signal.signal(signal.SIGTERM, lambda number, frame: server.terminate())
    url = f"http://{_display_host(host)}:{port}"
    try:
        _check_installation()  # while the server loads
        if demo and not first:
            _prepare_demo()
        if wait_until_ready(server, host, port):
            click.echo(f"RSQA is open at {url}  (Ctrl-C stops it)")
            if not no_browser and has_display():
                webbrowser.open(url)
        code = server.wait()
        sys.exit(code if code >= 0 else 128 - code)  # ended by a signal: as a shell reports it
    except KeyboardInterrupt:
        # Ctrl-C reached the server as well: it belongs to the same terminal.
        server.wait()
        click.echo("RSQA is stopped. Work that runs in the background goes on.")
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait()


def server_command(port: int, host: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """Return the command line of the server process."""
    command_line = [sys.executable, "-m", "streamlit", "run", str(_APP)]
    command_line += ["--server.port", str(port), "--server.address", host]
    # What browsers are told to connect to; an unspecified address is no name to connect to.
    command_line += ["--browser.serverAddress", _display_host(host)]
    for name in dict.fromkeys((*_LOOPBACK[:2], *_own_names(host), *allowed)):
        command_line += ["--server.allowedHosts", name]
    return command_line


def require_free_port(host: str, port: int) -> None:
    """Check that the app can listen on ``host``:``port``.

    Raises:
        InvalidInputError: the port is taken, or the address is none of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise InvalidInputError(
            f"The app cannot listen on {host}:{port} ({error.strerror or error}). Another program "
            f"may use that port: stop it, or take another one with `rsqa serve --port {port + 1}`."
        ) from error


def wait_until_ready(server: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Wait until the server answers; False when it ended instead or does not within a minute."""
    target = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else host  # noqa: S104
    end = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < end and server.poll() is None:
        connection = http.client.HTTPConnection(target, port, timeout=2)
        try:
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    return False


def has_display() -> bool:
    """Say whether a browser window can appear here."""
    if sys.platform == "darwin":
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _check_installation() -> None:
    """Create or migrate the database here, so that its errors are one line on the terminal.

    What is made again when somebody looks is trimmed on the way: it belongs to heads and projects
    that may be gone.
    """
    from workflows.opening import open_installation

    settings = read_settings()
    try:
        open_installation(settings).database.close()
        for folder in (settings.error_images_dir, settings.explanations_dir):
            trim_folder(folder, _REMADE_BYTES)
    except OSError as error:
        raise RsqaError(
            f"The folder {read_settings().home} cannot be used ({error.strerror or error}). "
            "Name another one with RSQA_HOME."
        ) from error


def _prepare_demo() -> None:
    """Prepare the demo project; without it the app opens all the same."""
    from workflows.commands.demo import prepare

    try:
        prepare()
    except CancelledError:
        raise
    except (RsqaError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        click.echo("The demo project is not ready; the app opens without it.", err=True)


def _environment() -> dict[str, str]:
    # Read by Streamlit before its configuration: without it the first start may ask questions.
    return {**os.environ, "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}


def _own_names(host: str) -> tuple[str, ...]:
    return () if host in ("0.0.0.0", "::", *_LOOPBACK) else (host,)  # noqa: S104


def _display_host(host: str) -> str:
    if host in ("0.0.0.0", "::", "127.0.0.1", "::1"):  # noqa: S104
        return "localhost"
    return f"[{host}]" if ":" in host else host
