"""Runs and texts that the examples of grounding share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from handrail.validators import Call, Context, Run, Source

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
DOCUMENTS = (
    Source(
        "kb-1",
        "Refunds are paid within 14 days. The fee is 1.234,50 EUR, or 12 % of the price; parcels weigh 5 kg. "
        "Ask Maria van der Berg, or see https://acme.example/help.",
        "document", "handbook", {"source": "docs/kb-1.md"},
    ),
    Source("7",
           "Since 5 March 2024 the limit is 3 million dollars. A plan costs $19.99. Don’t “panic”, call us at once.",
           "document", "handbook", {"url": "https://shop.example/plans", "title": "Plans"}),
)  # fmt: skip
SEARCH = Call("search", {"day": "2024-02-29", "limit": 40}, result={"items": [{"price": 1.5}, {"price": 2.25}]})


def seen(*sources: Source, calls: tuple[Call, ...] = (), complete: bool = True) -> Context:
    """Where the run has seen these."""
    return Context("answer", run=Run(sources, calls, complete), now=NOW)


RUN = seen(*DOCUMENTS, calls=(SEARCH,))
PART = seen(*DOCUMENTS, complete=False)
NOTHING = seen()


def full(make: Callable[[int], str]) -> Context:
    """A run that has seen as much as is read, in 40 sources, of what ``make`` says of each number."""
    texts: list[str] = []
    for number in range(30):
        text, at = "", number * 5_000
        while len(text) < 5_000:
            text += make(at)
            at += 1
        texts.append(text[:5_000])
    return seen(*(Source(f"d{number}", text) for number, text in enumerate(texts)))


def each(make: Callable[[int], str], length: int = 50_000) -> Callable[[], str]:
    """Makes a text of this length of what ``make`` says of each number."""

    def text() -> str:
        found, at = [make(0)], 0
        size = len(found[0])
        while size < length:
            at += 1
            found.append(make(at))
            size += len(found[-1])
        return "".join(found)[:length]

    return text
