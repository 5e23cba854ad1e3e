"""Work on one application, and print its dossier: ``python -m examples.loan_underwriting --help``."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
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
    case = dossier.unfinished(data / "handrail") if options.resume else f"{options.applicant}-{os.urandom(3).hex()}"
    work(case, data, answer=options.answer, checkpointed=options.checkpointer)
    found = dossier.dossier(data / "handrail", case)
    print(json.dumps(found, indent=2) if options.json else dossier.text(found))


def work(case: str, data: Path, *, answer: str, checkpointed: bool) -> None:
    """Have the agent work on ``case``, named APPLICANT-SOMETHING; a person's answer is ``approve`` or ``reject``."""
    with ExitStack() as stack:
        stack.enter_context(langsmith.tracing_context(enabled=False))
        model = stack.enter_context(ScriptedModel(script))
        bare = build(chat_openai(model), _checkpointer(stack, data, checkpointed))
        agent = handrail.govern(bare, config=CONFIG)  # the line that governs it
        stack.enter_context(handrail.acting_for(tenant="northbank", user="ruth", session=case, channel="branch"))
        _run(agent, case, answer)


def _run(agent: Graph, case: str, answer: str) -> None:
    thread: Any = {"configurable": {"thread_id": case}}
    applicant, _, _ = case.partition("-")
    state = agent.invoke({"messages": [("user", f"Underwrite the application of {applicant}.")]}, thread)
    while "__interrupt__" in state:
        with handrail.acting_for(channel="desk"):
            state = agent.invoke(Command(resume={"decisions": [{"type": answer}]}), thread)


def _checkpointer(stack: ExitStack, data: Path, checkpointed: bool) -> BaseCheckpointSaver[Any]:
    """Where LangGraph keeps the thread: a file that outlives the process, or this process's memory."""
    path = data / "threads.sqlite"
    if not checkpointed and not path.exists():
        return InMemorySaver()
    from langgraph.checkpoint.sqlite import SqliteSaver

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
    add("--data", type=Path, default=Path(".loan-underwriting"), help="folder for everything (default: %(default)s)")
    add("--json", action="store_true", help="print the dossier as JSON")
    return parser


if __name__ == "__main__":
    main()
