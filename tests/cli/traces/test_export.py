"""``handrail traces export``: what no exporter brought to the collector is made again from the journal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest

from handrail.audit.spans_again import UNFINISHED
from handrail.testing import ScriptedModel
from handrail.tracing.otlp.codec import decode
from handrail.tracing.otlp.receiver import Receiver
from handrail.tracing.otlp.span import OtlpSpan, Refused
from tests.cli import programs

PROGRAM = """
import sys
import handrail
from handrail.tracing.context import current

@handrail.tool
def look(key: str) -> str:
    return "found"

@handrail.tool
def fail(key: str) -> str:
    raise ValueError("secret")

@handrail.tool
def wait(key: str) -> str:
    print("waiting", flush=True)
    return sys.stdin.readline()

with handrail.run("clerk", tenant="acme", user="ana", session="s-1"):
    look("secret")
    try:
        fail("secret")
    except ValueError:
        pass
    if "wait" in sys.argv:
        wait("secret")
"""


class Collector:
    """A collector that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[OtlpSpan] = []

    def take(self, spans: Sequence[OtlpSpan]) -> Sequence[Refused]:
        """Keep all."""
        self.spans += spans
        return ()


@contextmanager
def collecting(port: int) -> Iterator[Collector]:
    """A collector at a port of this machine."""
    collector = Collector()
    receiver = Receiver(("127.0.0.1", port), collector.take)
    thread = threading.Thread(target=receiver.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        receiver.stop()
        thread.join(10)


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(folder: Path, port: int) -> dict[str, str]:
    """The environment of a program whose exporter sends to ``port``."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "HANDRAIL_"))}
    return own | {
        "HANDRAIL_DATA": str(folder / "data"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
        "OTEL_SERVICE_NAME": "shop",
    }


def run(folder: Path, environ: dict[str, str], *args: str) -> None:
    """Run the program to its end."""
    subprocess.run([sys.executable, "-c", PROGRAM, *args], cwd=folder, env=environ, check=True, timeout=120)


def export(folder: Path, environ: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    """Run ``handrail traces export``."""
    command = [sys.executable, "-m", "handrail", "traces", "export", *args]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120)


def told(span: OtlpSpan) -> dict[str, object]:
    """What a span says, without its times and the id that an SDK makes up for its process."""
    return {
        "ids": (span.trace_id, span.span_id, span.parent_id),
        "name": span.name,
        "kind": span.kind,
        "status": (span.status, span.status_message),
        "attributes": dict(span.attributes),
        "events": [(event.name, dict(event.attributes)) for event in span.events],
        "links": [(link.span_id, dict(link.attributes)) for link in span.links],
        "resource": {name: value for name, value in span.resource.items() if name != "service.instance.id"},
        "scope": span.scope,
    }


def test_after_an_outage_everything_is_sent_once(tmp_path: Path) -> None:
    """Nobody listened while the agent ran; later all its spans arrive, by their ids, and then nothing is left."""
    port = free_port()
    environ = environment(tmp_path, port)
    run(tmp_path, environ)
    with collecting(port) as collector:
        done = export(tmp_path, environ)
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            0,
            f"Sent 3 spans to http://127.0.0.1:{port}/v1/traces.",
        )
        again = export(tmp_path, environ)
        assert again.stdout.splitlines()[-1] == "3 had arrived before."
    names = [span.name for span in collector.spans]
    assert sorted(names) == ["execute_tool fail", "execute_tool look", "invoke_agent clerk"]
    by_name = {span.name: span for span in collector.spans}
    root = by_name["invoke_agent clerk"]
    assert {span.parent_id for span in collector.spans if span is not root} == {root.span_id}
    assert by_name["execute_tool fail"].status == "ERROR"
    assert all(root.start_ns <= span.start_ns <= span.end_ns <= root.end_ns for span in collector.spans)
    assert "secret" not in repr(collector.spans)


def test_what_the_live_exporter_brought_is_not_sent_again_and_is_made_again_the_same(tmp_path: Path) -> None:
    """The live exporter's success is in the journal; with --since the spans made again equal the live ones."""
    port = free_port()
    environ = environment(tmp_path, port)
    with collecting(port) as collector:
        run(tmp_path, environ)
        live = {span.span_id: told(span) for span in collector.spans}
        assert len(live) == 3
        assert export(tmp_path, environ).stdout.splitlines() == [
            f"Sent 0 spans to http://127.0.0.1:{port}/v1/traces.",
            "3 had arrived before.",
        ]
        collector.spans.clear()
        assert export(tmp_path, environ, "--since", "1h").returncode == 0
        assert {span.span_id: told(span) for span in collector.spans} == live


def test_an_agents_whole_run_is_made_again_the_same(tmp_path: Path) -> None:
    """Model calls, an allowed and a denied call of an unmodified LangChain agent: equal spans, whoever sent them."""
    programs.write(tmp_path, app="import clerk\nprint(clerk.ask())")
    port = free_port()
    with ScriptedModel(programs.script()) as server, collecting(port) as collector:
        exporting = {name: value for name, value in environment(tmp_path, port).items() if name.startswith("OTEL_")}
        environ = programs.environ(tmp_path, server) | exporting | {"HANDRAIL_DATA": str(tmp_path / "data")}
        done = programs.run(tmp_path, ["app.py"], environ)
        assert (done.returncode, done.stdout) == (0, "final\n"), done.stderr
        live = {span.span_id: told(span) for span in collector.spans}
        assert sorted(span.name.split()[0] for span in collector.spans) == [
            *["chat"] * 3, *["execute_tool"] * 2, "invoke_agent",
        ]  # fmt: skip
        collector.spans.clear()
        assert export(tmp_path, environ, "--since", "1h").returncode == 0
        assert {span.span_id: told(span) for span in collector.spans} == live


def test_another_collector_has_got_nothing_yet(tmp_path: Path) -> None:
    """What one collector acknowledged says nothing about another one."""
    first, second = free_port(), free_port()
    environ = environment(tmp_path, first)
    with collecting(first):
        run(tmp_path, environ)
    with collecting(second) as collector:
        assert export(tmp_path, environ, "--endpoint", f"http://127.0.0.1:{second}").returncode == 0
    assert len(collector.spans) == 3


def test_after_a_kill_the_step_in_flight_is_there_and_marked(tmp_path: Path) -> None:
    """kill -9 in a tool: what had finished arrives as finished, the tool and the run are marked, each once."""
    port = free_port()
    environ = environment(tmp_path, port)
    command = [sys.executable, "-c", PROGRAM, "wait"]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"waiting\n"
        with collecting(port) as collector:
            export(tmp_path, environ)  # while it lives, what is open is left alone
            assert UNFINISHED not in {name for span in collector.spans for name in span.attributes}
            agent.send_signal(signal.SIGKILL)
            agent.wait(20)
            done = export(tmp_path, environ)
    assert "2 of them were never finished" in done.stdout
    marked = {span.name: UNFINISHED in span.attributes for span in collector.spans}
    assert marked == {
        "execute_tool look": False,
        "execute_tool fail": False,
        "execute_tool wait": True,
        "invoke_agent clerk": True,
    }
    assert len(collector.spans) == 4


def test_nothing_is_noted_as_sent_that_a_collector_did_not_take(tmp_path: Path) -> None:
    """With nobody there the command fails with a sentence, and the next one sends everything."""
    port = free_port()
    environ = environment(tmp_path, port)
    run(tmp_path, environ | {"OTEL_TRACES_EXPORTER": "none"})
    failed = export(tmp_path, environ)
    assert failed.returncode == 2
    assert "did not take the spans" in failed.stderr
    with collecting(port) as collector:
        assert export(tmp_path, environ).returncode == 0
    assert len(collector.spans) == 3


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
def test_the_standard_variables_decide_how_it_is_sent(tmp_path: Path, protocol: str) -> None:
    """Both encodings over HTTP, packed, and a run is chosen by the beginning of its id."""
    port = free_port()
    environ = environment(tmp_path, port) | {
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    run(tmp_path, environ | {"OTEL_TRACES_EXPORTER": "none"})
    with collecting(port) as collector:
        assert export(tmp_path, environ, "--run", "0").returncode == 0
        assert len(collector.spans) == 3
        assert export(tmp_path, environ, "--run", "f").stdout.startswith("Sent 0 spans")


def test_grpc_is_spoken_where_it_is_asked_for(tmp_path: Path) -> None:
    """The bytes of the spans arrive at OTLP's gRPC method, with the headers; and only once."""
    got: list[tuple[bytes, dict[str, str]]] = []

    def keep(body: bytes, context: Any) -> bytes:
        got.append((body, dict(context.invocation_metadata())))
        return b""

    server = grpc.server(ThreadPoolExecutor(1))
    method = {"Export": grpc.unary_unary_rpc_method_handler(keep)}
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, method)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    environ = environment(tmp_path, port) | {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b",
    }
    try:
        run(tmp_path, environ | {"OTEL_TRACES_EXPORTER": "none"})
        assert export(tmp_path, environ).returncode == 0
        assert export(tmp_path, environ).stdout.startswith("Sent 0 spans")
    finally:
        server.stop(None).wait(10)
    ((body, metadata),) = got
    assert len(decode(body, "protobuf").spans) == 3
    assert metadata["x-key"] == "a b"


def test_json_is_printed_and_nothing_is_sent(tmp_path: Path) -> None:
    """--json needs no collector: one OTLP/JSON request a line, with the resource of this environment."""
    environ = environment(tmp_path, 1)
    run(tmp_path, environ | {"OTEL_TRACES_EXPORTER": "none"})
    (line,) = export(tmp_path, environ, "--json").stdout.splitlines()
    found = decode(line.encode(), "json").spans
    assert len(found) == 3
    assert {span.resource["service.name"] for span in found} == {"shop"}
    assert list(json.loads(line)) == ["resourceSpans"]
