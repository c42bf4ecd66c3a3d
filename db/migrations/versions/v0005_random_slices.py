"""Adds random slices of a project and the images that were drawn for them.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "slice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("design", sa.String(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("drawn_by", sa.String(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("design IN ('simple', 'by_scene')", name=op.f("ck_slice_design_known")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_slice_project_id_project"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slice")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_slice_project_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "slice_image",
        sa.Column("slice_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("stratum", sa.String(), nullable=False),
        sa.Column("stratum_size", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.CheckConstraint(
            "probability > 0 AND probability <= 1", name=op.f("ck_slice_image_probability_unit")
        ),
        sa.ForeignKeyConstraint(
            ["slice_id"],
            ["slice.id"],
            name=op.f("fk_slice_image_slice_id_slice"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
            name=op.f("fk_slice_image_image_id_image"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("slice_id", "image_id", name=op.f("pk_slice_image")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_slice_image_image_id"), "slice_image", ["image_id"])


def downgrade() -> None:
    """Take both tables away again."""
    op.drop_table("slice_image")
    op.drop_table("slice")
