-- Statements of lives.py: logical runs, their lives, what they did and what is asked about it.
-- name: runs
-- A run ends as its last life did. What ended well, or was refused its answer, is finished.
WITH lives AS (
    SELECT logical AS run, arg_max(run, started_at) AS last, count(*) AS lives, arg_min(agent, started_at) AS agent,
           arg_min(tenant, started_at) AS tenant, arg_min("user", started_at) AS "user",
           arg_min(session, started_at) AS session, arg_min(mode, started_at) AS mode, arg_min(thread, started_at) AS thread,
           min(started_at) AS started_at, arg_max(ended_at, started_at) AS ended_at,
           arg_max(outcome, started_at) AS outcome
    FROM runs WHERE source = 'handrail' GROUP BY logical
), done AS (
    SELECT run, count(*) FILTER (effect <> 'read') AS effects,
           count(*) FILTER (status = 'in doubt') AS in_doubt, count(*) FILTER (orphan) AS orphans,
           coalesce(sum(replays), 0)::BIGINT AS replays
    FROM effects_of(CASE WHEN $run::VARCHAR IS NULL THEN NULL ELSE [$run] END) GROUP BY run
), asked AS (SELECT run, count(*) FILTER (status = 'open') AS open_questions FROM asks GROUP BY run
), forgotten AS (SELECT DISTINCT run FROM notes WHERE kind = 'run.forgotten')
SELECT l.*, l.outcome IN ('ok', 'rejected') AS finished, coalesce(d.effects, 0) AS effects,
       coalesce(d.in_doubt, 0) AS in_doubt, coalesce(d.orphans, 0) AS orphans, coalesce(d.replays, 0) AS replays,
       coalesce(a.open_questions, 0) AS open_questions, f.run IS NOT NULL AS forgotten
FROM lives l LEFT JOIN done d USING (run) LEFT JOIN asked a USING (run) LEFT JOIN forgotten f ON f.run = l.run
WHERE ($run::VARCHAR IS NULL OR l.run = $run)
  AND (NOT $unfinished::BOOLEAN OR coalesce(a.open_questions, 0) > 0 OR (l.mode = 'enforce' AND NOT finished))
ORDER BY (l.mode = 'enforce' AND NOT finished) OR coalesce(a.open_questions, 0) > 0 DESC, l.started_at DESC, l.run LIMIT $most

-- name: logical
SELECT logical FROM runs WHERE run = $run LIMIT 1

-- name: lives
SELECT run, step, trace, outcome, error, started_at, ended_at, entry, channel, steps, tool_calls, model_calls
FROM runs WHERE logical = $run AND source = 'handrail' ORDER BY started_at, run LIMIT $most

-- name: effects
SELECT * FROM effects_of([$run]) ORDER BY started_at, writer, n LIMIT $most

-- name: questions
SELECT * FROM asks WHERE ($run::VARCHAR IS NULL OR run = $run) AND (NOT $open::BOOLEAN OR status = 'open')
ORDER BY status DESC, asked_at, id LIMIT $most

-- name: moments
-- What each life did about the effects, call by call: attempts, and what was given back.
SELECT o.run, o.step, o.key, o.name AS tool, o.effect, o.ran, o.how, o.attempt, o.at_utc, c.at_utc AS ended_at, c.outcome,
       c.doubt, c.began, o.verdict
FROM opens o LEFT JOIN closes c ON c.run = o.run AND c.step = o.step AND c.process = o.process
WHERE o.key IS NOT NULL AND o.run IN (SELECT run FROM runs WHERE logical = $run) ORDER BY o.at_utc, o.w, o.n LIMIT $most

-- name: of_question
SELECT run FROM effects WHERE question = $question LIMIT 2

-- name: unsettled
-- Logical runs with a call that has no good result, or an open question: where there may be something to answer.
SELECT DISTINCT coalesce(r.logical, r.run) AS run
FROM opens o JOIN run_starts r ON r.run = o.run
LEFT JOIN closes c ON c.run = o.run AND c.step = o.step AND c.process = o.process
WHERE o.key IS NOT NULL AND o.ran AND o.effect <> 'read' AND (c.outcome IS NULL OR c.doubt)
UNION SELECT run FROM asks WHERE status = 'open'

-- name: waiting
-- What only a person can say: calls in doubt, whether somebody was asked yet or not, and questions that are open.
SELECT e.question AS id, coalesce(q.kind, 'doubt') AS kind, e.run, e.key, e.tool, e.effect, e.attempts, e.status, e.life,
       e.step, e.args, e.error, e.attempted_at, q.asked_at, e.tenant, e."user", e.session, e.agent, e.call_id,
       coalesce(q.left_behind, false) AS left_behind
FROM effects_of($runs::VARCHAR[]) e LEFT JOIN asks q ON q.run = e.run AND q.id = e.question
WHERE q.status = 'open' OR (e.status = 'in doubt' AND q.id IS NULL)
ORDER BY e.attempted_at, e.key LIMIT $most
