"""Secrets in texts."""

from __future__ import annotations

import base64
import string
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Context, parse
from handrail.validators.safety.randomness import drawn, entropy, password, placeholder
from handrail.validators.safety.secret_formats import FORMATS, crc32_base62
from handrail.validators.safety.secrets import telling
from tests.validators.safety.cases import GITHUB, NAMED
from tests.validators.safety.tricks import codes, found, passed

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

SEEN = (
    f"x{GITHUB}",
    f"_{GITHUB}",
    f"{GITHUB}x",
    f"token%3D{GITHUB}",
    f"é😀{GITHUB}ü",
    f"sk-{GITHUB}",
    f"ghp_{GITHUB}",
    {GITHUB: 1},
    {"a": [{"b": [GITHUB]}]},
    f"api_key := {NAMED}",
    f"API KEY: {NAMED}",
    f"apiKey={NAMED}",
    f"<token>{NAMED}</token>",
    f"--token {NAMED}",
    f'{{\\"api_key\\": \\"{NAMED}\\"}}',
    "Server=x;Password=Hunter2!x;",
    "https://:Hunter2!x@h/",
    "-----BEGIN RSA PRIVATE KEY-----\\nMIIEpAIBAAKCAQEAabcdefghijklmnopqrstuvwxyzABCDEFGHIJ\\n",
    f"authorization: bearer {NAMED}zz",
)
UNSEEN = (
    GITHUB.upper(),
    GITHUB[:20] + "\u200b" + GITHUB[20:],
    GITHUB[:20] + "\n" + GITHUB[20:],
    [GITHUB[:20], GITHUB[20:]],
    GITHUB[::-1],
    base64.b64encode(GITHUB.encode()).decode(),
    GITHUB.encode().hex(),
    f"the secret is {NAMED}",
    "password: correct horse battery staple",
    {"name": "password", "value": "Hunter2!x"},
)


def test_tries_to_hide_a_secret() -> None:
    """Tokens are seen beside letters, escapes, other beginnings, in keys and deep inside, and in several notations."""
    assert passed("secrets()", SEEN) == []


def test_what_it_does_not_see() -> None:
    """What the docstring says is not seen is not seen: split, encoded, reversed, in words."""
    assert found("secrets()", UNSEEN) == []


@given(body=st.text(_BASE62, min_size=30, max_size=30), prefix=st.sampled_from(["ghp_", "ghs_", "npm_"]))
@settings(max_examples=60, deadline=None)
def test_checksums(body: str, prefix: str) -> None:
    """A token with the right checksum is found with its place; with one digit of it changed it is none."""
    left, digits = zlib.crc32(body.encode()), ""
    while left:
        left, digit = divmod(left, 62)
        digits = _BASE62[digit] + digits
    token = prefix + body + digits.rjust(6, "0")
    assert crc32_base62(token)
    other = token[:-1] + _BASE62[(_BASE62.index(token[-1]) + 1) % 62]
    assert not crc32_base62(other)
    if not placeholder(token):
        (finding,) = parse("secrets()").check({"k": f"use {token}."})
        assert (finding.path, finding.span) == ("/k", (4, 44))
        assert token[8:] not in finding.excerpt + finding.message + finding.hint


_MADE = {
    "aws_access_key": "ASIA" + "QWERTYUIOPASDFGH",
    "google_access_token": "ya29." + NAMED * 2,
    "azure_client_secret": "abC8Q~" + ("aB3dE6gH9" * 4)[:34],
    "github_fine_grained_token": "github_pat_" + "aB3dE6gH9jK" * 2 + "_" + ("aB3dE6gH9jK" * 6)[:59],
    "gitlab_token": "glpat-" + NAMED,
    "slack_token": "xoxb-" + "48151623-" + NAMED,
    "stripe_key": "rk_live_" + NAMED,
    "openai_key": "sk-proj-" + NAMED + "T3BlbkFJ" + NAMED,
    "hugging_face_token": "hf_" + "qWeRtYuIoPaSdFgHjKlZxCvBnMqWeRtYuI",
    "pypi_token": "pypi-AgEIcHlwaS5vcmc" + NAMED * 3,
    "sendgrid_key": "SG." + (NAMED * 2)[:22] + "." + (NAMED * 3)[:43],
    "telegram_token": "48151623:AA" + (NAMED * 2)[:33],
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ." + NAMED * 2,
    "url_password": "amqps://ana:s3cr3tPw@mq/",
    "private_key": "-----BEGIN EC PRIVATE KEY-----\n" + NAMED * 3 + "\n-----END EC PRIVATE KEY-----",
    "age_key": "AGE-SECRET-KEY-1" + ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2)[:58],
}


def test_formats() -> None:
    """A token of each format is found under its name, wholly, and not quoted; cut short it is none."""
    names = {one.name for one in FORMATS}
    for name, token in _MADE.items():
        assert name in names
        text = f"use {token} now"
        findings = parse("secrets()").check(text)
        assert [one.code for one in findings] == [f"secrets.{name}"], token
        (finding,) = findings
        assert finding.span is not None
        assert token.endswith(text[finding.span[0] : finding.span[1]]) or name == "url_password"
        assert len(finding.excerpt.partition("…")[0]) <= 4
    for name in ("aws_access_key", "gitlab_token", "openai_key", "sendgrid_key", "age_key", "telegram_token"):
        assert codes("secrets()", f"use {_MADE[name][:-6]} now") == [], name


def test_no_alarm_on_what_is_everywhere() -> None:
    """UUIDs, commit ids, hashes, pictures in base64, names of classes and page tokens are no secrets."""
    honest = [
        "123e4567-e89b-12d3-a456-426614174000",
        {"token": "123e4567-e89b-12d3-a456-426614174000"},
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        {"password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"},
        "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 20).decode(),
        "private_key: ed25519.Ed25519PrivateKey",
        {"next_page_token": NAMED, "max_tokens": "4096"},
        "secret_key = os.environ['SECRET_KEY']",
        "password: ********",
        "postgresql://scott:tiger@localhost/test",
        "token = getAccessTokenFromStore",
    ]
    assert found("secrets()", honest) == []


def test_arguments_that_are_there_for_secrets() -> None:
    """A value under a telling name passes where it is itself an argument of the tool, and not deeper inside."""
    arguments = Context(on="arguments")
    assert codes("secrets()", {"password": "Hunter2!x"}, arguments) == []
    assert codes("secrets()", {"env": {"password": "Hunter2!x"}}, arguments) == ["secrets.named"]
    assert codes("secrets()", {"password": GITHUB}, arguments) == ["secrets.github_token"]
    assert codes("secrets()", {"password": "Hunter2!x"}) == ["secrets.named"]


def test_options() -> None:
    """Formats can be allowed by name; entropy and length move the line; what cannot be is refused with the nearest."""
    assert codes("secrets(allow=['github_token'])", GITHUB) == []
    assert codes("secrets(allow=['named'])", {"api_key": NAMED}) == []
    assert codes("secrets(min_length=21)", {"api_key": NAMED}) == []
    assert codes("secrets(entropy=5)", {"api_key": NAMED}) == []
    with pytest.raises(ConfigError, match="github_token"):
        parse("secrets(allow=['github_tokens'])")
    with pytest.raises(ConfigError, match="out of range"):
        parse("secrets(entropy=0)")


def test_randomness() -> None:
    """Entropy is Shannon's; a drawn word changes between kinds of characters; a password has three of them."""
    assert entropy("") == entropy("aaaa") == 0
    assert entropy("abcd") == 2
    assert drawn(NAMED, bits=3.5, length=16)
    assert not drawn("thisIsALongCamelCaseName1234", bits=3.5, length=16)
    assert drawn("9f86d081884c7d659a2feaa0c55ad015", bits=3.5, length=16)
    assert not drawn("9f86d081", bits=3.5, length=8)
    assert password("Hunter2!")
    assert not password("hunter22")
    assert not password("new_password")


def test_telling_names() -> None:
    """Names of secrets tell, names of what counts, pages or hashes them do not."""
    assert all(map(telling, ["password", "apiKey", "client_secret", "GITHUB_TOKEN", "aws_secret_access_key"]))
    assert not any(
        map(telling, ["tokens_used_count", "page_token", "password_hash", "secretary of state", "public_key"])
    )


def test_too_many_beginnings_are_said_so() -> None:
    """A text full of beginnings of tokens is one that could not be checked, not one that is fine."""
    assert codes("secrets()", "eyJaaaaaaaa-" * 4_000) == ["unchecked.size"]
