"""``handrail traces serve``: what is acknowledged is in the journal, whatever happens to the receiver."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from handrail.audit.index import Index
from handrail.audit.spans_again import observed_of
from handrail.audit.verify import verify
from handrail.tracing.otlp.codec import CONTENT_TYPES, decode, encode
from handrail.tracing.otlp.span import OtlpSpan
from tests.audit import places

TOKEN = "0123456789abcdef-token"


class Served:
    """A receiver in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process, self.first = process, process.stdout.readline()
        self.url = self.first.split(" at ")[1].split(" into ")[0] if " at " in self.first else ""

    def post(self, spans: list[OtlpSpan], token: str = "") -> int:
        """Send spans; the status of the answer."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://").split("/")[0], timeout=30)
        headers = {"Content-Type": CONTENT_TYPES["protobuf"]} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            connection.request("POST", "/v1/traces", encode(spans, "protobuf"), headers)
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def serving(data: Path, *args: str, **environ: str) -> Iterator[Served]:
    """A receiver at a free port."""
    command = [sys.executable, "-m", "handrail", "traces", "serve", "--port", "0", "--data", str(data), *args]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "HANDRAIL_"))}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=own | environ, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


def made(number: int) -> OtlpSpan:
    """A span whose ids are ``number``."""
    return OtlpSpan(
        f"{number // 10 + 1:032x}", f"{number + 1:016x}", name="work", start_ns=number + 1, end_ns=number + 9
    )


def kept(data: Path) -> set[str]:
    """Ids of the spans that the journal has."""
    return {span.span_id for span in observed_of(data, lambda span, run: True)}


def test_the_sdks_exporter_sends_into_journal_and_index(tmp_path: Path) -> None:
    """Spans that a program makes with the OpenTelemetry SDK are steps of the index, and whole in the journal."""
    with serving(tmp_path) as served:
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(served.url)))
        tracer = provider.get_tracer("opentelemetry.instrumentation.genai.langchain", "1.3b0")
        agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"}
        tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
        with tracer.start_as_current_span("invoke_agent clerk", attributes=agent):
            tracer.start_span("execute_tool look", attributes=tool).end()
        provider.shutdown()
        served.process.send_signal(signal.SIGTERM)
        out, _ = served.process.communicate(timeout=30)
        assert (served.process.returncode, out) == (0, "Took 2 spans in 1 requests.\n")
    index = Index(tmp_path)
    index.refresh(block=True)
    rows = index.query("SELECT type, name FROM steps ORDER BY started_at")
    assert [tuple(row.values()) for row in rows] == [("agent", "clerk"), ("tool", "look")]
    assert {span.name for span in observed_of(tmp_path, lambda span, run: True)} == {
        "invoke_agent clerk",
        "execute_tool look",
    }


def test_everything_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Two receivers of one folder are killed while four clients send: each span of a 200 is in the journal."""
    acknowledged: list[str] = []
    with serving(tmp_path) as one, serving(tmp_path) as other:
        enough = threading.Event()

        def send(served: Served, first: int) -> None:
            for number in range(first, first + 100_000, 20):
                spans = [made(number + i) for i in range(20)]
                try:
                    if served.post(spans) == 200:
                        acknowledged.extend(span.span_id for span in spans)
                except OSError:
                    return
                if len(acknowledged) > 1000:
                    enough.set()

        clients = [threading.Thread(target=send, args=(one if i % 2 else other, i * 1_000_000)) for i in range(4)]
        for client in clients:
            client.start()
        assert enough.wait(120)
        for served in (one, other):
            served.process.send_signal(signal.SIGKILL)
        for client in clients:
            client.join(60)
    assert len(acknowledged) > 1000
    assert set(acknowledged) <= kept(tmp_path)
    assert {problem.code for problem in verify(tmp_path).problems} <= {"torn", "payload"}


def test_a_full_disk_is_not_acknowledged(tmp_path: Path) -> None:
    """On a full disk the answer is 503; what was acknowledged is there, and with space it goes on."""
    with places.mounted(tmp_path / "disk", kilobytes=512) as disk, serving(disk / "data") as served:
        acknowledged, number = list[str](), 0
        while served.post(batch := [made(number + i) for i in range(100)]) == 200:
            acknowledged += [span.span_id for span in batch]
            number += 100
        assert served.post(batch) == 503
        assert set(acknowledged) <= kept(disk / "data")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 0


def test_another_address_needs_a_token(tmp_path: Path) -> None:
    """Without a token it does not start; with one, only who bears it is heard; a short one is refused."""
    with serving(tmp_path, "--address", "0.0.0.0") as served:
        _, said = served.process.communicate(timeout=30)
        assert served.process.returncode == 2
        assert "there is no token" in said
    with serving(tmp_path, HANDRAIL_TRACES_TOKEN="short") as served:
        _, said = served.process.communicate(timeout=30)
        assert (served.process.returncode, "too short" in said, "short'" in said) == (2, True, False)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with serving(tmp_path, "--address", "0.0.0.0", "--token-file", str(tmp_path / "token")) as served:
        served.url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert [served.post([made(1)], token) for token in ("", "wrong", TOKEN)] == [401, 401, 200]


def test_observed_spans_are_exported_as_they_came(tmp_path: Path) -> None:
    """What was received goes out again without a loss, each span once, and nothing else does."""
    spans = [
        made(1),
        OtlpSpan("1" * 32, "2" * 16, name="w", start_ns=1, attributes={"b": b"\x00", "n": [1, {"a": 2.5}]}),
    ]
    with serving(tmp_path) as served:
        assert [served.post(spans), served.post(spans[:1])] == [200, 200]
    command = [sys.executable, "-m", "handrail", "traces", "export", "--observed", "--json", "--data", str(tmp_path)]
    (line,) = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.splitlines()
    assert repr(decode(line, "json").spans) == repr(spans)


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    """The second receiver at one port says so, and what to do."""
    with serving(tmp_path) as served:
        port = served.url.rpartition(":")[2].split("/")[0]
        with serving(tmp_path, "--port", port) as second:
            _, said = second.process.communicate(timeout=30)
            assert second.process.returncode == 2
            assert said.startswith("handrail: 127.0.0.1:") and "Choose another with --port" in said


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_order_with_its_refusals_counted(tmp_path: Path, signum: int) -> None:
    """After the signal the process exits 0, and says how many spans it refused, and why."""
    with serving(tmp_path) as served:
        assert served.post([made(1), OtlpSpan("0" * 32, "1" * 16)]) == 200
        served.process.send_signal(signum)
        out, _ = served.process.communicate(timeout=30)
    assert served.process.returncode == 0
    assert out.splitlines() == [
        "Took 1 spans in 1 requests.",
        "Refused 1: its trace id is not 16 bytes (32 hex digits), or is zero.",
    ]
