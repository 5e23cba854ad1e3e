"""Spans of the demonstration, checked against OpenTelemetry's GenAI conventions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

EXPORT = """
import json, sys
from pathlib import Path
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)

from handrail.demo.play import play

play(Path(sys.argv[1]))
for span in spans.get_finished_spans():
    print(json.dumps({
        "name": span.name, "kind": span.kind.name, "attributes": dict(span.attributes or {}),
        "status": span.status.status_code.name,
        "events": [{"name": event.name, "attributes": dict(event.attributes or {})} for event in span.events],
    }))
"""


def test_spans_of_the_demo_keep_the_conventions(test_data: Callable[[str], Path], tmp_path: Path) -> None:
    """The published checker finds no violation and no content, and every step of the demo has its span."""
    checker = test_data("semconv/check_spans.py")
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    run = [sys.executable, "-c", EXPORT, str(tmp_path / "data")]
    made = subprocess.run(run, env=env, capture_output=True, text=True, check=True, timeout=120)
    spans = tmp_path / "spans.jsonl"
    spans.write_text(made.stdout)
    operations = Counter(json.loads(line)["name"].split()[0] for line in made.stdout.splitlines())
    assert operations == {"invoke_agent": 6, "execute_tool": 13, "chat": 18, "handoff": 1}
    check = [sys.executable, str(checker), str(spans), "--no-content"]
    checked = subprocess.run(check, capture_output=True, text=True, check=False, timeout=120)
    assert checked.returncode == 0, checked.stdout + checked.stderr
