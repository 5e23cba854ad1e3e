"""Whether an answer rests on what the run has seen: citations, quotations, numbers, links."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "has_citations": "citations:HasCitations",
    "citations_resolve": "citations:CitationsResolve",
    "quotes_occur": "quotes:QuotesOccur",
    "numbers_grounded": "numbers:NumbersGrounded",
    "dates_grounded": "dates:DatesGrounded",
    "names_grounded": "names:NamesGrounded",
    "links_grounded": "links:LinksGrounded",
}
"""Name -> ``MODULE:CLASS`` in this package."""
