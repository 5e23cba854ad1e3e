"""Every span type of the GenAI conventions, from real clients, held against the conventions' registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handrail.audit.reader import parts, records
from tests.conftest import shared_data

for _needed in ("mcp", "langchain_google_genai", "langchain_openai", "uvicorn"):
    pytest.importorskip(_needed, reason="A client that the program uses is not installed.")

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
TYPES = 11
"""Span types of the registry, those of MCP apart."""


@dataclass(frozen=True, slots=True)
class Played:
    """What one run of the program left behind."""

    folder: Path
    file: Path
    spans: list[dict[str, Any]]


def _play(folder: Path, content: str) -> Played:
    file = folder / "spans.jsonl"
    said = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "HANDRAIL_"))}
    quiet = {CAPTURE: content, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "LANGSMITH_TRACING": "false"}
    program = [sys.executable, "-m", "tests.frameworks.everything", str(folder), str(file)]
    done = subprocess.run(program, env={**said, **quiet}, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return Played(folder, file, [json.loads(line) for line in file.read_text().splitlines()])


@pytest.fixture(name="played", scope="module", params=["NO_CONTENT", "SPAN_AND_EVENT"])
def _played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, bool]:
    """The program's run, without content on spans and with it."""
    return _play(tmp_path_factory.mktemp("everything"), request.param), request.param != "NO_CONTENT"


def test_all_types_and_no_violation(played: tuple[Played, bool]) -> None:
    """The conventions' own checker finds every span type, client and server of MCP, and nothing to object to."""
    run, content = played
    checker = shared_data("semconv/check_spans.py")
    told = [sys.executable, str(checker), "--json", *([] if content else ["--no-content"]), str(run.file)]
    said = json.loads(subprocess.run(told, capture_output=True, text=True, check=False).stdout)
    assert [each for each in said["findings"] if each["level"] == "violation"] == []
    assert said["totals"]["classified"] == said["totals"]["spans"] == len(run.spans)
    assert {kind for kind, cover in said["coverage"].items() if not cover["spans"]} == set()
    assert said["totals"]["gen_ai_span_types"] == f"{TYPES}/{TYPES}"


def test_content_is_where_it_may_be(played: tuple[Played, bool]) -> None:
    """With content off no sentinel is in any span, whatever made it; with content on they are there."""
    run, content = played
    assert any("SENTINEL" in json.dumps(span) for span in run.spans) == content


def test_no_call_is_shown_twice(played: tuple[Played, bool]) -> None:
    """All spans are ours, but for MCP's handshakes outside runs; each model call and each tool call has one."""
    run, _ = played
    foreign = {span["name"] for span in run.spans if span["scope"] != "handrail"}
    assert foreign <= {"MCP send initialize", "initialize"}
    names = Counter(f"{span['kind']} {span['name']}" for span in run.spans)
    assert names["CLIENT text_completion gpt-3.5-turbo-instruct"] == 1
    assert names["CLIENT generate_content gemini-2.5-flash"] == 1
    assert (names["CLIENT tools/call add"], names["SERVER tools/call add"]) == (4, 4)
    assert names["INTERNAL execute_tool add"] == 1


def test_spans_hang_together(played: tuple[Played, bool]) -> None:
    """Every parent is there, also across processes: an MCP server's span lies below its client's."""
    run, _ = played
    known = {(span["trace_id"], span["span_id"]): span for span in run.spans}
    orphans = [
        span["name"] for span in run.spans if span["parent_id"] and (span["trace_id"], span["parent_id"]) not in known
    ]
    assert orphans == []
    servers = [span for span in run.spans if span["kind"] == "SERVER" and span["scope"] == "handrail"]
    assert servers
    for span in servers:
        above = known[span["trace_id"], span["parent_id"]]
        assert (above["kind"], above["name"]) == ("CLIENT", span["name"])


def test_each_span_is_a_step_of_the_journal(played: tuple[Played, bool]) -> None:
    """Ids of our spans are those of the records, in the journals of both processes."""
    run, _ = played
    kept = set()
    for folder in (run.folder, run.folder / "server"):
        for part in parts(folder / ".handrail"):
            kept |= {(found.get("trace"), found.get("step")) for found in map(_read, records(part))}
    steps = {step for _, step in kept}
    assert {span["span_id"] for span in run.spans if span["scope"] == "handrail"} <= steps


def _read(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.body)
    return found
