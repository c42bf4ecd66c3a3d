"""Adds which images of a project two people decide on.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "overlap",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("wider_than", sa.Float(), nullable=True),
        sa.CheckConstraint("share BETWEEN 0 AND 1", name=op.f("ck_overlap_share_unit")),
        sa.CheckConstraint("wider_than BETWEEN 0 AND 1", name=op.f("ck_overlap_wider_than_unit")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_overlap_project_id_project"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_overlap")),
    )


def downgrade() -> None:
    """Take the table away again."""
    op.drop_table("overlap")
