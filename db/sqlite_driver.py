"""The SQLite library to use, and whether it can be trusted with the data."""

from __future__ import annotations

import importlib
from types import ModuleType

from rsqa_core.errors import RsqaError


def is_safe(version: tuple[int, int, int]) -> bool:
    """Say whether this SQLite has the repair of the WAL-reset race, which corrupts databases.

    Example:
        >>> is_safe((3, 53, 4)), is_safe((3, 50, 7)), is_safe((3, 51, 0)), is_safe((3, 40, 1))
        (True, True, False, False)
    """
    # Repaired in 3.51.3, and in the maintained branches 3.50.7 and 3.44.6.
    return (
        version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    )


def load_driver() -> ModuleType:
    """Return the DB-API module with a safe SQLite: pysqlite3 when installed, else sqlite3.

    Raises:
        RsqaError: neither links a SQLite that is safe in write-ahead mode.
    """
    found: list[str] = []
    for name in ("pysqlite3", "sqlite3"):
        try:
            module = importlib.import_module(f"{name}.dbapi2")
        except ImportError:
            found.append(f"{name} is not installed")
            continue
        if is_safe(module.sqlite_version_info):
            return module
        found.append(f"{name} links {module.sqlite_version}")
    raise RsqaError(
        f"No safe SQLite library: {'; '.join(found)}. Expected 3.51.3 or newer, 3.50.7 or newer "
        "of 3.50, or 3.44.6 or newer of 3.44, because others can corrupt the database. "
        "Install it with: pip install pysqlite3"
    )
