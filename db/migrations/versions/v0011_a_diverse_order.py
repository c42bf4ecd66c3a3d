"""Adds each image's place in the diverse order.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column and its index in place; no row of images is copied."""
    op.execute(
        "ALTER TABLE image ADD COLUMN diverse FLOAT "
        "CONSTRAINT ck_image_diverse_unit CHECK (diverse BETWEEN 0 AND 1)"
    )
    op.create_index(
        "ix_image_diverse", "image", ["project_id", "status", sa.column("diverse").desc(), "id"]
    )


def downgrade() -> None:
    """Take the column away again."""
    op.drop_index("ix_image_diverse", "image")
    op.drop_column("image", "diverse")
