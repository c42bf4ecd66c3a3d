"""Before and after on held-out labels: figures, a plot, and whether they carry a promotion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import pandas as pd
import streamlit as st

from rsqa_core.records import HeadRecord

MINIMUM_HELD_OUT = 5
SMALL_HELD_OUT = 15


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether held-out labels speak for a head: refuse and warn come with their reason."""

    level: Literal["good", "warn", "refuse"]
    reason: str


def assess(head: HeadRecord) -> Assessment:
    """Judge a head by its own held-out figures (``metrics['held_out']``).

    Refused are heads of a project with fewer than MINIMUM_HELD_OUT held-out labels or an error that
    is not finite. A base head has no labels of the project and may always come back.
    """
    if head.project_id is None:
        return Assessment("good", "The base head that every project starts with.")
    held_out = head.metrics.get("held_out") or {}
    after = held_out.get("after") or {}
    count = int(after.get("n", 0))
    mae = _number(after.get("mae"))
    if count < MINIMUM_HELD_OUT or mae is None:
        return Assessment(
            "refuse",
            f"Only {count} held-out labels: that says nothing about this head. Label more "
            "candidates and train again.",
        )
    interval = _interval(held_out)
    if interval is None or interval[0] <= 0.0 <= interval[1]:
        return Assessment(
            "warn",
            "The interval of the change spans zero: with these labels, no gain is certain.",
        )
    if interval[0] > 0.0:
        return Assessment(
            "warn",
            "The error on held-out labels grew. Keep the current head, and label more images: few "
            "that are unlike one another say little of each other.",
        )
    if count < SMALL_HELD_OUT:
        return Assessment(
            "warn", f"Only {count} held-out labels: the figures may move with the next ones."
        )
    return Assessment("good", "The error on held-out labels fell, beyond chance.")


def figures(held_out: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table with rows MAE, SRCC and labels, columns Before and After."""
    before, after = (held_out.get(side) or {} for side in ("before", "after"))
    rows = [
        ("Mean absolute error (lower is better)", "mae"),
        ("Rank correlation, SRCC (higher is better)", "srcc"),
        ("Held-out labels", "n"),
    ]
    return pd.DataFrame(
        [(name, _text(before.get(key)), _text(after.get(key))) for name, key in rows],
        columns=["On held-out labels", "Before", "After"],
    )


def points(raw: object) -> pd.DataFrame:
    """Return ``held_out_points`` ([label, before, after] rows) in long form for the plot."""
    rows = []
    for point in raw if isinstance(raw, list) else []:
        label, before, after = (_number(value) for value in point)
        if label is not None:
            rows += [(label, before, "Before"), (label, after, "After")]
    table = pd.DataFrame(rows, columns=["Labelled", "Predicted", "Head"])
    return table.dropna().reset_index(drop=True)


def draw_held_out(head: HeadRecord) -> None:
    """Draw figures and plot of a head; its warnings first."""
    held_out = head.metrics.get("held_out") or {}
    verdict = assess(head)
    {"good": st.success, "warn": st.warning, "refuse": st.error}[verdict.level](verdict.reason)
    numbers, plot = st.columns([3, 2], gap="large")
    with numbers:
        st.dataframe(figures(held_out), hide_index=True, height="content")
        if (interval := _interval(held_out)) is not None:
            st.caption(
                f"Change of the mean absolute error: {interval[0]:+.3f} to {interval[1]:+.3f} "
                "(bootstrap interval; below zero is better)."
            )
    table = points(head.metrics.get("held_out_points"))
    with plot:
        if table.empty:
            st.caption("This head has no stored predictions to plot.")
        else:
            st.altair_chart(chart(table), width="stretch")


def chart(table: pd.DataFrame) -> alt.LayerChart:
    """Return predicted against labelled quality, before and after, with the ideal diagonal."""
    unit = alt.Scale(domain=[0, 1])
    diagonal = (
        alt.Chart(pd.DataFrame({"Labelled": [0, 1], "Predicted": [0, 1]}))
        .mark_line(strokeDash=[4, 4], color="#8a97a0")
        .encode(x="Labelled:Q", y="Predicted:Q")
    )
    dots = (
        alt.Chart(table)
        .mark_point(filled=True, size=45, opacity=0.75)
        .encode(
            x=alt.X("Labelled:Q", scale=unit, axis=alt.Axis(tickCount=5)),
            y=alt.Y("Predicted:Q", scale=unit, axis=alt.Axis(tickCount=5)),
            color=alt.Color("Head:N", sort=["Before", "After"], legend=alt.Legend(orient="top")),
            shape=alt.Shape("Head:N", sort=["Before", "After"]),
            tooltip=[
                "Head:N",
                alt.Tooltip("Labelled:Q", format=".2f"),
                alt.Tooltip("Predicted:Q", format=".2f"),
            ],
        )
    )
    return alt.layer(diagonal, dots).properties(height=320)


def change_text(head: HeadRecord) -> str:
    """Return 'MAE 0.112 to 0.081, n = 20', or a dash without figures."""
    held_out = head.metrics.get("held_out") or {}
    before, after = (_number((held_out.get(s) or {}).get("mae")) for s in ("before", "after"))
    if after is None:
        return "—"
    count = int((held_out.get("after") or {}).get("n", 0))
    start = f"{before:.3f} to " if before is not None else ""
    return f"MAE {start}{after:.3f}, n = {count}"


def _interval(held_out: Mapping[str, Any]) -> tuple[float, float] | None:
    raw = held_out.get("interval")
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        return None
    low, high = _number(raw[0]), _number(raw[1])
    return None if low is None or high is None else (low, high)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _text(value: object) -> str:
    number = _number(value)
    if number is None:
        return "—"
    return str(value) if isinstance(value, int) else f"{number:.3f}"
