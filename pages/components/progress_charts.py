"""Plots and tables of the Progress page."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from pages.components.times import browser_zone, local_time
from rsqa_core.records import ACCEPTABLE_ACCURACY, Verdict
from workflows.review_facts import ReviewFacts
from workflows.review_progress import DRIFT_WINDOW, Found, Pace, by_day, drift

_HEIGHT = 240


def draw_found(found: Found) -> None:
    """Draw what was found against what was decided, with what is expected to come."""
    done, seen = len(found.found) - 1, found.found[-1]
    st.markdown(
        f"**{seen:,}** of {done:,} decided images have no candidate of at least "
        f"{ACCEPTABLE_ACCURACY:.0%}. Among the {found.open_images:,} others the head expects "
        f"**{found.expected:.0f}** more, {found.low:.0f} to {found.high:.0f}."
    )
    st.caption(
        "Stop when the number that is still expected is one that you can live with. The range "
        "counts chance alone: it is too narrow where the head is wrong in the same way on many "
        "images."
    )
    table = pd.DataFrame({"Decided": range(done + 1), "Unacceptable": found.found})
    ahead = pd.DataFrame(
        {
            "Decided": [done, done + found.open_images],
            "Expected": [seen, seen + found.expected],
            "Low": [seen, seen + found.low],
            "High": [seen, seen + found.high],
        }
    )
    axis = alt.X("Decided:Q", title="images decided on", axis=alt.Axis(format="d"))
    band = (
        alt.Chart(ahead)
        .mark_area(opacity=0.2)
        .encode(x=axis, y=alt.Y("Low:Q", title="unacceptable images"), y2="High:Q")
    )
    line = alt.Chart(ahead).mark_line(strokeDash=[5, 4]).encode(x=axis, y="Expected:Q")
    past = alt.Chart(table).mark_line(strokeWidth=2.5).encode(x=axis, y="Unacceptable:Q")
    st.altair_chart((band + line + past).properties(height=_HEIGHT), width="stretch")


def draw_days(verdicts: Sequence[Verdict]) -> None:
    """Draw how many decisions everyone made on each day."""
    counts = by_day(verdicts, browser_zone())
    table = pd.DataFrame(
        [(day.isoformat(), name, count) for (day, name), count in sorted(counts.items())],
        columns=["Day", "Reviewer", "Decisions"],
    )
    bars = (
        alt.Chart(table)
        .mark_bar(width=alt.RelativeBandSize(band=0.6))
        .encode(
            x=alt.X("Day:O", title=None, axis=alt.Axis(labelAngle=-30)),
            y=alt.Y("Decisions:Q", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("Reviewer:N", legend=alt.Legend(orient="top")),
            tooltip=["Day", "Reviewer", "Decisions"],
        )
    )
    st.altair_chart(bars.properties(height=_HEIGHT), width="stretch")


def draw_drift(verdicts: Sequence[Verdict]) -> None:
    """Draw how far each reviewer's scores lie from what the head had said, as they go on."""
    curves = drift(verdicts)
    if not curves:
        st.caption(
            f"Appears after {DRIFT_WINDOW} scores of one reviewer. A curve that falls to zero is a "
            "head that has become right, or a reviewer who has stopped looking: point checks and "
            "blind review tell which."
        )
        return
    table = pd.DataFrame(
        [(name, number, 100 * gap) for name, curve in curves.items() for number, gap in curve],
        columns=["Reviewer", "Score", "Points"],
    )
    lines = (
        alt.Chart(table)
        .mark_line(point=len(table) < 60)
        .encode(
            x=alt.X("Score:Q", title="scores given", axis=alt.Axis(format="d")),
            y=alt.Y("Points:Q", title="mean distance, points of 100", scale=alt.Scale(zero=True)),
            color=alt.Color("Reviewer:N", legend=alt.Legend(orient="top")),
        )
    )
    st.altair_chart(lines.properties(height=_HEIGHT), width="stretch")
    st.caption(
        f"Mean over the last {DRIFT_WINDOW} scores. Near zero the head has become right, or the "
        "reviewer has stopped looking: point checks and blind review tell which."
    )


def draw_paces(paces: Sequence[Pace], facts: ReviewFacts) -> None:
    """Draw one row a reviewer, and how far they agree with one another."""
    table = pd.DataFrame(
        [
            (
                pace.reviewer,
                pace.images,
                pace.labels,
                pace.seconds,
                pace.an_hour,
                None if pace.bias is None else 100 * pace.bias,
                local_time(pace.last),
            )
            for pace in paces
        ],
        columns=["Reviewer", "Images", "Labels", "Seconds", "Per hour", "Bias", "Last decision"],
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={
            "Seconds": number(format="%.1f", help="Median time of a decision"),
            "Per hour": number(format="%.0f", help="Decisions in an hour of work"),
            "Bias": number(
                format="%+.1f", help="Mean of own score minus the head's, points of 100"
            ),
        },
    )
    found = facts.agreement()
    if found is None:
        st.caption(
            "No candidate has different scores of two reviewers yet, so their agreement cannot be "
            "measured."
        )
        return
    interval = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
    st.markdown(
        f"Krippendorff's alpha **{found.alpha:.2f}**{interval} on {found.candidates:,} candidates "
        f"that two or more scored; their scores differ by {100 * found.mean_difference:.1f} points "
        "in mean."
    )
