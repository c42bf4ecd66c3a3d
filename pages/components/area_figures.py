"""What the answers of a survey say: areas, accuracies, the error matrix, and files of them."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.area_survey import forget_button
from pages.components.opening import installation
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.evaluation.areas import AreaEstimate, Measured
from rsqa_core.records import Project
from workflows.reports.blocks import counted
from workflows.survey_tables import points_csv, survey_csv
from workflows.surveys import SurveyResult, area_text, percent_text

_ROW_PX = 44


def draw_estimate(project: Project, result: SurveyResult) -> None:
    """Draw the figures of a survey, or say what is missing for them."""
    survey, estimate = result.survey, result.estimate
    left = survey.points - result.answered
    if estimate is None:
        st.info(
            f"{result.answered:,} of {survey.points:,} points are answered. Figures appear once "
            f"every class has two answers; {', '.join(result.missing)} "
            f"{'has' if len(result.missing) == 1 else 'have'} fewer.",
            icon=":material/pie_chart:",
        )
        return
    columns = st.columns(4)
    columns[0].metric("Overall accuracy", percent_text(estimate.overall))
    columns[1].metric("Answered", f"{result.answered:,} of {survey.points:,}")
    columns[2].metric("Cannot tell", f"{result.unsure:,}")
    columns[3].metric("Images", f"{survey.images:,}")
    if left:
        st.caption(
            "Points come in a random order, so figures hold at any time; intervals narrow with "
            f"the {left:,} that are left."
        )
    if result.unsure:
        st.caption(
            f"{counted(result.unsure, 'point')} of which nobody can tell: left out. If these are "
            "the hard ones, the figures are too good."
        )
    st.subheader("Areas", anchor=False)
    st.altair_chart(_area_chart(project, estimate), width="stretch")
    st.dataframe(_class_table(project, result), hide_index=True, height="content")
    st.caption(
        "Estimates with 95 % intervals by the normal distribution, which are too narrow for a "
        "class of few points or without a single mistake."
    )
    st.subheader("Error matrix", anchor=False)
    st.dataframe(_matrix(project, estimate), height="content")
    st.caption("Points: what the map says by row, what was looked up by column.")


def download_survey(project: Project, result: SurveyResult) -> None:
    """Offer the figures and the points as CSV, and to forget the survey."""
    stem = f"{project.slug}-{result.survey.name}"
    with st.container(horizontal=True):
        st.download_button(
            "Figures",
            lambda: survey_csv(project, result),
            f"{stem}-areas.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Points",
            lambda: points_csv(installation(), project, result.survey),
            f"{stem}-points.csv",
            "text/csv",
            icon=":material/download:",
            help="Every point with its place, the map's class and what was looked up.",
            on_click="ignore",
        )
        forget_button(project, result.survey)


def _area_chart(project: Project, estimate: AreaEstimate) -> alt.LayerChart:
    total = sum(estimate.mapped)
    table = pd.DataFrame(
        [
            {
                "class": entry.name,
                "mapped": 100 * mapped / total,
                "estimated": 100 * area.value / total,
                "low": max(0.0, 100 * (area.value - area.half) / total),
                "high": 100 * (area.value + area.half) / total,
            }
            for entry, mapped, area in zip(
                project.classes, estimate.mapped, estimate.areas, strict=True
            )
        ]
    )
    names = [entry.name for entry in project.classes]
    colours = ["#{:02x}{:02x}{:02x}".format(*one) for one in safe_colours(project.classes)]
    y = alt.Y("class:N", sort=names, title=None)
    base = alt.Chart(table)
    bars = base.mark_bar(size=14, opacity=0.85, stroke="#8884", strokeWidth=1).encode(
        x=alt.X("mapped:Q", title="share of the area, % – bar: mapped, point: estimated"),
        y=y,
        color=alt.Color("class:N", scale=alt.Scale(domain=names, range=colours), legend=None),
        tooltip=["class", "mapped", "estimated", "low", "high"],
    )
    rule = base.mark_rule(strokeWidth=2.5, color="#8a8f94").encode(x="low:Q", x2="high:Q", y=y)
    point = base.mark_point(filled=True, size=70, color="#d94801").encode(x="estimated:Q", y=y)
    return (bars + rule + point).properties(height=_ROW_PX * len(names) + 30)


def _class_table(project: Project, result: SurveyResult) -> pd.DataFrame:
    estimate = result.estimate
    assert estimate is not None
    unit, total = result.survey.unit, sum(estimate.mapped)
    return pd.DataFrame(
        [
            (
                entry.name,
                area_text(Measured(mapped, 0.0), unit),
                area_text(area, unit),
                percent_text(Measured(area.value / total, area.error / total)),
                percent_text(users),
                percent_text(producers),
            )
            for entry, mapped, area, users, producers in zip(
                project.classes,
                estimate.mapped,
                estimate.areas,
                estimate.users,
                estimate.producers,
                strict=True,
            )
        ],
        columns=[
            "Class",
            "Mapped",
            "Estimated",
            "Share",
            "User's accuracy",
            "Producer's accuracy",
        ],
    )


def _matrix(project: Project, estimate: AreaEstimate) -> pd.DataFrame:
    names = [entry.name for entry in project.classes]
    table = pd.DataFrame(estimate.counts, index=names, columns=names)
    table.insert(len(names), "Points", estimate.counts.sum(axis=1))
    table.index.name = "Map"
    return table
