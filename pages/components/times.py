"""Moments as people read them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st


def local_time(moment: dt.datetime | None) -> str:
    """Return a stored moment (UTC) in the time zone of the browser, '23 Nov 2025, 14:05'."""
    if moment is None:
        return "—"
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return f"{aware.astimezone(browser_zone()):%d %b %Y, %H:%M}"


def browser_zone() -> dt.tzinfo:
    """Return the time zone of the browser, UTC where it does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return dt.UTC
