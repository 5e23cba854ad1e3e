"""How a case of the corpus is written: texts of files, with the line of the mistake marked by ``<<<``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MARK = "<<<"
"""Stands at the end of the line that a complaint must name; taken out before the file is written."""

HEAD = """version = 1
[users]
"acme/ana" = ["support"]
"acme/leo" = ["lead"]
"bank/tom" = ["teller"]
[roles]
lead = ["support"]
auditor = []
"""
"""What most cases begin with."""


@dataclass(frozen=True)
class Broken:
    """One broken policy."""

    files: Mapping[str, str]
    """Name -> text; one of them is handrail.toml, and one has the mark."""
    word: str
    """What the message or its hint must say."""

    def write(self, folder: Path) -> tuple[Path, int]:
        """Put the files down; the file and line of the mistake."""
        place: tuple[Path, int] | None = None
        for name, text in self.files.items():
            for number, line in enumerate(text.split("\n"), 1):
                if MARK in line:
                    assert place is None, "marked twice"
                    place = folder / name, number
            (folder / name).write_text(text.replace(f" # {MARK}", "").replace(MARK, ""), encoding="utf-8")
        assert place is not None, "not marked"
        return place


@dataclass(frozen=True)
class Good:
    """One good policy, with the tools that it governs."""

    files: Mapping[str, str]
    tools: Mapping[str, dict[str, Any] | None] = field(default_factory=dict[str, Any])

    def write(self, folder: Path) -> None:
        """Put the files down."""
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")


def toml(text: str, word: str, *, head: str = HEAD) -> Broken:
    """A broken handrail.toml."""
    return Broken({"handrail.toml": head + text}, word)


def rule(body: str, word: str) -> Broken:
    """A broken ``[[rule]]``; its first line is the one that is named."""
    return toml(f'[[rule]] # {MARK}\nid = "r"\n{body}', word)


def when(condition: str, word: str, *, call: str = '"refund"', verdict: str = "allow") -> Broken:
    """A rule of support with a broken condition."""
    return rule(f"{verdict} = \"support\"\ncall = {call}\nwhen = '''{condition}'''\n", word)


MODEL = """[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub, r.dom) && r.dom == p.dom && r.obj == p.obj && r.act == p.act
"""
POLICY = "p, support, acme, refund, call\ng, ana, support, acme\n"
CASBIN = 'version = 1\n[casbin]\nmodel = "model.conf"\npolicy = "policy.csv"\n'


def files(policy: str = POLICY, word: str = "", *, model: str = MODEL, head: str = CASBIN) -> Broken:
    """Broken Casbin files."""
    return Broken({"handrail.toml": head, "model.conf": model, "policy.csv": policy}, word)
