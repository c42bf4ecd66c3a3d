"""``rsqa backup``: a copy of the database while it is in use."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from rsqa_core.errors import ConflictError

_EXAMPLES = """\b
Examples:
  rsqa backup                          into backups/ of the installation
  rsqa backup /mnt/safe/labels.sqlite3

To restore one, stop RSQA and put the copy in the place of rsqa.sqlite3,
without the files rsqa.sqlite3-wal and rsqa.sqlite3-shm beside it.
Images and masks lie in files/ and are not part of it.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def command(file: Path | None) -> None:
    """Copy the database to FILE and check the copy; reviewing may go on meanwhile."""
    from workflows.opening import open_installation

    installation = open_installation()
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    target = file or installation.settings.backups_dir / f"rsqa-{stamp}.sqlite3"
    if target.exists():
        raise ConflictError(
            f"{target} exists already, and a backup replaces nothing. Choose another name or "
            "remove it."
        )
    installation.database.backup(target)
    click.echo(f"Copied and checked: {target} ({target.stat().st_size / 1e6:.1f} MB)")
