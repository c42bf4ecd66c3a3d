"""``rsqa restore``: a copy of the database in its place again."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLES = """\b
Examples:
  rsqa restore var/backups/rsqa-20260301T120000000000Z.sqlite3
  rsqa restore /mnt/safe/labels.sqlite3

The database of before is copied to backups/ first, so that this can be undone in the same way.
Images, masks and heads in files/ and heads/ stay as they are.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def command(file: Path) -> None:
    """Put the copy FILE in the place of the database; an open app goes on with it."""
    from workflows.backups import decisions_of, restore_backup
    from workflows.opening import open_installation

    kept = restore_backup(open_installation(), file)
    click.echo(f"Restored {decisions_of(file):,} decisions from {file}.")
    click.echo(f"What was there before: {kept}")
