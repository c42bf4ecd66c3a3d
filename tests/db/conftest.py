from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import Database, open_database
from tests.db.filled import Filled, fill


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows; copying it is quicker than migrating for every test."""
    path = tmp_path_factory.mktemp("template") / "empty.sqlite3"
    open_database(path).close()
    return path


@pytest.fixture
def database(tmp_path: Path, empty_file: Path) -> Iterator[Database]:
    path = tmp_path / "rsqa.sqlite3"
    shutil.copy(empty_file, path)
    database = open_database(path)
    yield database
    database.close()


@pytest.fixture
def filled(database: Database) -> Filled:
    return fill(database)
