"""Adds to a verdict the pixels that its reviewer marked as wrong.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column in place; no row of verdicts is touched."""
    op.add_column("verdict", sa.Column("marks", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Take the column away again."""
    op.drop_column("verdict", "marks")
