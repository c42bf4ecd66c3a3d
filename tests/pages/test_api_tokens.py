"""Tokens: who signs, what they say, and when they stop counting."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pages.api.tokens import (
    TOKEN_LIFETIME_S,
    Caller,
    TokenError,
    mint_token,
    read_secret,
    read_token,
)
from rsqa_core.errors import InvalidInputError
from rsqa_core.settings import Settings

NOW_S = 1_750_000_000.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_a_token_says_who_and_which_project(settings: Settings) -> None:
    token = mint_token(settings, "Zoë 张", 7, now_s=NOW_S)
    assert read_token(settings, token, now_s=NOW_S + 60) == Caller("Zoë 张", 7)


def test_a_token_stops_counting_after_its_lifetime(settings: Settings) -> None:
    token = mint_token(settings, "Ada", 1, now_s=NOW_S)
    assert read_token(settings, token, now_s=NOW_S + TOKEN_LIFETIME_S - 1).reviewer == "Ada"
    with pytest.raises(TokenError, match="expired"):
        read_token(settings, token, now_s=NOW_S + TOKEN_LIFETIME_S)


def test_any_changed_character_is_refused(settings: Settings) -> None:
    token = mint_token(settings, "Ada", 1, now_s=NOW_S)
    payload, signature = token.split(".")
    for place in range(len(payload)):
        other = "A" if payload[place] != "A" else "B"
        forged = f"{payload[:place]}{other}{payload[place + 1 :]}.{signature}"
        with pytest.raises(TokenError):
            read_token(settings, forged, now_s=NOW_S)


@pytest.mark.parametrize("token", ["", ".", "x", "é.ü", "a.b.c", "eyJ9." + "A" * 43])
def test_what_is_no_token_is_refused(settings: Settings, token: str) -> None:
    with pytest.raises(TokenError):
        read_token(settings, token, now_s=NOW_S)


def test_a_token_of_another_installation_is_refused(settings: Settings, tmp_path: Path) -> None:
    foreign = mint_token(Settings(home=tmp_path / "other"), "Ada", 1, now_s=NOW_S)
    with pytest.raises(TokenError):
        read_token(settings, foreign, now_s=NOW_S)


def test_the_key_is_made_once_and_only_its_owner_can_read_it(settings: Settings) -> None:
    first = read_secret(settings)
    assert read_secret(settings) == first
    assert stat.S_IMODE(settings.secret_path.stat().st_mode) == 0o600
    assert [path.name for path in settings.home.iterdir()] == ["secret"]


def test_a_key_that_is_too_short_is_refused(settings: Settings) -> None:
    settings.home.mkdir()
    settings.secret_path.write_bytes(b"short")
    with pytest.raises(InvalidInputError, match="Delete the file"):
        read_secret(settings)
