"""URLs that lead outside."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.safety.addresses import ipv4, kind_of
from handrail.validators.safety.url_parts import Url, ambiguous, host_name, read
from tests.validators.safety.tricks import codes, found, passed

SEEN = (
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://0000000000000000000177.0.0.1/",
    "http://0/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:0:0:0:0:80ff:fffe]/",
    "http://[fe80::5efe:10.0.0.1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00:ec2::254]/",
    "http://169.254.169.254/",
    "http://169.254.43518/",
    "http://100.100.100.200/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://１２７.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1./",
    "http://LOCALHOST/",
    "http://local\u00adhost/",
    "http://a.localhost/",
    "http://metadata.google.internal/",
    "http://intranet/",
    "http://printer.local/",
    "http://10.0.0.1.nip.io/",
    "http://localtest.me/",
    "http://good.com@10.0.0.1/",
    "http://good.com\\@10.0.0.1/",
    "http:\\\\10.0.0.1/",
    "http:10.0.0.1/",
    "http:///10.0.0.1/",
    "ht\ntp://10.0.0.1/",
    " http://10.0.0.1/",
    "//10.0.0.1/",
    "http://256.1.1.1/",
    "http://1.1.1.1.1/",
    "http://010.8.8.8/",
    "file:///etc/passwd",
    "gopher://example.com:70/_x",
    "jar:http://example.com!/",
    "http://",
    "https://exa mple.com/",
    "https://example.com:99999999/",
)
UNSEEN = ("https://redirector.example.com/?to=http://10.0.0.1", "https://a-name-that-resolves-inside.example.com/",
          "http://google.com#@10.0.0.1")  # fmt: skip


def test_tries_to_get_inside() -> None:
    """Every spelling of an inside address, and every odd URL, is refused."""
    assert passed("public_url()", SEEN) == []


def test_what_it_does_not_see() -> None:
    """What only a lookup or a request would show is not seen."""
    assert found("public_url()", UNSEEN) == []


def test_public_urls_pass() -> None:
    """Names and public addresses pass, in letters of any script, with ports, queries and fragments."""
    good = [
        "https://example.com",
        "http://example.com:8080/a?b=c#d",
        "https://bücher.example/",
        "https://例え.jp",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://example.com./",
        "HTTPS://EXAMPLE.COM",
    ]
    assert found("public_url()", good) == []


@given(st.integers(0, 2**32 - 1), st.data())
@settings(max_examples=80, deadline=None)
def test_spellings_of_an_address_are_one(number: int, data: st.DataObject) -> None:
    """Decimal, octal, hexadecimal and short spellings of an IPv4 address are that address."""
    parts = list(IPv4Address(number).packed)
    forms = ["{}", "0{:o}", "0x{:x}", "0X{:X}"]
    spelled = ".".join(data.draw(st.sampled_from(forms)).format(one) for one in parts)
    assert ipv4(spelled) == ipv4(str(number)) == ipv4(hex(number)) == number
    assert ipv4(f"{parts[0]}.{number & 0xFFFFFF}") == ipv4(f"{parts[0]}.{parts[1]}.{number & 0xFFFF}") == number


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}"]))
@settings(max_examples=80, deadline=None)
def test_an_address_in_an_address(inner: IPv4Address, form: str) -> None:
    """An IPv6 address that carries an IPv4 address is at least as little public as that."""
    outer = kind_of(f"[{IPv6Address(form.format(inner))}]")
    assert outer != "public" or kind_of(str(inner)) == "public"


@given(st.ip_addresses(v=4))
@settings(max_examples=100, deadline=None)
def test_agrees_with_the_standard_library(address: IPv4Address) -> None:
    """What is public here Python takes for global; the other way round but for multicast and a cloud's addresses."""
    public = kind_of(str(address)) == "public"
    own = {IPv4Address("168.63.129.16"), *IPv4Network("192.0.0.0/24")}
    assert public <= address.is_global
    assert public >= (address.is_global and not address.is_multicast and address not in own)


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_reading_never_fails(text: str) -> None:
    """Every text is read into parts, and looked at, without an error."""
    assert isinstance(read(text), Url)
    assert isinstance(ambiguous(text), bool)
    assert isinstance(parse("public_url(if_url=true)").check(f"http://{text}"), tuple)


def test_parts() -> None:
    """A URL is taken apart as browsers do."""
    url = read("HTTPS:\\\\Ana:pw@EXAMPLE.com.:81\\a?b#c")
    assert (url.scheme, url.host, url.userinfo, url.port, url.path, url.query) == (
        "https", "example.com", "Ana:pw", "81", "/a", "b")  # fmt: skip
    assert read("/a/b?c").host is None
    assert read("mailto:a@b.c").host is None
    assert host_name("a" * 2_000) == host_name("a b") == "!"


def test_options() -> None:
    """Schemes, hosts and ports are allow-lists; a named host may be a private one; wrong options are refused."""
    assert codes("public_url(schemes=['https'])", "http://example.com/") == ["public_url.scheme"]
    assert codes("public_url(schemes=[])", "s3://bucket.example.com/") == []
    assert codes("public_url(hosts=['intranet'])", "http://intranet/") == []
    assert codes("public_url(hosts=['*.example.com'])", "http://example.com/") == ["public_url.host"]
    assert codes("public_url(ports=[443])", "https://example.com:80/") == ["public_url.port"]
    assert codes("public_url(ports=[443])", "https://example.com/") == []
    with pytest.raises(ConfigError, match="is no host"):
        parse("public_url(hosts=['a b'])")
    with pytest.raises(ConfigError, match="0 to 65535"):
        parse("public_url(ports=[70000])")


def test_urls_among_other_texts() -> None:
    """With if_url only what begins like a URL is looked at, wherever it stands."""
    check = "public_url(if_url=true, schemes=[])"
    value = {
        "note": "see http://10.0.0.1",
        "code": "// local.comment here",
        "bucket": "s3://logs",
        "at": ["http://10.0.0.1"],
    }
    (finding,) = parse(check).check(value)
    assert (finding.code, finding.path) == ("public_url.private", "/at/0")
    assert passed(check, ["\thttp://127.0.0.1 and so on", "\\\\10.0.0.1\\share", "file:///etc/passwd"]) == []
    assert found(check, ["C:\\Users", "postgres://db/x", "a: b", "//comment", "https://example.com is nice"]) == []
