"""The reference of the index's views: `python -m tests.docs.views` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from handrail.audit.views import View, documented

_HEAD = """\
# Views of the index

What `handrail traces query` may read, in DuckDB's SQL; `handrail traces query --views` prints the same. Moments are
UTC. No content is in a view: `args`, `result` and `messages` say where it lies in the [journal](journal.md), and
`handrail traces show --content` reads it. What reliability counts is told in the
[explanation](../explanation/reliability.md).

This page is made from the views themselves: `python -m tests.docs.views > docs/reference/views.md`.
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([_HEAD, *(line for view in documented() for line in _section(view))])


def _section(view: View) -> Iterator[str]:
    yield f"## {view.name}\n\n{view.about}\n"
    yield "| column | type | meaning |\n|---|---|---|"
    for column in view.columns:
        yield f"| `{column.name}` | {column.type} | {column.meaning} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")
