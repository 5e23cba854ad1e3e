"""The governed episode on an unmodified agent: nine groups of questions, answered by SQL over typed columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import handrail
from tests.frameworks.langchain import episode
from tests.frameworks.langchain.asked import Asked, check_exact


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


@pytest.mark.parametrize("way", episode.WAYS)
def test_every_call_has_one_decision_and_one_execution(way: episode.Way, tmp_path: Path) -> None:
    """However the agent is driven: one decision for each proposed call, one result for each that ran, none besides."""
    ran = episode.play(tmp_path, way)
    assert sorted([*ran, "write_todos", "write_todos"]) == sorted(episode.RAN)
    check_exact(tmp_path, episode.RAN)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """The episode, played once."""
    folder = tmp_path_factory.mktemp("episode")
    episode.play(folder)
    return Asked(folder)


def test_which_call_was_proposed_and_not_run(asked: Asked) -> None:
    """1: each proposed call that did not run, with the agent, and who stopped it."""
    found = asked.rows("SELECT tool, verdict, decided_by FROM proposals WHERE executions = 0 ORDER BY proposed_at")
    assert found == [
        ("delete_record", "deny", "policy"),
        ("look_up", "stopped", "limit"),
        ("Answer", "stopped", "output"),
        ("Answer", "stopped", "output"),
    ]


def test_by_which_rule_for_whom_and_which_policy(asked: Asked) -> None:
    """2: verdict, rule, subject and policy version of the denied call."""
    row = asked.rows(
        "SELECT d.verdict, d.rule, d.\"user\", d.chain, d.policy = r.policy AND d.policy <> '' AS same "
        "FROM decisions d JOIN runs r USING (run) WHERE d.name = 'delete_record'"
    )
    assert row == [("deny", "nobody-deletes", "ana", '["user:ana","agent:clerk"]', True)]


def test_the_plan_and_how_it_was_revised(asked: Asked) -> None:
    """3: the plan and its revision, with what was added, removed, changed and done."""
    found = asked.rows("SELECT agent, revision, items, added, removed, changed, done FROM plans ORDER BY stated_at")
    assert found == [("clerk", 1, 3, 3, 0, 0, 0), ("clerk", 2, 2, 0, 1, 1, 1)]


def test_why_this_tool_and_which_others_there_were(asked: Asked) -> None:
    """4: the reply that proposed the call, what else it proposed, and the tools that it could choose from."""
    ((offered, beside, said),) = asked.rows(
        "SELECT t.body->'$.names' AS names, m.calls, m.result IS NOT NULL AS said FROM steps s "
        "JOIN steps m ON m.run = s.run AND m.step = s.cause "
        "JOIN notes t ON t.run = m.run AND t.kind = 'tools' AND t.body->>'$.digest' = m.tools "
        "WHERE s.call_id = 'clerk_1_0'"
    )
    assert said
    assert [call["id"] for call in json.loads(beside)] == ["clerk_1_0", "clerk_1_1"]
    assert "delete_record" not in json.loads(offered)  # nobody may call it, so it was not shown
    assert {"look_up", "send_mail", "write_todos"} <= set(json.loads(offered))


def test_the_budget_before_and_after_and_the_limit_that_was_hit(asked: Asked) -> None:
    """5: what was used and left after each counted call, and the limit that stopped one."""
    used = asked.rows(
        "SELECT used, remaining, limit_value FROM limits "
        "WHERE what = 'model_calls' AND per = 'thread' ORDER BY noted_at"
    )
    assert used == [(n, 40 - n, 40) for n in range(1, 11)]  # LangChain leaves out the one that was sent back
    hit = asked.rows("SELECT what, per, tool, limit_value, used, consequence, source FROM limits WHERE hit")
    assert hit == [("tool_calls", "run", "look_up", 2, 2, "continue", "langchain.ToolCallLimitMiddleware")]


def test_which_validator_said_what(asked: Asked) -> None:
    """6: LangChain's validators with their verdicts, and the team's own, which sent the agent back."""
    said = asked.rows("SELECT validator, code, verdict, path FROM validations ORDER BY noted_at")
    assert said == [
        ("langchain.PIIMiddleware", "email", "redact", "input"),
        ("langchain.structured_output", "structure", "retry", "Answer"),
        ("langchain.structured_output", "structure", "pass", "Answer"),
    ]
    own = asked.rows("SELECT source, hook, jump_to, messages FROM interventions")
    assert own == [("Finished", "after_model", "model", 1)]


def test_who_acted_for_whom_with_which_rights(asked: Asked) -> None:
    """7: the sub-agent, the chain that it acted for, the call that started it, and what its own call was allowed by."""
    ((chain, started_by, tool_chain, rule, denied),) = asked.rows(
        "SELECT a.chain, d.name AS started_by, s.chain AS tool_chain, s.rule, "
        "(SELECT count(*) FROM steps o WHERE o.parent = a.step AND o.verdict <> 'allow') AS denied "
        "FROM steps a JOIN steps d ON d.step = a.parent JOIN steps s ON s.parent = a.step AND s.type = 'tool' "
        "WHERE a.type = 'agent' AND a.name = 'researcher'"
    )
    assert json.loads(chain) == json.loads(tool_chain) == ["user:ana", "agent:clerk", "agent:researcher"]
    assert (started_by, rule, denied) == ("ask_researcher", "staff-work", 0)


def test_who_approved_what_and_what_went_on(asked: Asked) -> None:
    """8: the question, who answered it and how, the run that went on: one logical run, and no error anywhere."""
    found = asked.rows(
        'SELECT q.tool, q.call_id = a.call_id AND q.id = a.id AS bound, a.decision, a."user", a.channel, '
        "a.asked_run = q.run AND a.asked_step = q.step AS known, a.waited_ms > 0 AS waited, s.ran "
        "FROM approvals q JOIN approvals a ON a.id = q.id AND a.event = 'answered' "
        "JOIN steps s ON s.run = a.run AND s.call_id = a.call_id WHERE q.event = 'asked'"
    )
    assert found == [("send_mail", True, "approve", "ana", "phone", True, True, True)]
    runs = asked.rows(
        "SELECT outcome, logical = first_value(run) OVER (ORDER BY started_at) AS one FROM runs ORDER BY started_at"
    )
    assert runs == [("interrupted", True), ("ok", True)]
    assert asked.rows("SELECT name FROM steps WHERE outcome = 'error' GROUP BY name") == [("flaky",)]
    resumed = asked.rows(
        "SELECT l.to_run = q.run AS run, l.to_step = q.step AS step, l.to_trace = q.trace AS trace "
        "FROM links l JOIN runs r ON r.run = l.run AND r.step = l.step, runs q "
        "WHERE l.type = 'resumed_from' AND q.outcome = 'interrupted'"
    )
    assert resumed == [(True, True, True)]


def test_what_forked_rejoined_was_tried_again_and_ran_once(asked: Asked) -> None:
    """9: the two parallel calls and where they came together, the second attempt, and the irreversible call, once."""
    forks = asked.rows("SELECT branches, rejoined_at IS NOT NULL AS rejoined FROM forks")
    assert forks == [(2, True)]
    again = asked.rows(
        "SELECT s.name, o.outcome FROM links l JOIN steps s USING (run, step) JOIN steps o ON o.step = l.to_step "
        "WHERE l.type = 'retry_of'"
    )
    assert again == [("flaky", "error")]
    assert asked.rows(
        "SELECT name, count(*) AS times FROM steps WHERE effect = 'irreversible' AND ran GROUP BY name"
    ) == [("send_mail", 1)]
