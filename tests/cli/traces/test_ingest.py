"""``handrail traces ingest``: files of spans in every form, what is said of them, and how it ends."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.audit.index import Index
from handrail.cli.traces import command
from handrail.cli.traces.span_files import Unreadable
from handrail.tracing.otlp import codec, dump
from handrail.tracing.otlp.span import OtlpSpan
from tests.conftest import shared_data
from tests.tracing.dialects.made import span

_SCOPE = "opentelemetry.instrumentation.genai.langchain"


def ingest(data: Path, *args: object) -> Result:
    """The command's result; its errors are raised."""
    words = ["ingest", "--data", str(data), *map(str, args)]
    return CliRunner().invoke(command, words, catch_exceptions=False, color=False)


def _spans() -> list[OtlpSpan]:
    agent = span(
        "invoke_agent clerk", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"}, scope=_SCOPE
    )
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    return [agent, span("execute_tool search", tool, parent_id=agent.span_id, scope=_SCOPE)]


def _written(spans: list[OtlpSpan]) -> dict[str, bytes]:
    """The same spans in every form that is read."""
    lines = b"\n".join(map(dump.to_line, spans)) + b"\n"
    request = codec.encode(spans, "json")
    return {
        "spans.jsonl": lines,
        "spans.jsonl.gz": gzip.compress(lines),
        "request.json": request,
        "pretty.json": json.dumps(json.loads(request), indent=2).encode(),
        "requests.jsonl": b"\n".join(codec.encode([one], "json") for one in spans),
        "request.pb": codec.encode(spans, "protobuf"),
        "request.pb.gz": gzip.compress(codec.encode(spans, "protobuf")),
    }


def test_every_form_is_known_by_its_bytes(tmp_path: Path) -> None:
    """Lines, requests in JSON, one or many, and protobuf, gzipped or not, give the same run."""
    for name, body in _written(_spans()).items():
        file = tmp_path / name
        file.write_bytes(body)
        result = ingest(tmp_path / f"data-{name}", file, "--json")
        assert result.exit_code == 0, name
        assert json.loads(result.stdout) == {
            "spans": 2, "runs": 1, "steps": 2, "duplicates": 0, "refused": 0, "reasons": {}
        }, name  # fmt: skip


def test_a_file_taken_in_twice_counts_once(tmp_path: Path) -> None:
    """The same file again adds no run and no step."""
    file = tmp_path / "spans.jsonl"
    file.write_bytes(_written(_spans())["spans.jsonl"])
    ingest(tmp_path / "data", file)
    assert "1 runs with 2 steps" in ingest(tmp_path / "data", file).stdout
    assert Index(tmp_path / "data").query("SELECT count(*) AS n FROM runs") == [{"n": 1}]


def test_what_is_refused_is_said_and_the_rest_is_there(tmp_path: Path) -> None:
    """A line that is no span ends in exit code 1, with its reason; the other lines are taken."""
    file = tmp_path / "spans.jsonl"
    file.write_bytes(b'{"trace_id": "nonsense"}\nnot JSON\n{"a": \xff}\n' + _written(_spans())["spans.jsonl"])
    result = ingest(tmp_path / "data", file, "--format", "jsonl", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["spans"], told["refused"]) == (1, 2, 3)
    assert any("trace id" in reason for reason in told["reasons"])
    assert "nonsense" not in result.stdout


def test_a_file_of_no_known_form_is_named(tmp_path: Path) -> None:
    """Bytes that are neither JSON nor OTLP, and a broken archive, are errors that name the file."""
    for name, body in (("noise", b"hello, world"), ("cut.gz", gzip.compress(b"{}" * 1000)[:20])):
        file = tmp_path / name
        file.write_bytes(body)
        with pytest.raises(Unreadable, match=name):
            ingest(tmp_path / "data", file)


def test_the_configuration_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`payloads = false` of handrail.toml holds for what is taken in."""
    monkeypatch.chdir(tmp_path)
    Path("handrail.toml").write_text("version = 1\n[audit]\npayloads = false\n", encoding="utf-8")
    secret = span("chat m", {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "the secret"}, scope=_SCOPE)
    Path("spans.jsonl").write_bytes(dump.to_line(secret))
    ingest(tmp_path / "data", "spans.jsonl")
    files = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert files
    assert not any(b"the secret" in file.read_bytes() for file in files)


def test_an_observed_run_is_shown_as_a_tree(tmp_path: Path) -> None:
    """`traces show` has the run with the denied call that no span tells of, and says who saw the others."""
    ingest(tmp_path / "data", shared_data("spans/openinference.jsonl.gz"))
    rows = Index(tmp_path / "data").query("SELECT run FROM runs ORDER BY started_at")
    words = ["show", str(rows[0]["run"]), "--data", str(tmp_path / "data"), "--width", "120"]
    text = CliRunner().invoke(command, words, catch_exceptions=False, color=False).stdout
    assert "tool delete_record" in next(line for line in text.splitlines() if "did not run" in line)
    assert "seen by openinference" in text
    assert "agent researcher" in text
