"""Tokens are blotted out in every form that a server or a library may repeat them in."""

from __future__ import annotations

import base64
import quopri
from urllib.parse import quote, urlencode

import pytest

from qspin.confidential import redacted, scrubbed

TOKEN = "DEV-0123456789abcdef/it's+secret="


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN + "\n")


def in_base64(before, after):
    return base64.b64encode((before + TOKEN + after).encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"no route with {TOKEN}",
        f"Invalid header value {TOKEN + chr(10)!r}",
        f"Invalid header value {(TOKEN + chr(10)).encode()!r}",
        f"GET /?{urlencode({'token': TOKEN})}",
        f"GET /{quote(TOKEN)}",
        f"Authorization: =?utf-8?q?{quopri.encodestring(TOKEN.encode()).decode()}?=",
        *(f"Basic {in_base64(b, a)}" for b in ("", "x:", "ab:", "apikey:") for a in ("", "\n", ":x")),
        f"Basic {base64.urlsafe_b64encode(TOKEN.encode()).decode()}",
    ],
)
def test_every_form_is_blotted_out(text):
    clean = redacted(text)
    assert "<token>" in clean
    assert TOKEN[:12] not in clean
    assert quote(TOKEN, safe="")[-12:] not in clean
    assert in_base64("", "")[8:20] not in clean
    assert len(clean) < len(text) - 20


def test_what_an_error_was_raised_for_is_clean_too():
    try:
        try:
            raise ConnectionError(f"no route with {TOKEN}", {"X-Auth-Token": TOKEN})
        except ConnectionError as error:
            raise ValueError(f"{TOKEN} is no good") from error
    except ValueError as error:
        failure = scrubbed(error)
    assert "secret" not in str(failure) + str(failure.__cause__)


def test_short_words_are_no_secrets(monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "a")
    assert redacted("a b c") == "a b c"
