"""Adds to a verdict the points that its score comes from, and the score's interval.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns in place; no row of verdicts is touched."""
    for column in ("low", "high"):
        check = f"CONSTRAINT ck_verdict_{column}_unit CHECK ({column} BETWEEN 0 AND 1)"
        op.execute(f"ALTER TABLE verdict ADD COLUMN {column} FLOAT {check}")
    op.add_column("verdict", sa.Column("point_check", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Take the columns away again."""
    for column in ("point_check", "high", "low"):
        op.drop_column("verdict", column)
