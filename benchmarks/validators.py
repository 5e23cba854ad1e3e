"""What checks cost: by kind and size, compiled once or not, one by one or together, alone or on a governed call.

CPU microseconds: medians of `time.thread_time_ns` around single calls, the clock's own part included; what is compared
is asked in turn in one process. ``python -m benchmarks.validators [--quick] [--json] [--guardrails PYTHON]``, the last
being the interpreter of an environment of its own with guardrails-ai in it, which is then measured beside.

``python -m benchmarks.validators worst [--only NAME] [--json]``: the dearest value of every validator; exit code 1
where a check takes over 50 ms or raises.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import one_by_one, worst
from benchmarks.one_by_one import IBAN, MAX_CHARS, SCHEMA, timed
from handrail.validators import Check, Context, SchemaValidator, both, parse
from handrail.validators.registry import known

SIZES = (200, 2_000, 20_000)
"""Bytes of the JSON text of a value."""
WORDS = "please pay the invoice of last month as agreed and tell the customer that the parcel has left our warehouse "
ON_CALLS = (
    "default()", "schema", "encoding()", "secrets()", "hidden_characters()", "injection_markers()",
    "outside_links()", "personal_data()", "public_url(if_url=true)", "at('$.iban', iban())",
    "at('$.body', length(max=40000))", "at('$.to', matches('[^@ ]+@[^@ ]+'))", "range(min=1)",
    "at('$.lines[*].count', range(min=1))", "line_totals()",
)  # fmt: skip
"""Checks of a tool call's arguments."""
ON_TEXTS = ("strict_json()", "well_formed(language='json')", "yaml()")
"""Checks of the JSON text itself."""
CONFIG = """
version = 1
agent = "bench"
mode = "enforce"
[users]
"ana" = ["staf"]
[[rule]]
id = "pay"
allow = "staf"
call = ["pay"]
[[delegate]]
from = "*"
to = "agent:*"
call = "*"
[validators]
defaults = "DEFAULTS"
"""
FIVE = """
[[validate]]
id = "schema"
on = "pay.arguments"
schema = SCHEMA
[[validate]]
id = "texts"
on = "pay.arguments"
check = "CHECK"
"""
REENACTED = "the same one by one (our re-enactment)"
VARIABLE = "GUARDRAILS_PYTHON"


def call_of(size: int) -> dict[str, Any]:
    """Arguments of a payment, whose JSON text has about ``size`` bytes: lines and a letter."""
    made: dict[str, Any] = {
        "to": "ana@example.com",
        "iban": "DE89370400440532013000",
        "amount": 12.5,
        "currency": "EUR",
    }
    count = size // 150
    made["lines"] = [{"sku": f"K-{n:05}", "count": n % 7 + 1, "price": n + 0.5} for n in range(count)]
    room = size - len(json.dumps(made)) - 12
    made["body"] = (WORDS * (room // len(WORDS) + 1))[: max(room, 0)]
    return made


def check_of(text: str) -> Check | None:
    """The check; None where there is no such validator."""
    if text == "schema":
        return SchemaValidator(SCHEMA, id="call")
    names = [name for name in known() if f"{name}(" in text]
    return parse(text) if names else None


def kinds(calls: int) -> Iterator[tuple[str, list[float]]]:
    """(check, microseconds by size)."""
    context = Context("arguments", "pay")
    for text in ON_CALLS + ON_TEXTS:
        check = check_of(text)
        if check is None:
            continue
        values: list[Any] = [call_of(size) for size in SIZES]
        if text in ON_TEXTS:
            values = [json.dumps(value) for value in values]
        yield (
            text,
            [timed(partial(check.check, value, context), calls) if _looks(check, value) else 0 for value in values],
        )


def _looks(check: Check, value: object) -> bool:
    """Whether it checks so large a value at all."""
    return not any(finding.unchecked for finding in check.check(value))


def in_turn(each: dict[str, Callable[[], object]], calls: int, rounds: int) -> dict[str, float]:
    """Median over the rounds, in each of which all are measured one after the other."""
    found: dict[str, list[float]] = {name: [] for name in each}
    for _ in range(rounds):
        for name, call in each.items():
            found[name].append(timed(call, calls))
    return {name: median(us) for name, us in found.items()}


def schemas(calls: int, rounds: int) -> dict[str, float]:
    """The same schema on 2 KB: ours, a validator object that is kept, and the function that builds one each time."""
    import jsonschema

    value, ours, kept = call_of(2_000), SchemaValidator(SCHEMA, id="call"), jsonschema.Draft202012Validator(SCHEMA)
    wrong = {**value, "amount": "12.5"}
    each: dict[str, Callable[[], object]] = {
        "ours": lambda: ours.check(value), "kept": lambda: list(kept.iter_errors(value)),
        "validate": lambda: jsonschema.validate(value, SCHEMA), "ours, wrong": lambda: ours.check(wrong),
        "kept, wrong": lambda: list(kept.iter_errors(wrong)),
    }  # fmt: skip
    return in_turn(each, calls, rounds)


class Rival:
    """The real Guardrails in a process of its own environment."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, one_by_one.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.version = str(self._read()["version"])

    def us(self, text: str, calls: int) -> float:
        """CPU microseconds of a call."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"text": text, "calls": calls}) + "\n")
        self._process.stdin.flush()
        return float(self._read()["us"])

    def end(self) -> None:
        """End it."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the interpreter of --guardrails has no guardrails-ai: install it there, or leave it out")
        return dict(json.loads(line))


FOUR = f"at('$.body', length(max={MAX_CHARS})) & at('$.iban', matches('{IBAN}')) & secrets() & hidden_characters()"
"""Ours of what `one_by_one.five` does besides the schema; it knows more secrets and more hidden characters."""


def together(calls: int, rounds: int, python: str) -> tuple[dict[str, float], str]:
    """Five checks of 2 KB: ours, one by one, and the real Guardrails with its version."""
    value, ours = call_of(2_000), both(SchemaValidator(SCHEMA, id="call"), parse(FOUR))
    text, reenacted = json.dumps(value), one_by_one.one_by_one(one_by_one.five())
    if ours.check(value) or not reenacted(text):
        raise SystemExit("the value does not pass, so nothing was measured")
    rival = Rival(python) if python else None
    found: dict[str, list[float]] = {"ours": [], "one by one": [], **({"guardrails": []} if rival else {})}
    for _ in range(rounds):
        found["ours"].append(timed(lambda: ours.check(value), calls))
        found["one by one"].append(timed(lambda: reenacted(text), calls))
        if rival:
            found["guardrails"].append(rival.us(text, max(20, calls // 10)))
    if rival:
        rival.end()
    return {name: median(us) for name, us in found.items()}, rival.version if rival else ""


def governed(calls: int, rounds: int) -> dict[str, float]:
    """A governed call with arguments of 2 KB: without validators, with the default set, and with five of one's own."""
    from handrail.audit.journal import journal_for

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        validate = FIVE.replace("SCHEMA", _inline(SCHEMA)).replace("CHECK", FOUR)
        each = {
            "no validators": _governed(folder / "none", CONFIG.replace("DEFAULTS", "off")),
            "the default set": _governed(folder / "defaults", CONFIG.replace("DEFAULTS", "record")),
            "five of one's own": _governed(folder / "five", CONFIG.replace("DEFAULTS", "off") + validate),
        }
        try:
            return in_turn(each, calls, rounds)
        finally:
            for one in folder.iterdir():  # as long as a journal is open, its folder may not go
                journal_for(one / ".handrail").close()


def _inline(value: Any) -> str:
    """JSON as an inline table of TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)


def _governed(folder: Path, config: str) -> Callable[[], object]:
    from handrail.frameworks import gates, opening
    from handrail.gate import Refusal, ToolCall

    folder.mkdir()
    (folder / "handrail.toml").write_text(config)
    gate = opening.open_gate(folder / "handrail.toml")
    step = gates.enter(gate, "bench", object(), said={"user": "ana"})
    assert step is not None
    frame, args = step.frame, call_of(2_000)

    def call() -> object:
        said = gate.tool(frame, ToolCall("pay", args), lambda given: "ok")
        assert not isinstance(said, Refusal), said
        return said

    return call


def measure(quick: bool, python: str) -> dict[str, Any]:
    """Everything, as rows and a table."""
    calls, rounds = (60, 5) if quick else (400, 15)
    gc.collect()
    gc.freeze()
    by_kind = dict(kinds(calls))
    compiled, (joined, version), gated = (
        schemas(calls, rounds), together(calls, rounds, python), governed(calls, rounds),
    )  # fmt: skip
    default, ours = by_kind["default()"][1], compiled["ours"]
    bare, defaults, five = gated.values()
    rows = [
        _row("default_2kb_us", "CPU us of the default set on a 2 KB tool call", default, 100),
        _row("schema_2kb_us", "CPU us of a schema, built once, on a 2 KB tool call", ours, 100),
        _row("schema_of_validate", "that, as a part of `jsonschema.validate`", ours / compiled["validate"], 0.1),
        _row("schema_of_kept", "that, as a part of a kept `Draft202012Validator`", ours / compiled["kept"], 1),
        _row(
            "five_of_one_by_one", f"five checks, as a part of {REENACTED}", joined["ours"] / joined["one by one"], 0.5
        ),
        _row("gate_defaults_us", "CPU us that the default set adds to a governed 2 KB call", defaults - bare, 150),
        _row("gate_five_us", "CPU us that five checks of one's own add to it", five - bare, 300),
    ]
    if version:
        what = f"five checks, as a part of the same in guardrails-ai {version}"
        rows.append(_row("five_of_guardrails", what, joined["ours"] / joined["guardrails"], 0.5))
    return {"rows": rows, "table": table(by_kind, compiled, joined, gated, version)}


def _row(name: str, what: str, figure: float, goal: float) -> dict[str, Any]:
    return {"id": name, "what": what, "figure": round(figure, 3), "goal": goal, "better": "lower"}


def table(
    by_kind: dict[str, list[float]], compiled: dict[str, float], joined: dict[str, float], gated: dict[str, float],
    version: str,
) -> str:  # fmt: skip
    """All of it as Markdown."""
    kept, kept_wrong = compiled["kept"], compiled["kept, wrong"]
    lines = [
        "CPU microseconds of one check of a tool call's arguments (the last three: of their text).",
        "", "| check | 0.2 KB | 2 KB | 20 KB |", "|---|---|---|---|",
        *(f"| `{text}` | {' | '.join(map(_shown, us))} |" for text, us in by_kind.items()),
        "", "| 2 KB | us |", "|---|---|",
        f"| schema: ours / right, wrong | {compiled['ours']:.1f}, {compiled['ours, wrong']:.1f} |",
        f"| schema: a kept `Draft202012Validator` / right, wrong | {kept:.1f}, {kept_wrong:.1f} |",
        f"| schema: `jsonschema.validate` | {compiled['validate']:.1f} |",
        f"| five checks: ours, together | {joined['ours']:.1f} |",
        f"| {REENACTED} | {joined['one by one']:.1f} |",
        *([f"| five checks: guardrails-ai {version} | {joined['guardrails']:.1f} |"] if version else []),
        *(f"| a governed call, {name} | {us:.1f} |" for name, us in gated.items()),
    ]  # fmt: skip
    return "\n".join(lines)


def _shown(us: float) -> str:
    return f"{us:,.1f}" if us else "over its cap"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["worst"], help="the dearest value of every validator instead")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="worst: this one (again for more)")
    parser.add_argument(
        "--guardrails", default=os.environ.get(VARIABLE, ""), metavar="PYTHON", help=f"also ${VARIABLE}"
    )
    options = parser.parse_args()
    if options.what:
        return worst.run(options.only, options.json)
    found = measure(options.quick, options.guardrails)
    if options.json:
        print(json.dumps(found))
        return 0
    print(found["table"], end="\n\n")
    for row in found["rows"]:
        print(f"{row['id']:20} {row['figure']:>9}  goal {row['goal']:>6}  {row['what']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
