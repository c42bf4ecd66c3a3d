"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table and index; triggers are no matter of migrations (see env.py)."""
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("class_map", sa.JSON(), nullable=False),
        sa.Column("ignored", sa.JSON(), nullable=False),
        sa.Column("active_head_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "origin IN ('generated', 'sample', 'imported')", name=op.f("ck_project_origin_known")
        ),
        sa.ForeignKeyConstraint(
            ["active_head_id"],
            ["head.id"],
            name=op.f("fk_project_active_head_id_head"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("slug", name=op.f("uq_project_slug")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "reviewer",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80", name=op.f("ck_reviewer_name_length")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_reviewer")),
    )
    op.create_table(
        "head",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("encoder_fingerprint", sa.String(), nullable=False),
        sa.Column("label_count", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("label_count >= 0", name=op.f("ck_head_label_count_positive")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["head.id"], name=op.f("fk_head_parent_id_head"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_head_project_id_project"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head")),
    )
    op.create_index("ix_head_parent_id", "head", ["parent_id"])
    op.create_index("ix_head_project_id", "head", ["project_id"])
    op.create_table(
        "image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scene", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("source_name", sa.String(), nullable=False),
        sa.Column("source_sha256", sa.String(), nullable=False),
        sa.Column("source_width_px", sa.Integer(), nullable=False),
        sa.Column("source_height_px", sa.Integer(), nullable=False),
        sa.Column("x_px", sa.Integer(), nullable=False),
        sa.Column("y_px", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("bands", sa.Integer(), nullable=False),
        sa.Column("dtype", sa.String(), nullable=False),
        sa.Column("tile_path", sa.String(), nullable=False),
        sa.Column("display_path", sa.String(), nullable=False),
        sa.Column("stretch", sa.JSON(), nullable=False),
        sa.Column("crs", sa.String(), nullable=True),
        sa.Column("transform", sa.JSON(), nullable=True),
        sa.Column("reference_mask_path", sa.String(), nullable=True),
        sa.Column("generated", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("best_score", sa.Float(), nullable=True),
        sa.Column("worst_score", sa.Float(), nullable=True),
        sa.Column("uncertainty", sa.Float(), nullable=True),
        sa.Column("disagreement", sa.Float(), nullable=True),
        sa.Column("random_key", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'reviewed', 'skipped', 'flagged', 'none_acceptable')",
            name=op.f("ck_image_status_known"),
        ),
        sa.CheckConstraint("best_score BETWEEN 0 AND 1", name=op.f("ck_image_best_score_unit")),
        sa.CheckConstraint("disagreement BETWEEN 0 AND 1", name=op.f("ck_image_disagreement_unit")),
        sa.CheckConstraint("uncertainty BETWEEN 0 AND 1", name=op.f("ck_image_uncertainty_unit")),
        sa.CheckConstraint("width_px > 0 AND height_px > 0", name=op.f("ck_image_size_positive")),
        sa.CheckConstraint("worst_score BETWEEN 0 AND 1", name=op.f("ck_image_worst_score_unit")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_image_project_id_project"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image")),
        sa.UniqueConstraint(
            "project_id",
            "source_sha256",
            "x_px",
            "y_px",
            "width_px",
            "height_px",
            name=op.f("uq_image_project_id_source_sha256_x_px_y_px_width_px_height_px"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_image_best", "image", ["project_id", "status", sa.column("best_score").desc(), "id"]
    )
    op.create_index(
        "ix_image_disagreement",
        "image",
        ["project_id", "status", sa.column("disagreement").desc(), "id"],
    )
    op.create_index("ix_image_name", "image", ["project_id", "status", "name", "id"])
    op.create_index("ix_image_random", "image", ["project_id", "status", "random_key", "id"])
    op.create_index("ix_image_scene", "image", ["project_id", "scene"])
    op.create_index(
        "ix_image_uncertain",
        "image",
        ["project_id", "status", sa.column("uncertainty").desc(), "id"],
    )
    op.create_index("ix_image_worst", "image", ["project_id", "status", "best_score", "id"])
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_job_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_job_project_id_project"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_project_id_kind", "job", ["project_id", "kind", "id"])
    op.create_index("ix_job_state", "job", ["state"])
    op.create_table(
        "candidate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("segmenter", sa.String(), nullable=False),
        sa.Column("segmenter_fingerprint", sa.String(), nullable=True),
        sa.Column("mask_path", sa.String(), nullable=False),
        sa.Column("mask_sha256", sa.String(), nullable=False),
        sa.Column("probs_path", sa.String(), nullable=True),
        sa.Column("area_shares", sa.JSON(), nullable=False),
        sa.Column("overall_accuracy", sa.Float(), nullable=True),
        sa.Column("valid_px", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "overall_accuracy BETWEEN 0 AND 1", name=op.f("ck_candidate_overall_accuracy_unit")
        ),
        sa.CheckConstraint("valid_px >= 0", name=op.f("ck_candidate_valid_px_positive")),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_candidate_image_id_image"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate")),
        sa.UniqueConstraint("image_id", "segmenter", name=op.f("uq_candidate_image_id_segmenter")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "promotion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("head_id", sa.String(), nullable=False),
        sa.Column("previous_head_id", sa.String(), nullable=True),
        sa.Column("is_rollback", sa.Boolean(), nullable=False),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["head_id"], ["head.id"], name=op.f("fk_promotion_head_id_head")),
        sa.ForeignKeyConstraint(
            ["previous_head_id"], ["head.id"], name=op.f("fk_promotion_previous_head_id_head")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_promotion_project_id_project"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["reviewer"], ["reviewer.name"], name=op.f("fk_promotion_reviewer_reviewer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_promotion_head_id", "promotion", ["head_id"])
    op.create_index("ix_promotion_previous_head_id", "promotion", ["previous_head_id"])
    op.create_index("ix_promotion_project_id", "promotion", ["project_id"])
    op.create_table(
        "score",
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("head_id", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.CheckConstraint("high BETWEEN 0 AND 1", name=op.f("ck_score_high_unit")),
        sa.CheckConstraint("low <= high", name=op.f("ck_score_interval_ordered")),
        sa.CheckConstraint("low BETWEEN 0 AND 1", name=op.f("ck_score_low_unit")),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_score_score_unit")),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["candidate.id"],
            name=op.f("fk_score_candidate_id_candidate"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["head_id"], ["head.id"], name=op.f("fk_score_head_id_head"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("candidate_id", "head_id", name=op.f("pk_score")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_score_head_id", "score", ["head_id"])
    op.create_table(
        "verdict",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=True),
        sa.Column("candidate_version", sa.Integer(), nullable=True),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("head_id", sa.String(), nullable=True),
        sa.Column("score_shown", sa.Float(), nullable=True),
        sa.Column("score_visible", sa.Boolean(), nullable=False),
        sa.Column("time_spent_s", sa.Float(), nullable=False),
        sa.Column("supersedes_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "(kind IN ('confirm', 'correct')) = (score IS NOT NULL)",
            name=op.f("ck_verdict_score_where_due"),
        ),
        sa.CheckConstraint(
            "kind <> 'undo' OR supersedes_id IS NOT NULL",
            name=op.f("ck_verdict_undo_names_its_row"),
        ),
        sa.CheckConstraint(
            "kind IN ('confirm', 'correct', 'skip', 'flag', 'none_acceptable', 'note', 'undo')",
            name=op.f("ck_verdict_kind_known"),
        ),
        sa.CheckConstraint(
            "kind NOT IN ('confirm', 'correct') OR candidate_id IS NOT NULL",
            name=op.f("ck_verdict_candidate_where_due"),
        ),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_verdict_score_unit")),
        sa.CheckConstraint("score_shown BETWEEN 0 AND 1", name=op.f("ck_verdict_score_shown_unit")),
        sa.CheckConstraint("time_spent_s >= 0", name=op.f("ck_verdict_time_positive")),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidate.id"], name=op.f("fk_verdict_candidate_id_candidate")
        ),
        sa.ForeignKeyConstraint(["head_id"], ["head.id"], name=op.f("fk_verdict_head_id_head")),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_verdict_image_id_image")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_verdict_project_id_project"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["reviewer"], ["reviewer.name"], name=op.f("fk_verdict_reviewer_reviewer")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["verdict.id"], name=op.f("fk_verdict_supersedes_id_verdict")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_verdict")),
        sa.UniqueConstraint("id", name=op.f("uq_verdict_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verdict_candidate_id", "verdict", ["candidate_id"])
    op.create_index("ix_verdict_head_id", "verdict", ["head_id"])
    op.create_index("ix_verdict_image_id_seq", "verdict", ["image_id", "seq"])
    op.create_index("ix_verdict_project_id_seq", "verdict", ["project_id", "seq"])
    op.create_index("ix_verdict_reviewer", "verdict", ["reviewer"])
    op.create_index("ix_verdict_supersedes_id", "verdict", ["supersedes_id"])
    op.create_index(
        "uq_verdict_undone_once",
        "verdict",
        ["supersedes_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'undo'"),
    )


def downgrade() -> None:
    """Remove every table; foreign keys are off while migrations run."""
    for name in (
        "verdict",
        "score",
        "promotion",
        "candidate",
        "job",
        "image",
        "head",
        "reviewer",
        "project",
    ):
        op.drop_table(name)
