"""``rsqa backup``: a copy of the database while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa backup                          into backups/ of the installation
  rsqa backup /mnt/safe/labels.sqlite3

`rsqa restore FILE` puts a copy in the place of the database again.
Images and masks lie in files/ and are not part of it.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def command(file: Path | None) -> None:
    """Copy the database to FILE and check the copy; reviewing may go on meanwhile."""
    from workflows.backups import make_backup
    from workflows.opening import open_installation

    target = make_backup(open_installation(), file)
    click.echo(f"Copied and checked: {target} ({target.stat().st_size / 1e6:.1f} MB)")
