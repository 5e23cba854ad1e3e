"""Work on one application, and print its dossier: ``python -m examples.loan_underwriting --help``."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
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
from examples.loan_underwriting.script import script
from handrail.testing import ScriptedModel, chat_openai

CONFIG = Path(__file__).with_name("handrail.toml")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, work on the application, print the dossier."""
    options = _options().parse_args(arguments)
    data: Path = options.data
    os.environ["HANDRAIL_DATA"] = str(data / "handrail")
    os.environ[world.FOLDER] = str(data / "world")
    world.kill_at(options.crash_at, options.crash_when)
    case, run, said = f"{options.applicant}-{os.urandom(3).hex()}", "", []
    if options.resume:
        case, run = dossier.unfinished(data / "handrail")
        said = dossier.answers(data / "handrail", case)
    try:
        work(case, data, Person(options.answer, said), checkpointed=options.checkpointer, run=run)
    except handrail.HandrailError as error:  # such as RunHeld: another process is at it
        raise SystemExit(str(error)) from error
    found = dossier.dossier(data / "handrail", case)
    print(json.dumps(found, indent=2) if options.json else dossier.text(found))


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asked about large loans."""

    answer: str
    """``approve`` or ``reject``."""
    said: Sequence[dossier.Row]
    """What they have answered in this case before the process died: nobody is asked the same thing twice."""

    def reply(self, state: dict[str, Any]) -> tuple[Command[Any], str]:
        """The answer to the question that ``state`` waits for, and where it comes from."""
        (call,) = state["__interrupt__"][0].value["action_requests"]
        known = [each["decision"] for each in self.said if each["args"] == call["args"]]
        answer, channel = (known[-1], "journal") if known else (self.answer, "desk")
        return Command(resume={"decisions": [{"type": answer}]}), channel


def work(case: str, data: Path, person: Person, *, checkpointed: bool, run: str = "") -> None:
    """Have the agent work on ``case``, named APPLICANT-SOMETHING, or go on with ``run``, which was left unfinished."""
    with ExitStack() as stack:
        stack.enter_context(langsmith.tracing_context(enabled=False))
        model = stack.enter_context(ScriptedModel(script))
        bare = build(chat_openai(model), _checkpointer(stack, data, checkpointed))
        agent = handrail.govern(bare, config=CONFIG)  # the line that governs it
        stack.enter_context(handrail.acting_for(tenant="northbank", user="ruth", session=case, channel="branch"))
        _run(agent, case, person, handrail.resuming(run) if run else nullcontext())


def _run(agent: Graph, case: str, person: Person, going_on: AbstractContextManager[None]) -> None:
    kept = not isinstance(agent.checkpointer, InMemorySaver)
    thread: Any = {"configurable": {"thread_id": case if kept else os.urandom(8).hex()}}
    with going_on:
        state = agent.invoke(_input(agent, thread, case), thread)
    while "__interrupt__" in state:
        command, channel = person.reply(state)
        with handrail.acting_for(channel=channel):
            state = agent.invoke(command, thread)


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
    parser = argparse.ArgumentParser(prog="python -m examples.loan_underwriting", description=__doc__)
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
