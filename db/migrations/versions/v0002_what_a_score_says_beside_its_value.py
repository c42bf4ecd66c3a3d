"""What a score says beside its value, and how much a label of an image would teach."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns in place: no table is rebuilt, so no row of a large database is copied."""
    for table, column, kind in (
        ("image", "informative", "FLOAT"),
        ("score", "mean_iou", "FLOAT"),
        ("score", "boundary_f1", "FLOAT"),
    ):
        check = f"CONSTRAINT ck_{table}_{column}_unit CHECK ({column} BETWEEN 0 AND 1)"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind} {check}")
    for column in ("alarms", "class_iou"):
        op.add_column("score", sa.Column(column, sa.JSON(), nullable=True))
    op.create_index(
        "ix_image_informative",
        "image",
        ["project_id", "status", sa.column("informative").desc(), "id"],
    )
    op.create_table(
        "informative",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("head_id", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.CheckConstraint("value BETWEEN 0 AND 1", name=op.f("ck_informative_value_unit")),
        sa.ForeignKeyConstraint(
            ["head_id"], ["head.id"], name=op.f("fk_informative_head_id_head"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
            name=op.f("fk_informative_image_id_image"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("image_id", "head_id", name=op.f("pk_informative")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_informative_head_id", "informative", ["head_id"])
    # The heads of that time stated an interval of 80 %; what is on record must go on saying so.
    op.execute("UPDATE head SET metrics = json_set(metrics, '$.interval_coverage', 0.8)")


def downgrade() -> None:
    """Take the columns and the table away again."""
    op.execute("UPDATE head SET metrics = json_remove(metrics, '$.interval_coverage')")
    op.drop_table("informative")
    op.drop_index("ix_image_informative", "image")
    for table, columns in (
        ("image", ("informative",)),
        ("score", ("alarms", "mean_iou", "boundary_f1", "class_iou")),
    ):
        for column in columns:
            op.drop_column(table, column)
