-- What explorer and reports read. Times are UTC; durations are milliseconds.
-- A record that closes a step counts only when the process that opened the step wrote it: a forked child that
-- unwinds its parent's stack must not end the parent's run.
CREATE VIEW runs AS
SELECT s.run, s.trace, s.agent, s.tenant, s."user", s.session, s.channel, s.mode, t.model,
       coalesce(CASE WHEN f.paused THEN 'interrupted' END, e.outcome, CASE WHEN coalesce(a.alive, false) THEN 'running' ELSE 'lost' END) AS outcome,
       e.error, s.at_utc AS started_at, e.at_utc AS ended_at, e.dur / 1e6 AS duration_ms,
       coalesce(t.steps, 0) AS steps, coalesce(t.model_calls, 0) AS model_calls,
       coalesce(t.tool_calls, 0) AS tool_calls, coalesce(t.denied, 0) AS denied,
       coalesce(t.would_deny, 0) AS would_deny, coalesce(t.input_tokens, 0) AS input_tokens,
       coalesce(t.output_tokens, 0) AS output_tokens, s.w AS writer, s.config, s.policy, s.validators,
       s.step, s.parent, s.chain, s.entry, s.framework, s.thread, e.findings, coalesce(f.logical, s.logical, s.run) AS logical,
       s.source
FROM run_starts s
LEFT JOIN run_ends e ON e.run = s.run AND e.process = s.process
LEFT JOIN writers a ON a.w = s.w
LEFT JOIN continued f ON f.run = s.run
LEFT JOIN (
    SELECT run, sum(steps)::BIGINT AS steps, sum(model_calls)::BIGINT AS model_calls,
           sum(tool_calls)::BIGINT AS tool_calls, sum(denied)::BIGINT AS denied,
           sum(would_deny)::BIGINT AS would_deny, sum(input_tokens)::BIGINT AS input_tokens,
           sum(output_tokens)::BIGINT AS output_tokens,
           array_to_string(list_sort(list_distinct(flatten(list(models)))), ', ') AS model
    FROM tallies GROUP BY run
) t ON t.run = s.run;

-- The root of a run is a step of type 'agent' too; runs.steps counts the steps below it.
CREATE VIEW steps AS
SELECT o.run, o.step, o.parent, o.type, o.name, o.agent, o.at_utc AS started_at, c.at_utc AS ended_at,
       c.dur / 1e6 AS duration_ms,
       coalesce(c.outcome, CASE WHEN a.alive AND e.run IS NULL THEN 'running' ELSE 'lost' END) AS outcome,
       c.error, o.verdict, o.rule, o.reason, o.decided_by, o.effect, o.call_id, o.ran, o.model,
       c.input_tokens, c.output_tokens, o.args, c.result, o.messages,
       CASE WHEN json_array_length(c.findings) > 0 AND json_array_length(o.findings) > 0
            THEN to_json(list_concat(o.findings::JSON[], c.findings::JSON[]))
            WHEN json_array_length(c.findings) > 0 THEN c.findings ELSE o.findings END AS findings,
       o.w AS writer, o.n, o.chain, coalesce(o.tenant, r.tenant) AS tenant, o.provider, o.policy,
       o.action, o.facts, o.scopes, o.cause, o.causes, o.links, o.tools, o.detail, c.detail AS ends, c.calls,
       o.said, o.reasoning, o.stopped_by, o.key, o.occ AS occurrence, o.attempt,
       coalesce(o.how, CASE WHEN c.replayed THEN 'replayed' END) AS how,
       o.source
FROM opens o
LEFT JOIN closes c ON c.run = o.run AND c.step = o.step AND c.process = o.process
LEFT JOIN run_starts r ON r.run = o.run
LEFT JOIN run_ends e ON e.run = o.run AND e.process = o.process
LEFT JOIN writers a ON a.w = o.w;

CREATE VIEW decisions AS
SELECT s.*, r."user", r.session, r.channel, r.mode
FROM steps s LEFT JOIN run_starts r ON r.run = s.run
WHERE s.type IN ('tool', 'memory') AND s.verdict IS NOT NULL AND s.source = 'handrail';

-- One row for each conversation of a tenant, whatever channels and processes its runs came through.
CREATE VIEW sessions AS
SELECT tenant, coalesce(nullif(session, ''), thread) AS session, arg_min("user", started_at) AS "user",
       count(DISTINCT "user") AS users, coalesce(array_to_string(list_sort(list(DISTINCT channel) FILTER (channel <> '')), ', '), '') AS channels,
       array_to_string(list_sort(list(DISTINCT agent)), ', ') AS agents, count(*) AS runs,
       count(DISTINCT logical) AS logical_runs, count(*) FILTER (outcome = 'interrupted') AS interruptions,
       sum(denied)::BIGINT AS denied, sum(would_deny)::BIGINT AS would_deny, sum(input_tokens)::BIGINT AS input_tokens,
       sum(output_tokens)::BIGINT AS output_tokens, min(started_at) AS started_at,
       max(coalesce(ended_at, started_at)) AS latest_at, arg_max(outcome, started_at) AS outcome
FROM runs WHERE coalesce(nullif(session, ''), thread, '') <> '' GROUP BY ALL;

-- What happened in a window of time, for one tenant, user or agent, or (NULL) for all of them.
CREATE MACRO steps_in(since_, until_, tenant_, user_, agent_) AS TABLE
SELECT s.*, r."user", r.session, r.mode, r.run IS NOT NULL AND r.step = s.step AS is_root
FROM steps s LEFT JOIN run_starts r ON r.run = s.run
WHERE s.started_at >= since_ AND s.started_at < until_ AND (tenant_ IS NULL OR s.tenant = tenant_)
  AND (user_ IS NULL OR r."user" = user_) AND (agent_ IS NULL OR s.agent = agent_);

-- Reading it reads every block of the tables, and so finds damage.
CREATE VIEW checksum AS
SELECT bit_xor(h) AS checksum FROM (
    SELECT hash(t) AS h FROM opens t UNION ALL SELECT hash(t) FROM closes t UNION ALL SELECT hash(t) FROM tallies t
    UNION ALL SELECT hash(t) FROM run_starts t UNION ALL SELECT hash(t) FROM run_ends t
    UNION ALL SELECT hash(t) FROM events t UNION ALL SELECT hash(t) FROM notes t
    UNION ALL SELECT hash(t) FROM observed t
);

-- Changes of policy, mode and roles: who, what, why, and the names that differ.
CREATE VIEW changes AS
SELECT at_utc AS made_at, body->>'$.what' AS what, body->>'$.who.name' AS who, try_cast(body->>'$.who.uid' AS BIGINT) AS uid,
       body->>'$.why' AS why, body->>'$.file' AS file, body->>'$.before.policy' AS policy_before,
       body->>'$.after.policy' AS policy_after, body->>'$.before.config' AS config_before,
       body->>'$.after.config' AS config_after, body->'$.diff' AS diff, w AS writer, n
FROM events WHERE kind = 'policy.change';

-- Causal links beyond the tree: stated ones, the model step that proposed a call, and the steps that a model read of.
CREATE VIEW links AS
SELECT run, step, link.type AS type, coalesce(link.run, run) AS to_run, link.step AS to_step, link.trace AS to_trace
FROM (SELECT run, step, unnest(json_transform(links,
      '[{"type": "VARCHAR", "step": "VARCHAR", "run": "VARCHAR", "trace": "VARCHAR"}]')) AS link
      FROM opens WHERE links IS NOT NULL)
UNION ALL SELECT run, step, 'caused_by', run, cause, NULL FROM opens WHERE cause IS NOT NULL
UNION ALL SELECT run, step, 'caused_by', run, cause, NULL
FROM (SELECT run, step, unnest(json_transform(causes, '["VARCHAR"]')) AS cause FROM opens WHERE causes IS NOT NULL)
WHERE cause IS NOT NULL;

-- Calls that a model proposed. The decision on one is the tool step that has this step as its cause and this call_id.
CREATE VIEW proposed_calls AS
SELECT run, step, call.id AS call_id, call.name AS tool, at_utc AS proposed_at
FROM (SELECT run, step, at_utc, unnest(json_transform(calls, '[{"id": "VARCHAR", "name": "VARCHAR"}]')) AS call
      FROM closes WHERE calls IS NOT NULL AND process <> '');

-- Plans, revision by revision: how many items there are and are done, and how many changed against the one before.
CREATE VIEW plans AS
SELECT run, step, agent, name, stated_at, try_cast(facts->>'$.revision' AS BIGINT) AS revision,
       try_cast(facts->>'$.items' AS BIGINT) AS items, try_cast(facts->>'$.done' AS BIGINT) AS done,
       try_cast(facts->>'$.added' AS BIGINT) AS added, try_cast(facts->>'$.removed' AS BIGINT) AS removed,
       try_cast(facts->>'$.changed' AS BIGINT) AS changed, try_cast(facts->>'$.moved' AS BIGINT) AS moved,
       facts, w AS writer, n
FROM (SELECT run, step, agent, name, at_utc AS stated_at, detail AS facts, w, n FROM opens WHERE type = 'plan'
      UNION ALL SELECT run, step, body->>'$.agent', body->>'$.name', at_utc, body, w, n FROM notes WHERE kind = 'plan');

-- What was read from memory and written to it.
CREATE VIEW memory_operations AS
SELECT run, step, agent, name, started_at, outcome, duration_ms, detail->>'$.operation' AS operation,
       detail->>'$.store' AS store, detail->>'$.record' AS record,
       try_cast(coalesce(ends->>'$.records', detail->>'$.records') AS BIGINT) AS records
FROM steps WHERE type = 'memory';

-- What an agent thought of its own work, and how sure it said it was (0 to 1).
CREATE VIEW reflections AS
SELECT run, step, agent, name, started_at,
       try_cast(coalesce(ends->>'$.confidence', detail->>'$.confidence') AS DOUBLE) AS confidence,
       coalesce(ends->>'$.about', detail->>'$.about') AS about
FROM steps WHERE type = 'reflection';

-- Work that one agent gave to another.
CREATE VIEW handoffs AS
SELECT run, step, agent, started_at, coalesce(detail->>'$.to', name) AS to_agent, outcome
FROM steps WHERE type = 'handoff';

-- What became of each proposed call, over all runs that go on with one another: once it is decided, decisions is as
-- much as proposed, which is 1 unless a model gives the same id to several calls of one reply, or none;
-- attempts that follow the first one, in the same run or a later one, say so by a link, and are no further decisions;
-- a call that waits for a person is not decided yet.
CREATE VIEW proposals AS
WITH tries AS (
    SELECT o.run, o.step, o.call_id, o.verdict, o.decided_by, o.rule, o.ran, o.reason, c.outcome, l.to_run AS from_run,
           l.to_step AS from_step, o.at_utc, EXISTS (SELECT 1 FROM links r WHERE r.run = o.run AND r.step = o.step
                                           AND r.type IN ('retry_of', 'resumed_from')) AS again
    FROM opens o JOIN links l ON l.run = o.run AND l.step = o.step AND l.type = 'caused_by'
    LEFT JOIN closes c ON c.run = o.run AND c.step = o.step AND c.process = o.process
    WHERE o.type = 'tool'
)
SELECT p.run, p.step, p.call_id, p.tool, p.proposed_at, p.proposed, count(t.step) FILTER (NOT t.again AND t.verdict <> 'ask') AS decisions,
       count(t.step) FILTER (t.ran) AS executions, count(t.step) FILTER (t.ran AND t.outcome IS NOT NULL) AS finished,
       arg_min(t.verdict, (t.verdict = 'ask', t.at_utc)) AS verdict,
       arg_min(t.decided_by, (t.verdict = 'ask', t.at_utc)) AS decided_by,
       arg_min(t.rule, (t.verdict = 'ask', t.at_utc)) AS rule,
       arg_min(t.reason, (t.verdict = 'ask', t.at_utc)) AS reason, arg_max(t.outcome, t.at_utc) AS outcome,
       arg_min(t.run, t.at_utc) AS decided_in
FROM (SELECT run, step, call_id, min(tool) AS tool, min(proposed_at) AS proposed_at, count(*) AS proposed
      FROM proposed_calls GROUP BY run, step, call_id) p
LEFT JOIN tries t ON t.from_run = p.run AND t.from_step = p.step AND t.call_id IS NOT DISTINCT FROM p.call_id
GROUP BY p.run, p.step, p.call_id, p.tool, p.proposed_at, p.proposed;

-- What stood between an agent and its budget: how much was used and left, and whether it was hit.
CREATE VIEW limits AS
SELECT run, step, at_utc AS noted_at, body->>'$.what' AS what, body->>'$.per' AS per, body->>'$.tool' AS tool,
       try_cast(body->>'$.limit' AS BIGINT) AS limit_value, try_cast(body->>'$.used' AS BIGINT) AS used,
       try_cast(body->>'$.left' AS BIGINT) AS remaining, coalesce(try_cast(body->>'$.hit' AS BOOLEAN), false) AS hit,
       body->>'$.then' AS consequence, body->>'$.by' AS source, w AS writer, n
FROM notes WHERE kind = 'limit';

-- What a person was asked, answered, or no longer needs to answer; an answer names the question by id and n.
CREATE VIEW approvals AS
SELECT run, step, at_utc AS noted_at, body->>'$.event' AS event, body->>'$.id' AS id, try_cast(body->>'$.number' AS BIGINT) AS n,
       body->>'$.tool' AS tool, body->>'$.call_id' AS call_id, body->>'$.agent' AS agent, body->'$.allowed' AS allowed,
       body->>'$.decision' AS decision, try_cast(body->>'$.changed' AS BOOLEAN) AS changed,
       body->>'$.tool_now' AS tool_now, body->>'$.user' AS "user", body->>'$.channel' AS channel,
       body->>'$.asked.run' AS asked_run, body->>'$.asked.step' AS asked_step,
       try_cast(body->>'$.waited' AS BIGINT) / 1e6 AS waited_ms, body->>'$.by' AS source, body->'$.args' AS args,
       body->'$.request' AS request, body->'$.answer' AS answer, w AS writer, n AS record
FROM notes WHERE kind = 'approval';

-- Questions about effects, one row for each attempt that was asked about, and what a person answered. What a person's
-- answer was used for (effect.resolved) tells of the answer too, should its own record have been lost.
CREATE VIEW asks AS
WITH said AS (
    SELECT coalesce(r.logical, r.run) AS logical, n.run, n.kind, n.at_utc, n.w, n.n, n.body, (n.body->>'$.id') AS id
    FROM notes n JOIN run_starts r ON r.run = n.run
    WHERE n.kind IN ('approval', 'effect.orphan', 'effect.resolved')
), asked AS (
    SELECT logical, id, min(at_utc) AS asked_at, arg_min(run, at_utc) AS asked_in,
           count(*) FILTER (kind = 'effect.orphan' OR (body->>'$.event') = 'asked') AS times_asked,
           min((body->>'$.key')) AS key, min((body->>'$.tool')) AS tool,
           CASE WHEN bool_or(kind = 'effect.orphan' AND (body->>'$.status') = 'done') THEN 'orphan' ELSE 'doubt' END AS kind,
           bool_or(kind = 'effect.orphan') AS left_behind
    FROM said WHERE kind = 'effect.orphan'
                 OR (kind = 'approval' AND (body->>'$.by') = 'handrail' AND (body->>'$.event') IN ('asked', 'answered'))
    GROUP BY logical, id
), answered AS (
    SELECT logical, id, min(at_utc) AS answered_at, arg_min((body->>'$.decision'), (at_utc, n)) AS decision,
           arg_min((body->>'$.who.name'), (at_utc, n)) AS who, arg_min(try_cast((body->>'$.who.uid') AS BIGINT), (at_utc, n)) AS uid,
           arg_min((body->>'$.why'), (at_utc, n)) AS why, arg_min((body->>'$.channel'), (at_utc, n)) AS channel
    FROM said WHERE kind = 'approval' AND (body->>'$.by') = 'handrail' AND (body->>'$.event') = 'answered'
    GROUP BY logical, id
), used AS (
    SELECT logical, (body->>'$.key') AS key, try_cast((body->>'$.attempt') AS BIGINT) AS attempt, min(at_utc) AS used_at,
           CASE WHEN min((body->>'$.status')) = 'done' THEN 'happened' ELSE 'did_not_happen' END AS decision
    FROM said WHERE kind = 'effect.resolved' AND (body->>'$.by') = 'person' GROUP BY ALL
)
SELECT q.id, q.kind, q.logical AS run, q.key, q.tool, try_cast(split_part(q.id, '-', 2) AS BIGINT) AS attempt,
       r.agent, r.tenant, r."user", q.asked_at, q.asked_in, q.times_asked, q.left_behind,
       CASE WHEN coalesce(a.decision, u.decision) IS NULL THEN 'open' ELSE 'answered' END AS status,
       coalesce(a.decision, u.decision) AS decision, a.who, a.uid, a.why, a.channel,
       coalesce(a.answered_at, u.used_at) AS answered_at, u.used_at
FROM asked q LEFT JOIN run_starts r ON r.run = q.asked_in
LEFT JOIN answered a ON a.logical = q.logical AND a.id = q.id
LEFT JOIN used u ON u.logical = q.logical AND u.key = q.key AND u.attempt = try_cast(split_part(q.id, '-', 2) AS BIGINT);

-- What a logical run did to the world, each call once, however many attempts there were in however many lives. An
-- attempt that has no result is in doubt once its process is gone, or its run has ended; a read then counts as failed,
-- since it changed nothing. What was answered is `resolved`; that it did not happen makes it `failed`. Of the logical
-- runs in the list `runs_`, or (NULL) of all.
CREATE MACRO effects_of(runs_) AS TABLE
WITH calls AS (
    SELECT coalesce(r.logical, r.run) AS logical, o.*, c.outcome, c.error, c.doubt, c.began, c.at_utc AS ended_at, c.result,
           c.value IS NOT NULL AS kept, coalesce(a.alive, false) AND e.run IS NULL AS living,
           r."user", r.session, r.tenant AS run_tenant
    FROM opens o JOIN run_starts r ON r.run = o.run
    LEFT JOIN closes c ON c.run = o.run AND c.step = o.step AND c.process = o.process
    LEFT JOIN run_ends e ON e.run = o.run AND e.process = o.process
    LEFT JOIN writers a ON a.w = o.w
    WHERE o.key IS NOT NULL AND (runs_ IS NULL OR o.run IN (
        SELECT run FROM run_starts WHERE list_contains(runs_, coalesce(logical, run))))
), latest AS (
    SELECT * FROM calls WHERE ran
    QUALIFY row_number() OVER (PARTITION BY logical, key ORDER BY attempt DESC, at_utc DESC, w, n DESC) = 1
), counted AS (
    SELECT logical, key, min(at_utc) FILTER (ran) AS first_at, count(*) FILTER (how = 'replayed') AS replays,
           max(at_utc) FILTER (how = 'replayed') AS replayed_at
    FROM calls GROUP BY logical, key
), settled AS (
    SELECT coalesce(r.logical, r.run) AS logical, (n.body->>'$.key') AS key, try_cast((n.body->>'$.attempt') AS BIGINT) AS attempt,
           arg_max((n.body->>'$.by'), (n.at_utc, n.n)) AS source, arg_max((n.body->>'$.status'), (n.at_utc, n.n)) AS status,
           max(n.at_utc) AS at_utc, bool_or((n.body->'$.value') IS NOT NULL) AS kept
    FROM notes n JOIN run_starts r ON r.run = n.run WHERE n.kind = 'effect.resolved' GROUP BY ALL
)
SELECT l.logical AS run, l.key, l.name AS tool, l.effect, l.occ AS occurrence, l.attempt AS attempts,
       CASE WHEN s.status = 'done' OR q.decision = 'happened' THEN 'resolved'
            WHEN s.status IS NOT NULL OR q.decision = 'did_not_happen' THEN 'failed'
            WHEN q.decision = 'refused' THEN 'refused'
            WHEN l.doubt THEN 'in doubt' WHEN l.outcome IN ('ok', 'rejected') AND l.began IS NOT FALSE THEN 'done'
            WHEN l.outcome = 'interrupted' THEN 'suspended' WHEN l.outcome IS NOT NULL THEN 'failed'
            WHEN l.living THEN 'running' WHEN l.effect = 'read' THEN 'failed' ELSE 'in doubt' END AS status,
       coalesce(s.source, CASE WHEN q.kind = 'doubt' AND q.decision IS NOT NULL THEN 'person' END) AS resolved_by, c.replays,
       s.kept IS TRUE OR l.kept AS has_value, q.id IS NOT NULL AND q.left_behind AS orphan,
       substr(l.key, 1, 16) || '-' || l.attempt AS question, q.decision AS answer,
       l.run AS life, l.step, l.agent, coalesce(l.tenant, l.run_tenant) AS tenant, l."user", l.session, l.how, l.error,
       c.first_at AS started_at, l.at_utc AS attempted_at, l.ended_at, s.at_utc AS resolved_at, c.replayed_at,
       l.call_id, l.args, l.result, l.w AS writer, l.n
FROM latest l JOIN counted c ON c.logical = l.logical AND c.key = l.key
LEFT JOIN settled s ON s.logical = l.logical AND s.key = l.key AND s.attempt = l.attempt
LEFT JOIN asks q ON q.run = l.logical AND q.id = substr(l.key, 1, 16) || '-' || l.attempt;

CREATE VIEW effects AS SELECT * FROM effects_of(NULL);

-- What a validator said that found something, or one of the agent's framework.
CREATE VIEW validations AS
SELECT run, step, at_utc AS noted_at, body->>'$.validator' AS validator, body->>'$.code' AS code,
       body->>'$.verdict' AS verdict, body->>'$.path' AS path, body->>'$.on' AS checked,
       body->>'$.action' AS action, try_cast(body->>'$.round' AS INTEGER) AS round,
       try_cast(body->>'$.rounds' AS INTEGER) AS rounds, body->'$.findings' AS findings, body->'$.found' AS found,
       try_cast(body->>'$.messages' AS BIGINT) AS messages, w AS writer, n
FROM notes WHERE kind = 'validation';

-- What code of the agent's own did besides: sent it elsewhere, changed its messages, raised.
CREATE VIEW interventions AS
SELECT run, step, at_utc AS noted_at, body->>'$.by' AS source, body->>'$.hook' AS hook, body->>'$.jump_to' AS jump_to,
       try_cast(body->>'$.messages' AS BIGINT) AS messages, try_cast(body->>'$.removed' AS BIGINT) AS removed,
       body->>'$.error' AS error, w AS writer, n
FROM notes WHERE kind = 'intervention';

-- The tools that a model could choose from: alternatives to each call that it proposed.
CREATE VIEW tools_offered AS
SELECT s.run, s.step, offered.names AS tools
FROM opens s JOIN (
    SELECT run, body->>'$.digest' AS digest, any_value(json_transform(body->'$.names', '["VARCHAR"]')) AS names
    FROM notes WHERE kind = 'tools' GROUP BY ALL
) offered ON offered.run = s.run AND offered.digest = s.tools;

-- How often things work. An attempt is a step that does something itself (an agent's own step only holds others).
-- A success came back; 'not_found' did too: it said that there is nothing. A failure raised, was rejected after it had
-- run, or was never seen to end because its process died. What was denied or stopped did not run, and is no attempt;
-- what was interrupted or cancelled, or still runs, is neither success nor failure: censored. What was given back from
-- an earlier life of the run was not attempted again.
CREATE VIEW reliability_steps AS
SELECT s.run, s.step, s.type, s.name, s.agent, coalesce(s.model, CASE WHEN s.type = 'model' THEN s.name END) AS model,
       CASE WHEN s.type = 'tool' THEN s.name END AS tool, s.tenant, r."user", s.started_at,
       CASE WHEN s.outcome IN ('ok', 'not_found') THEN 'success'
            WHEN s.outcome IN ('error', 'lost', 'rejected') THEN 'failure' ELSE 'censored' END AS result
FROM steps s LEFT JOIN run_starts r ON r.run = s.run
WHERE s.type NOT IN ('agent', 'workflow', 'handoff', 'create')
  AND (s.ran IS NULL OR s.ran) AND s.how IS DISTINCT FROM 'replayed' AND coalesce(s.verdict, '') NOT IN ('deny', 'reject', 'stopped');

-- One row for a logical run: the runs that go on with one another are one, which ended as the last of them did.
CREATE VIEW reliability_runs AS
SELECT logical AS run, arg_min(agent, started_at) AS agent, arg_min(tenant, started_at) AS tenant,
       arg_min("user", started_at) AS "user", arg_min(model, started_at) AS model, min(started_at) AS started_at, count(*) AS parts,
       coalesce(sum(attempts), 0)::BIGINT AS attempts, coalesce(sum(failures), 0)::BIGINT AS failures,
       CASE WHEN arg_max(outcome, started_at) = 'ok' THEN 'success'
            WHEN arg_max(outcome, started_at) IN ('error', 'lost', 'rejected') THEN 'failure'
            ELSE 'censored' END AS result
FROM runs r LEFT JOIN (
    SELECT run, count(*) FILTER (result <> 'censored') AS attempts, count(*) FILTER (result = 'failure') AS failures
    FROM reliability_steps GROUP BY run
) s ON s.run = r.run
GROUP BY logical;

-- Bounds of a proportion, 95 %: the score interval of E. B. Wilson, "Probable inference, the law of succession, and
-- statistical inference", J. Amer. Statist. Assoc. 22 (1927), 209-212, formula (6); z = 1.959964.
CREATE MACRO wilson_low(successes, trials) AS CASE WHEN trials > 0 THEN greatest(0,
    (successes + 1.920729410347062 - 1.959963984540054 * sqrt(successes * (trials - successes) / trials + 0.960364705173531))
    / (trials + 3.841458820694124)) END;
CREATE MACRO wilson_high(successes, trials) AS CASE WHEN trials > 0 THEN least(1,
    (successes + 1.920729410347062 + 1.959963984540054 * sqrt(successes * (trials - successes) / trials + 0.960364705173531))
    / (trials + 3.841458820694124)) END;

-- Success of steps in a window of time, for one tenant, user or agent, or (NULL) for all of them; by what it was.
-- steps_to_failure is the number of attempts for one failure: the estimate from attempts of which some were censored.
CREATE MACRO reliability_in(since_, until_, tenant_, user_, agent_) AS TABLE
SELECT dimension, value, count(*) FILTER (result <> 'censored') AS attempts,
       count(*) FILTER (result = 'success') AS successes, count(*) FILTER (result = 'failure') AS failures,
       count(*) FILTER (result = 'censored') AS censored, count(DISTINCT run) AS runs,
       successes / nullif(attempts, 0) AS success_rate, wilson_low(successes, attempts) AS low,
       wilson_high(successes, attempts) AS high, attempts / nullif(failures, 0) AS steps_to_failure
FROM (
    SELECT run, result, unnest([
        {'dimension': 'all', 'value': 'all'}, {'dimension': 'kind', 'value': type},
        {'dimension': 'agent', 'value': agent}, {'dimension': 'tool', 'value': tool},
        {'dimension': 'model', 'value': model}], recursive := true)
    FROM reliability_steps
    WHERE (since_ IS NULL OR started_at >= since_) AND (until_ IS NULL OR started_at < until_)
      AND (tenant_ IS NULL OR tenant = tenant_) AND (user_ IS NULL OR "user" = user_)
      AND (agent_ IS NULL OR agent = agent_)
) WHERE value IS NOT NULL GROUP BY dimension, value;

CREATE VIEW reliability AS SELECT * FROM reliability_in(NULL, NULL, NULL, NULL, NULL);

-- Success of logical runs. steps_to_failure: attempts of all runs for one run that failed.
CREATE MACRO reliability_of_runs_in(since_, until_, tenant_, user_, agent_) AS TABLE
SELECT dimension, value, count(*) FILTER (result <> 'censored') AS runs,
       count(*) FILTER (result = 'success') AS successes, count(*) FILTER (result = 'failure') AS failures,
       count(*) FILTER (result = 'censored') AS censored, sum(attempts)::BIGINT AS attempts,
       successes / nullif(runs, 0) AS success_rate, wilson_low(successes, runs) AS low,
       wilson_high(successes, runs) AS high, sum(attempts) / nullif(failures, 0) AS steps_to_failure
FROM (
    SELECT attempts, result, unnest([{'dimension': 'all', 'value': 'all'}, {'dimension': 'agent', 'value': agent},
                                     {'dimension': 'model', 'value': model}], recursive := true)
    FROM reliability_runs
    WHERE (since_ IS NULL OR started_at >= since_) AND (until_ IS NULL OR started_at < until_)
      AND (tenant_ IS NULL OR tenant = tenant_) AND (user_ IS NULL OR "user" = user_)
      AND (agent_ IS NULL OR agent = agent_)
) WHERE value IS NOT NULL AND value <> '' GROUP BY dimension, value;

CREATE VIEW reliability_of_runs AS SELECT * FROM reliability_of_runs_in(NULL, NULL, NULL, NULL, NULL);

-- Success of runs by how many attempts they made, beside what p^n promises: p is the success rate of all attempts,
-- were each independent and no run able to recover from one that failed. Long runs share a row.
CREATE MACRO reliability_lengths_in(since_, until_, tenant_, user_, agent_) AS TABLE
WITH chosen AS (
    SELECT *, CASE WHEN attempts <= 20 THEN attempts
                   ELSE round(pow(10, round(log10(attempts) * 8) / 8))::BIGINT END AS length
    FROM reliability_runs
    WHERE attempts > 0 AND (since_ IS NULL OR started_at >= since_) AND (until_ IS NULL OR started_at < until_)
      AND (tenant_ IS NULL OR tenant = tenant_) AND (user_ IS NULL OR "user" = user_)
      AND (agent_ IS NULL OR agent = agent_)
), per_step AS (SELECT 1 - sum(failures) / sum(attempts) AS p FROM chosen)
SELECT length, count(*) FILTER (result <> 'censored') AS runs, count(*) FILTER (result = 'success') AS successes,
       count(*) FILTER (result = 'censored') AS censored, successes / nullif(runs, 0) AS success_rate,
       wilson_low(successes, runs) AS low, wilson_high(successes, runs) AS high, any_value(p) AS step_success_rate,
       pow(any_value(p), length) AS compounded
FROM chosen, per_step GROUP BY length;

CREATE VIEW reliability_lengths AS SELECT * FROM reliability_lengths_in(NULL, NULL, NULL, NULL, NULL);

-- Where one reply proposed several calls that were made, and the first model step that read of more than one of them.
CREATE VIEW forks AS
WITH branches AS (
    SELECT DISTINCT l.to_run AS run, l.to_step AS step, l.run AS branch_run, l.step AS branch
    FROM links l JOIN opens o ON o.run = l.run AND o.step = l.step AND o.type = 'tool' AND o.ran
    WHERE l.type = 'caused_by' AND NOT EXISTS (SELECT 1 FROM links r WHERE r.run = l.run AND r.step = l.step
                                               AND r.type IN ('retry_of', 'resumed_from'))
), joins AS (
    SELECT b.run, b.step, l.run AS at_run, l.step AS at_step, o.at_utc
    FROM branches b JOIN links l ON l.to_run = b.branch_run AND l.to_step = b.branch AND l.type IN ('caused_by', 'rejoins')
    JOIN opens o ON o.run = l.run AND o.step = l.step AND o.type = 'model'
    GROUP BY b.run, b.step, l.run, l.step, o.at_utc HAVING count(DISTINCT b.branch) > 1
)
SELECT b.run, b.step, count(DISTINCT b.branch) AS branches, list(DISTINCT b.branch) AS branch_steps,
       (SELECT arg_min(j.at_step, j.at_utc) FROM joins j WHERE j.run = b.run AND j.step = b.step) AS rejoined_at
FROM branches b GROUP BY b.run, b.step HAVING count(DISTINCT b.branch) > 1;
