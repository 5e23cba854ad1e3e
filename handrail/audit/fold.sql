-- Spreads one chunk of records, already parsed into the temporary table `incoming`, over the base tables.
-- Runs inside the transaction that also advances the offsets. Absurd amounts are
-- left out, so that no sum can overflow.
INSERT INTO problems
SELECT part || '.jl', byte_offset, 'a field of the record''s envelope (v, w, n, t, k) has another type.', part
FROM incoming WHERE v IS NULL OR v NOT IN (1, 2) OR w IS NULL OR n IS NULL OR t IS NULL OR k IS NULL;

DELETE FROM incoming WHERE v IS NULL OR v NOT IN (1, 2) OR w IS NULL OR n IS NULL OR t IS NULL OR k IS NULL;

INSERT INTO processes
SELECT w, host || ':' || pid FROM incoming WHERE k = 'writer.start' AND host IS NOT NULL AND pid IS NOT NULL;

CREATE OR REPLACE TEMP VIEW known AS
SELECT i.*, coalesce(p.process, i.w) AS process
FROM incoming i LEFT JOIN (SELECT w, min(process) AS process FROM processes GROUP BY w) p ON p.w = i.w;

INSERT INTO run_starts
SELECT run, trace, step, parent, agent, tenant, "user", session, channel, chain, mode, entry, framework, config,
       policy, validators, thread, make_timestamp(t // 1000), w, n, process, logical, 'handrail'
FROM known WHERE k = 'run.start';

INSERT INTO run_ends
SELECT run, outcome, error, dur, findings, make_timestamp(t // 1000), w, n, process
FROM known WHERE k = 'run.end';

INSERT INTO opens
SELECT run, step, parent,
       CASE k WHEN 'step.start' THEN type WHEN 'model.call' THEN 'model' WHEN 'tool.call' THEN coalesce(type, 'tool')
            ELSE coalesce(type, 'agent') END,
       CASE k WHEN 'step.start' THEN name WHEN 'model.call' THEN model WHEN 'tool.call' THEN tool
            ELSE coalesce(name, agent) END,
       coalesce(agent, name), tenant, make_timestamp(t // 1000), w, n, process, verdict, rule,
       reason, "by", effect, call_id, ran, model, provider, args, messages, findings, chain, policy,
       CASE WHEN k = 'tool.call' THEN coalesce(action, 'call') END, facts, scopes,
       cause, causes, links, CASE WHEN k = 'model.call' THEN tools END,
       CASE WHEN k = 'step.start' AND type <> 'agent' OR k = 'tool.call' AND type = 'memory' THEN body END,
       said, reasoning, stopped_by, key, occ, attempt, how,
       'handrail'
FROM known WHERE k IN ('run.start', 'step.start', 'model.call', 'tool.call');

INSERT INTO closes
SELECT run, step, outcome, error, dur, make_timestamp(t // 1000), w, n, process,
       CASE WHEN usage.input BETWEEN 0 AND 1000000000000 THEN usage.input END, CASE WHEN usage.output BETWEEN 0 AND 1000000000000 THEN usage.output END,
       coalesce(result, output), findings, calls, CASE WHEN k = 'step.end' OR k = 'tool.result' AND contains(body, '"records":') THEN body END,
       doubt, began, replayed, value
FROM known WHERE k IN ('run.end', 'step.end', 'model.result', 'tool.result');

INSERT INTO tallies
SELECT run, count(*) FILTER (k IN ('step.start', 'model.call', 'tool.call')),
       count(*) FILTER (k = 'model.call'),
       count(*) FILTER (k = 'tool.call' AND type IS NULL AND verdict IS DISTINCT FROM 'stopped'),
       count(*) FILTER (k = 'tool.call' AND verdict IN ('deny', 'reject')),
       count(*) FILTER (k = 'tool.call' AND verdict IN ('would_deny', 'would_reject')),
       sum(CASE WHEN usage.input BETWEEN 0 AND 1000000000000 THEN usage.input END) FILTER (k = 'model.result'),
       sum(CASE WHEN usage.output BETWEEN 0 AND 1000000000000 THEN usage.output END) FILTER (k = 'model.result'),
       list(DISTINCT model) FILTER (k = 'model.call' AND model IS NOT NULL)
FROM incoming WHERE k IN ('step.start', 'model.call', 'model.result', 'tool.call') GROUP BY run;

INSERT INTO notes
SELECT run, step, k, make_timestamp(t // 1000), w, n, body
FROM incoming WHERE step IS NOT NULL AND run IS NOT NULL AND k NOT IN (
    'run.start', 'run.end', 'step.start', 'step.end', 'model.call', 'model.result', 'tool.call', 'tool.result',
    'delegation', 'owner.refused');

INSERT INTO events
SELECT w, n, make_timestamp(t // 1000), k, body
FROM incoming WHERE k IN ('delegation', 'owner.refused') OR ((step IS NULL OR run IS NULL) AND k NOT IN (
    'run.start', 'run.end', 'step.start', 'step.end', 'model.call', 'model.result', 'tool.call', 'tool.result'));
