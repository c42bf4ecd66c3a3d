"""Adds roles of reviewers, decided disputes, and images that are kept for somebody.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _foreign(table: str, column: str, target: str, *, cascade: bool) -> sa.ForeignKeyConstraint:
    name = target.partition(".")[0]
    return sa.ForeignKeyConstraint(
        [column],
        [target],
        name=op.f(f"fk_{table}_{column}_{name}"),
        ondelete="CASCADE" if cascade else None,
    )


def upgrade() -> None:
    """Add the three tables."""
    op.create_table(
        "role",
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("given_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "role IN ('reviewer', 'adjudicator', 'observer')", name=op.f("ck_role_role_known")
        ),
        _foreign("role", "reviewer", "reviewer.name", cascade=False),
        sa.PrimaryKeyConstraint("reviewer", name=op.f("pk_role")),
    )
    op.create_table(
        "adjudication",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("candidate_version", sa.Integer(), nullable=False),
        sa.Column("adjudicator", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_adjudication_score_unit")),
        _foreign("adjudication", "project_id", "project.id", cascade=True),
        _foreign("adjudication", "image_id", "image.id", cascade=True),
        _foreign("adjudication", "candidate_id", "candidate.id", cascade=True),
        _foreign("adjudication", "adjudicator", "reviewer.name", cascade=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_adjudication")),
        sa.UniqueConstraint("id", name=op.f("uq_adjudication_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_adjudication_project_id_seq", "adjudication", ["project_id", "seq"])
    op.create_index(op.f("ix_adjudication_candidate_id"), "adjudication", ["candidate_id"])
    op.create_table(
        "lease",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        _foreign("lease", "image_id", "image.id", cascade=True),
        _foreign("lease", "project_id", "project.id", cascade=True),
        _foreign("lease", "reviewer", "reviewer.name", cascade=False),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_lease")),
    )
    op.create_index("ix_lease_project_id_reviewer", "lease", ["project_id", "reviewer"])


def downgrade() -> None:
    """Take the tables away again."""
    op.drop_table("lease")
    op.drop_table("adjudication")
    op.drop_table("role")
