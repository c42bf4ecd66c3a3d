"""Adds area surveys, their points and what was answered.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the three tables."""
    op.create_table(
        "survey",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("mapped", sa.JSON(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("drawn_by", sa.String(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("unit IN ('m2', 'px')", name=op.f("ck_survey_unit_known")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_survey_project_id_project"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_survey_project_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "survey_point",
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("x_px", sa.Integer(), nullable=False),
        sa.Column("y_px", sa.Integer(), nullable=False),
        sa.Column("map_class", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id"],
            ["survey.id"],
            name=op.f("fk_survey_point_survey_id_survey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
            name=op.f("fk_survey_point_image_id_image"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("survey_id", "number", name=op.f("pk_survey_point")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_survey_point_image_id"), "survey_point", ["image_id"])
    op.create_table(
        "survey_answer",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=True),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("time_spent_s", sa.Float(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id", "number"],
            ["survey_point.survey_id", "survey_point.number"],
            name=op.f("fk_survey_answer_survey_id_number_survey_point"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["reviewer"], ["reviewer.name"], name=op.f("fk_survey_answer_reviewer_reviewer")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_survey_answer")),
        sa.UniqueConstraint("id", name=op.f("uq_survey_answer_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_survey_answer_survey_id_number"), "survey_answer", ["survey_id", "number"]
    )


def downgrade() -> None:
    """Take the tables away again."""
    op.drop_table("survey_answer")
    op.drop_table("survey_point")
    op.drop_table("survey")
