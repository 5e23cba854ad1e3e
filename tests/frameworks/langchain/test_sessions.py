"""One session goes on in another process, over another channel: identity, history and approvals are kept."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

import handrail
from handrail.audit.index import Index
from handrail.audit.journal import journal_for
from handrail.audit.sessions import LISTED, THREAD
from handrail.errors import NotAvailable
from tests.frameworks.langchain import episode
from tests.frameworks.langchain.episode import APPROVED, ASKED
from tests.frameworks.langchain.episode import THREAD as CASE

pytest.importorskip("langgraph.checkpoint.sqlite", reason="Two processes need a checkpointer that both reach.")


def part(folder: Path, user: str, channel: str, given: Any, *, session: str = "case", thread: str = CASE) -> str:
    """What a user said over a channel, in a process of its own; what became of it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = "it did not end"
        try:
            said = _said(folder, user, channel, given, session, thread)
        except NotAvailable:
            said = "refused"
        except BaseException:
            said = traceback.format_exc()
        finally:
            journal_for(folder / ".handrail").close()
            os.write(write, said.encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        said = told.read().decode()
    os.waitpid(child, 0)
    return said


def _said(folder: Path, user: str, channel: str, given: Any, session: str, thread: str) -> str:
    ran: list[str] = []
    with episode.saver(folder) as checkpointer:
        agent = handrail.govern(episode.clerk(ran, checkpointer), config=folder / "handrail.toml")
        with handrail.acting_for(user=user, session=session, channel=channel):
            found = episode.drive(agent, given, thread=thread)
    said = sum(isinstance(message, AIMessage) for message in found["messages"])
    return f"{said} replies, ran {' '.join(ran[-2:])}"


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a policy, in a process that has loaded what a governed run needs: the parts fork from it."""
    episode.play(tmp_path_factory.mktemp("warm"))
    handrail.uninstrument()
    episode.write_policy(tmp_path)
    return tmp_path


def test_a_session_goes_on_in_another_process_over_another_channel(folder: Path) -> None:
    """Claim: a question asked on the web is answered by phone: same user, whole history, one thread; others are out."""
    assert part(folder, "ana", "web", ASKED) == "9 replies, ran flaky flaky"
    assert part(folder, "bob", "phone", APPROVED) == "refused"
    assert part(folder, "bob", "phone", ASKED, thread="his-own") == "refused"  # the session is hers
    assert part(folder, "bob", "phone", APPROVED, session="his-own") == "refused"  # the thread is hers
    assert part(folder, "ana", "phone", APPROVED) == "11 replies, ran send_mail"

    index = Index(folder / ".handrail")
    index.refresh(block=True)
    (session,) = index.query(LISTED, [None, None, 10])
    counted = [session[name] for name in ("session", "user", "users", "channels", "runs", "logical_runs", "outcome")]
    assert counted == ["case", "ana", 1, "phone, web", 2, 1, "ok"]
    rows = index.query(THREAD, ["default", "case", 100])
    assert [(row["event"], row["channel"], row["user"]) for row in rows] == [
        ("run", "web", "ana"),
        ("asked", "web", "ana"),
        ("refused", "", "bob"),
        ("run", "phone", "ana"),
        ("answered", "phone", "ana"),
    ]
    (answered,) = [row for row in rows if row["event"] == "answered"]
    assert (answered["tool"], answered["decision"]) == ("send_mail", "approve")
    assert len({row["writer"] for row in rows if row["event"] == "run"}) == 2
    refused = index.query("SELECT count(*) AS n FROM events WHERE kind = 'owner.refused'")
    assert refused == [{"n": 3}]
