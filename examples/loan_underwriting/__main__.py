"""Work on one application, and print its dossier: ``python -m examples.loan_underwriting --help``."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import langsmith
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import handrail
from examples.loan_underwriting import dossier, world
from examples.loan_underwriting.agents import Graph, build
from examples.loan_underwriting.applicants import APPLICANTS
from examples.loan_underwriting.dossier import Left
from examples.loan_underwriting.script import script
from handrail.testing import ScriptedModel, chat_openai

CONFIG = Path(__file__).with_name("handrail.toml")


def main(arguments: Sequence[str] | None = None) -> None:
    """Work on one loan application, or go on with one, and print its dossier."""
    options = _options().parse_args(arguments)
    data: Path = options.data
    os.environ["HANDRAIL_DATA"] = str(data / "handrail")
    os.environ[world.FOLDER] = str(data / "world")
    world.kill_at(options.crash_at, options.crash_when)
    new = Left(f"{options.applicant}-{os.urandom(3).hex()}")
    left = dossier.unfinished(data / "handrail") if options.resume else new
    try:
        work(left, data, options.answer, checkpointed=options.checkpointer)
    except handrail.HandrailError as error:  # such as RunHeld: another process is at it
        raise SystemExit(str(error)) from error
    found = dossier.dossier(data / "handrail", left.case)
    print(json.dumps(found, indent=2) if options.json else dossier.text(found))


def work(left: Left, data: Path, answer: str, *, checkpointed: bool) -> None:
    """Have the agent work on a case, or go on with it; a person who is asked answers ``approve`` or ``reject``."""
    with ExitStack() as stack:
        stack.enter_context(langsmith.tracing_context(enabled=False))
        model = stack.enter_context(ScriptedModel(script))
        bare = build(chat_openai(model), _checkpointer(stack, data, checkpointed))
        agent = handrail.govern(bare, config=CONFIG)  # the line that governs it
        stack.enter_context(handrail.acting_for(tenant="northbank", user="ruth", session=left.case, channel="branch"))
        _run(agent, left, answer)


def _run(agent: Graph, left: Left, answer: str) -> None:
    kept = not isinstance(agent.checkpointer, InMemorySaver)
    thread: Any = {"configurable": {"thread_id": left.case if kept else os.urandom(8).hex()}}
    with handrail.resuming(left.run) if left.run else nullcontext():
        state = agent.invoke(_input(agent, thread, left.case), thread)
    while "__interrupt__" in state:
        said, channel = _reply(state["__interrupt__"][0].value, left, answer)
        with handrail.acting_for(channel=channel):
            state = agent.invoke(Command(resume={"decisions": [{"type": said}]}), thread)


def _reply(question: dict[str, Any], left: Left, answer: str) -> tuple[str, str]:
    """What the person says, and over which channel: nobody is asked what they answered before the process died."""
    (call,) = question["action_requests"]
    said = [each["decision"] for each in left.said if each["args"] == call["args"]]
    return (said[-1], "journal") if said else (answer, "desk")


def _input(agent: Graph, thread: Any, case: str) -> dict[str, Any] | None:
    """The application; None where LangGraph has a checkpoint of it to go on from."""
    if agent.get_state(thread).values:
        return None
    applicant, _, _ = case.partition("-")
    return {"messages": [("user", f"Underwrite the application of {applicant}.")]}


def _checkpointer(stack: ExitStack, data: Path, checkpointed: bool) -> BaseCheckpointSaver[Any]:
    """Where LangGraph keeps the thread: a file that outlives the process, or this process's memory."""
    path = data / "threads.sqlite"
    if not checkpointed and not path.exists():
        return InMemorySaver()
    try:
        from langgraph.checkpoint.sqlite import SqliteSaver
    except ImportError as error:
        raise SystemExit("--checkpointer needs a further package: pip install langgraph-checkpoint-sqlite") from error
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return stack.enter_context(SqliteSaver.from_conn_string(str(path)))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.loan_underwriting", description=main.__doc__)
    add = parser.add_argument
    add("--applicant", choices=APPLICANTS, default="ben", help="whose application (default: ben)")
    add("--approve", dest="answer", action="store_const", const="approve", default="approve",
        help="what a person answers who is asked about a large loan (default)")  # fmt: skip
    add("--decline", dest="answer", action="store_const", const="reject", help="the other answer")
    add("--crash-at", type=int, default=0, metavar="N",
        help="kill -9 this process in its N-th call to the world outside: 1 documents, 2 bureau, 3 fraud register, "
        "4 ledger, 5 post")  # fmt: skip
    add("--crash-when", choices=("before", "after"), default="after",
        help="before the call does anything, or after it did and before it is answered (default)")  # fmt: skip
    add("--resume", action="store_true", help="go on with the application that was left unfinished")
    add("--checkpointer", action="store_true", help="keep LangGraph's thread in SQLite, from now on in this folder")
    add(
        "--data",
        type=Path,
        default=Path(".handrail/loan_underwriting"),
        help="folder for everything (default: %(default)s)",
    )
    add("--json", action="store_true", help="print the dossier as JSON")
    return parser


if __name__ == "__main__":
    main()
