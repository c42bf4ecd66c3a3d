"""Which head ranks a project: the current one, the others, promotion and the way back."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from db.store import candidates, heads, scores
from pages.components.errors import guarded, notify
from pages.components.held_out import assess, change_text
from pages.components.job_panel import request_job
from pages.components.opening import installation
from pages.components.ranking_change import RankingChange, ranking_change
from pages.components.texts import counted, plain
from pages.components.times import local_time
from rsqa_core.records import HeadRecord, Project, Promotion


def short_id(head_id: str | None) -> str:
    """Return a head's id as screens show it; a long one keeps its end, which holds the number."""
    if head_id is None:
        return "none"
    return head_id if len(head_id) <= 24 else f"{head_id[:10]}…{head_id[-10:]}"


def draw_current(
    project: Project, current: HeadRecord | None, *, earlier: str | None, reviewer: str
) -> None:
    """Draw the head that ranks the project, and the button back to the ``earlier`` one."""
    if current is None:
        st.info("No head ranks this project yet. Score its candidates on Home.")
        return
    kind = "base head" if current.project_id is None else "trained on this project's labels"
    st.markdown(f"**{plain(short_id(current.id))}**, {kind}")
    # A base head may come without labels of reviewers: it learnt from reference masks.
    labels = f" from {counted(current.label_count, 'label')}" if current.label_count else ""
    st.caption(f"Made {local_time(current.created_at)}{labels}.")
    if earlier is not None:
        st.button(
            f"Roll back to {plain(short_id(earlier))}",
            icon=":material/undo:",
            on_click=_roll_back,
            args=(project.id, reviewer),
        )


def draw_versions(
    project: Project,
    versions: Sequence[HeadRecord],
    *,
    newest: HeadRecord | None,
    reviewer: str,
) -> None:
    """Draw the table of heads and, for the chosen one, what its promotion would change."""
    if not versions:
        st.caption("No heads yet.")
        return
    event = st.dataframe(
        versions_table(versions, project.active_head_id),
        key=f"heads-{project.id}-{len(versions)}-{project.version}",
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="single-row",
    )
    rows = event.selection.rows
    chosen = versions[rows[0]] if rows else newest
    if chosen is None or chosen.id == project.active_head_id:
        if len(versions) > 1:
            st.caption("Choose a row to see what its promotion would change.")
        return
    with st.container(border=True):
        _draw_promotion(project, chosen, reviewer)


def versions_table(versions: Sequence[HeadRecord], active_id: str | None) -> pd.DataFrame:
    """Return one row per head, in the order given."""
    return pd.DataFrame(
        [
            {
                "": "current" if head.id == active_id else "",
                "Version": short_id(head.id),
                "Made": local_time(head.created_at),
                "Labels": head.label_count,
                "On held-out labels": change_text(head),
                "Trained from": short_id(head.parent_id) if head.parent_id else "—",
                "For": "every project" if head.project_id is None else "this project",
            }
            for head in versions
        ]
    )


def draw_history(history: Sequence[Promotion]) -> None:
    """Draw who promoted what, newest first."""
    if not history:
        return
    with st.expander(f"History of promotions ({len(history)})", icon=":material/history:"):
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "When": local_time(row.created_at),
                        "Who": row.reviewer,
                        "Promoted": short_id(row.head_id),
                        "Instead of": short_id(row.previous_head_id),
                    }
                    for row in history
                ]
            ),
            hide_index=True,
            height="content",
        )


def _draw_promotion(project: Project, head: HeadRecord, reviewer: str) -> None:
    verdict = assess(head)
    change = _preview(project, head.id)
    st.markdown(f"**Promote {plain(short_id(head.id))}**")
    if change.candidates == 0:
        st.warning("This head has no scores here yet. Score the candidates with it first.")
        st.button(
            "Score with this head",
            icon=":material/speed:",
            on_click=request_job,
            args=("score", project.slug, {"head_id": head.id}),
        )
        return
    if project.active_head_id is not None:
        correlation = change.rank_correlation
        agreement = "not defined" if correlation is None else f"{correlation:.2f}"
        st.markdown(
            f"**{change.images_with_new_top:,}** of {change.images:,} images would get another "
            f"top candidate. Rank correlation between old and new scores: **{agreement}** over "
            f"{change.candidates:,} candidates."
        )
    if verdict.level != "good":
        st.warning(verdict.reason)
    st.button(
        "Promote",
        type="primary",
        icon=":material/publish:",
        disabled=verdict.level == "refuse",
        on_click=_promote,
        args=(project.id, head.id, reviewer, project.version),
    )


def _preview(project: Project, head_id: str) -> RankingChange:
    with installation().database.read() as session:
        every = candidates.all_of(session, project.id)
        after = scores.of_head(session, project.id, head_id)
        active = project.active_head_id
        before = after if active is None else scores.of_head(session, project.id, active)
    return ranking_change(every, before, after)


@guarded
def _promote(project_id: int, head_id: str, reviewer: str, version: int) -> None:
    with installation().database.begin() as session:
        heads.promote(session, project_id, head_id, reviewer=reviewer, expected_version=version)
    notify(f"{short_id(head_id)} now ranks this project.")


@guarded
def _roll_back(project_id: int, reviewer: str) -> None:
    with installation().database.begin() as session:
        project = heads.roll_back(session, project_id, reviewer=reviewer)
    notify(f"Rolled back: {short_id(project.active_head_id)} ranks this project again.")
