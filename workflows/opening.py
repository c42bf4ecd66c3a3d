"""Opens one installation: its settings, its database and its files."""

from __future__ import annotations

from dataclasses import dataclass

from db import Database, open_database
from rsqa_core.files import FileStore
from rsqa_core.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class Installation:
    """What every workflow needs: where things are, what is known, and the files themselves."""

    settings: Settings
    database: Database
    files: FileStore


def open_installation(settings: Settings | None = None) -> Installation:
    """Open the installation that ``settings`` (default: the environment) describes.

    Its folder and database are made when missing.

    Raises:
        InvalidInputError: a setting has no meaning.
        RsqaError: the database cannot be opened (see `db.open_database`).
    """
    chosen = read_settings() if settings is None else settings
    return Installation(
        settings=chosen,
        database=open_database(chosen.database_path),
        files=FileStore(chosen.files_dir),
    )
