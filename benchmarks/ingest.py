"""How many spans of other programs a core takes from OTLP bytes into the index: decode, classify, journal, fold.

The spans are distinct: agents that call a model and a tool in turn, with ids, names, tokens and, in the first row,
messages, arguments and results of their own. CPU seconds of the whole process are counted, threads included.
``python -m benchmarks.ingest [--quick] [--json]``
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handrail.tracing.otlp.codec import decode, encode
from handrail.tracing.otlp.span import Attributes, OtlpSpan, Value

GOAL = 10_000
BATCH = 512
"""Spans of one request, as the SDK's batch processor sends them."""
STEPS = 20
"""Model calls of one trace; each is followed by a tool call."""
WORDS = ("order", "kettle", "refund", "ledger", "account", "transfer", "please", "check", "invoice", "rate", "total")
RESOURCE: Attributes = {
    "service.name": "shop", "service.version": "4.2.0", "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": "1.45.2", "host.name": "worker-17",
}  # fmt: skip
BEGIN_NS = 1_790_000_000_000_000_000


class Traces:
    """Makes traces of agents, none like another."""

    def __init__(self, content: bool) -> None:
        self._random, self._content, self._now = random.Random(4), content, BEGIN_NS

    def spans(self, count: int) -> Iterator[OtlpSpan]:
        """``count`` spans, trace after trace, children before their parents as they end."""
        while count > 0:
            for span in self._trace():
                if count > 0:
                    yield span
                count -= 1

    def _trace(self) -> Iterator[OtlpSpan]:
        trace, root, begin = self._id(128), self._id(64), self._now
        session = f"thread-{self._random.randrange(10**9)}"
        for number in range(STEPS):
            tool, call = self._random.choice(("read_order", "refund", "search_notes")), f"call_{self._id(64)}"
            yield self._span(trace, root, "chat gpt-5-mini", "CLIENT", self._chat(session, number, tool, call))
            yield self._span(trace, root, f"execute_tool {tool}", "INTERNAL", self._tool(session, tool, call))
        agent: Attributes = {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helpdesk", "gen_ai.conversation.id": session,
        }  # fmt: skip
        yield self._made(trace, root, "", "invoke_agent helpdesk", "INTERNAL", begin, agent)

    def _id(self, bits: int) -> str:
        return f"{self._random.getrandbits(bits) or 1:0{bits // 4}x}"

    def _span(self, trace: str, parent: str, name: str, kind: Any, attributes: Attributes) -> OtlpSpan:
        begin = self._now
        self._now += self._random.randrange(1_000_000, 900_000_000)
        return self._made(trace, self._id(64), parent, name, kind, begin, attributes)

    def _made(
        self, trace: str, span: str, parent: str, name: str, kind: Any, begin: int, attributes: Attributes
    ) -> OtlpSpan:
        return OtlpSpan(
            trace, span, parent, name, kind, begin, self._now, attributes, resource=RESOURCE,
            scope="opentelemetry.instrumentation.genai.langchain", scope_version="1.3b0", flags=257,
        )  # fmt: skip

    def _words(self, count: int) -> str:
        return " ".join(self._random.choices(WORDS, k=count))

    def _chat(self, session: str, number: int, tool: str, call: str) -> Attributes:
        found: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5-mini",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 2048,
            "gen_ai.response.model": "gpt-5-mini-2026-01-01",
            "gen_ai.response.id": f"resp_{self._id(96)}",
            "gen_ai.response.finish_reasons": ["tool_calls"],
            "gen_ai.usage.input_tokens": 400 + 60 * number,
            "gen_ai.usage.output_tokens": self._random.randrange(10, 200),
            "gen_ai.conversation.id": session,
            "server.address": "api.openai.com",
            "server.port": 443,
        }
        if self._content:
            history = [{"role": "user", "parts": [{"type": "text", "content": self._words(40)}]} for _ in range(6)]
            asked = {"type": "tool_call", "id": call, "name": tool, "arguments": {"order": self._words(3)}}
            answer = [{"role": "assistant", "parts": [{"type": "text", "content": self._words(30)}, asked]}]
            found["gen_ai.input.messages"] = json.dumps(history)
            found["gen_ai.output.messages"] = json.dumps(answer)
        return found

    def _tool(self, session: str, tool: str, call: str) -> Attributes:
        found: dict[str, Value] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": call,
            "gen_ai.tool.description": "Look up an order, or give money back.",
            "gen_ai.agent.name": "helpdesk",
            "gen_ai.conversation.id": session,
        }
        if self._content:
            found["gen_ai.tool.call.arguments"] = json.dumps({"order": self._words(3)})
            found["gen_ai.tool.call.result"] = json.dumps({"text": self._words(60)})
        return found


def measure(count: int, content: bool) -> dict[str, float]:
    """CPU microseconds per span, phase by phase; and the bytes of a span."""
    from handrail.audit.index import Index
    from handrail.audit.journal import journal_for
    from handrail.audit.observed import Observer

    spans = list(Traces(content).spans(count))
    requests = [encode(spans[at : at + BATCH], "protobuf") for at in range(0, count, BATCH)]
    spent = {"decode": 0.0, "keep": 0.0, "fold": 0.0}
    with tempfile.TemporaryDirectory() as name:
        observer, index = Observer(Path(name)), Index(Path(name))
        index.refresh(block=True)  # making an empty index is no work of the spans
        for request in requests:
            begun = time.process_time()
            found = decode(request, "protobuf")
            decoded = time.process_time()
            taken = observer.take(found.spans)
            spent["decode"] += decoded - begun
            spent["keep"] += time.process_time() - decoded
            assert taken.accepted == len(found.spans) and not found.refused
        begun = time.process_time()
        index.refresh(block=True)
        spent["fold"] = time.process_time() - begun
        ((held,),) = [tuple(row.values()) for row in index.query("SELECT count(*) FROM steps")]
        journal_for(Path(name)).close()
        assert held == count, f"{held} of {count} spans are steps of the index"
    found_us = {phase: seconds / count * 1e6 for phase, seconds in spent.items()}
    return {**found_us, "bytes": sum(map(len, requests)) / count}


def rows(found: dict[str, float], bare: dict[str, float]) -> list[dict[str, object]]:
    """The figures as every benchmark prints them."""
    return [_row("spans_per_cpu_s", "with content", found), _row("spans_per_cpu_s_bare", "without content", bare)]


def _row(name: str, which: str, found: dict[str, float]) -> dict[str, object]:
    parts = ", ".join(f"{phase} {found[phase]:.0f}" for phase in ("decode", "keep", "fold"))
    what = f"spans a second and core, OTLP bytes to index, {which}: {found['bytes']:.0f} B each; us each: {parts}"
    figure = 1e6 / sum(found[phase] for phase in ("decode", "keep", "fold"))
    return {"id": name, "what": what, "figure": round(figure), "goal": GOAL, "better": "higher"}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer spans")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    count = 10_000 if options.quick else 50_000
    made = rows(measure(count, True), measure(count, False))
    if options.json:
        print(json.dumps({"rows": made}))
        return
    for row in made:
        print(f"{row['id']}: {row['figure']} ({row['what']}; goal {row['goal']})")


if __name__ == "__main__":
    main()
