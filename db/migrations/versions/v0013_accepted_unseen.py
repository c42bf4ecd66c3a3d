"""Adds decisions that nobody looked at, spot checks, and whole acceptances.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_STATUSES = "status IN ('open', 'reviewed', 'skipped', 'flagged', 'none_acceptable'"
_KINDS = "kind IN ('confirm', 'correct', 'skip', 'flag', 'none_acceptable', 'note', 'undo'"
_CANDIDATE = "CONSTRAINT fk_verdict_candidate_id_candidate"
_ACCEPTANCE = (
    "CONSTRAINT fk_verdict_acceptance_id_acceptance FOREIGN KEY(acceptance_id) "
    "REFERENCES acceptance (id)"
)


def _rebuild(table: str, *changes: tuple[str, str]) -> None:
    """Copy a table into one whose SQL has the second of each change where it had the first.

    SQLite cannot change a check in place. Ids that were given out do not come back.
    """
    connection = op.get_bind()
    sql = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
    ).scalar_one()
    indexes = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
        (table,),
    ).all()
    last = connection.exec_driver_sql(
        "SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)
    ).scalar()
    start, body = sql.split("(", 1)
    for before, after in changes:
        if body.count(before) != 1:
            raise RuntimeError(f"Expected {before!r} once in the SQL of {table}: {sql}")
        body = body.replace(before, after)
    connection.exec_driver_sql(f"{start.replace(table, f'{table}_new', 1)}({body}")
    old, new = (
        [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({name})")]
        for name in (table, f"{table}_new")
    )
    both = ", ".join(f'"{name}"' for name in old if name in new)
    connection.exec_driver_sql(
        f"INSERT INTO {table}_new ({both}) SELECT {both} FROM {table}"  # noqa: S608
    )
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_new RENAME TO {table}")
    if last is not None:
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, last))
    for (statement,) in indexes:
        connection.exec_driver_sql(statement)


def _project() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["project_id"],
        ["project.id"],
        name=op.f("fk_acceptance_project_id_project"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    """Rebuild images and verdicts with another status and kind; add the two tables."""
    _rebuild("image", (_STATUSES, f"{_STATUSES}, 'accepted'"))
    op.create_table(
        "spot_check",
        sa.Column("slice_id", sa.Integer(), nullable=False),
        sa.Column("above", sa.Float(), nullable=False),
        sa.Column("head_id", sa.String(), nullable=False),
        sa.Column("newest_image_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("above BETWEEN 0 AND 1", name=op.f("ck_spot_check_above_unit")),
        sa.ForeignKeyConstraint(
            ["slice_id"],
            ["slice.id"],
            name=op.f("fk_spot_check_slice_id_slice"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["head_id"], ["head.id"], name=op.f("fk_spot_check_head_id_head"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("slice_id", name=op.f("pk_spot_check")),
    )
    op.create_table(
        "acceptance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("spot_check", sa.String(), nullable=False),
        sa.Column("above", sa.Float(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("accepted_by", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("above BETWEEN 0 AND 1", name=op.f("ck_acceptance_above_unit")),
        _project(),
        sa.ForeignKeyConstraint(
            ["accepted_by"],
            ["reviewer.name"],
            name=op.f("fk_acceptance_accepted_by_reviewer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptance")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_acceptance_project_id"), "acceptance", ["project_id"])
    _rebuild(
        "verdict",
        (_KINDS, f"{_KINDS}, 'accept'"),
        ("marks JSON", "marks JSON, acceptance_id INTEGER"),
        (_CANDIDATE, f"{_ACCEPTANCE}, {_CANDIDATE}"),
    )
    op.create_index(op.f("ix_verdict_acceptance_id"), "verdict", ["acceptance_id"])


def downgrade() -> None:
    """Take tables and column away; refused while an image is accepted in this way."""
    op.drop_index(op.f("ix_verdict_acceptance_id"), "verdict")
    _rebuild(
        "verdict",
        (f"{_KINDS}, 'accept'", _KINDS),
        ("marks JSON, acceptance_id INTEGER", "marks JSON"),
        (f"{_ACCEPTANCE}, {_CANDIDATE}", _CANDIDATE),
    )
    op.drop_table("acceptance")
    op.drop_table("spot_check")
    _rebuild("image", (f"{_STATUSES}, 'accepted'", _STATUSES))
