"""The database of RSQA: projects, images, candidates, scores, heads and what reviewers said.

Open it with `open_database`; read and write it through the functions of ``db.store``, which take
a session first and return records of ``rsqa_core.records``.
"""

from db.engine import Database, open_database

__all__ = ["Database", "open_database"]
