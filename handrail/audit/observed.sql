-- Statements of observed_fold.py. Rows come as one text each time: a list of many values is slow to hand over.
-- `observed_rows` holds what the touched traces turned out to be, one row each.
-- name: earlier
SELECT body FROM observed WHERE run IN (SELECT unnest($1::VARCHAR[]))

-- name: counted
SELECT run, count(*) FROM observed WHERE run IN (SELECT unnest($1::VARCHAR[])) GROUP BY run

-- name: over
INSERT INTO problems (part, byte_offset, file, problem)
SELECT 'trace ' || trace, 0, 'trace ' || trace, $2 FROM (SELECT unnest($1::VARCHAR[]) AS trace)
WHERE 'trace ' || trace NOT IN (SELECT part FROM problems)

-- name: ours
SELECT s.trace, o.step FROM run_starts s JOIN opens o ON o.run = s.run
WHERE s.source = 'handrail' AND o.source = 'handrail' AND s.trace IN (SELECT unnest($1::VARCHAR[]))

-- name: keep
INSERT INTO observed SELECT unnest(string_split($1, chr(10))), unnest(string_split($2, chr(10)))

-- name: forget_opens
DELETE FROM opens WHERE source <> 'handrail' AND run IN (SELECT unnest($1::VARCHAR[]))

-- name: forget_closes
DELETE FROM closes WHERE run IN (SELECT unnest($1::VARCHAR[]))

-- name: forget_duplicates
DELETE FROM duplicate_spans WHERE run IN (SELECT unnest($1::VARCHAR[]))

-- name: forget_starts
DELETE FROM run_starts WHERE source <> 'handrail' AND run IN (SELECT unnest($1::VARCHAR[]))

-- name: forget_ends
DELETE FROM run_ends WHERE run IN (SELECT unnest($1::VARCHAR[]))

-- name: forget_tallies
DELETE FROM tallies WHERE run IN (SELECT unnest($1::VARCHAR[]))

-- name: forget_runs
DELETE FROM observed_runs WHERE run IN (SELECT unnest($1::VARCHAR[]))

-- name: resolved
CREATE OR REPLACE TEMP TABLE observed_rows AS
SELECT fields.* FROM (SELECT json_transform(body, '{
    "of": "VARCHAR", "run": "VARCHAR", "trace": "VARCHAR", "step": "VARCHAR", "parent": "VARCHAR", "type": "VARCHAR",
    "name": "VARCHAR", "agent": "VARCHAR", "user": "VARCHAR", "session": "VARCHAR", "start": "BIGINT", "end": "BIGINT",
    "dur": "BIGINT", "source": "VARCHAR", "scope": "VARCHAR", "outcome": "VARCHAR", "error": "VARCHAR",
    "duplicate_of": "VARCHAR", "call_id": "VARCHAR", "ran": "BOOLEAN", "model": "VARCHAR", "provider": "VARCHAR",
    "input": "BIGINT", "output": "BIGINT", "w": "VARCHAR", "n": "BIGINT", "calls": "JSON",
    "steps": "BIGINT", "model_calls": "BIGINT", "tool_calls": "BIGINT", "models": ["VARCHAR"], "pending": ["VARCHAR"],
    "begins_with": "VARCHAR", "framework": "JSON"}') AS fields
FROM (SELECT unnest(string_split($1, chr(10))) AS body) WHERE body <> '')

-- name: opens
INSERT INTO opens (run, step, parent, type, name, agent, at_utc, w, n, process, call_id, ran, model, provider, source)
SELECT run, step, parent, type, name, agent, make_timestamp(start), w, n, '', call_id, ran, model, provider, source
FROM observed_rows WHERE "of" = 'step'

-- name: closes
INSERT INTO closes (run, step, outcome, error, dur, at_utc, w, n, process, input_tokens, output_tokens, calls)
SELECT run, step, outcome, error, dur, make_timestamp("end"), w, n, '', input, output, calls
FROM observed_rows WHERE "of" = 'step'

-- name: duplicates
INSERT INTO duplicate_spans SELECT run, step, duplicate_of, source, scope FROM observed_rows WHERE "of" = 'duplicate'

-- name: starts
INSERT INTO run_starts (run, trace, step, agent, "user", session, thread, framework, at_utc, n, process, source)
SELECT run, trace, step, agent, "user", session, session, framework, make_timestamp(start), n, '', source
FROM observed_rows WHERE "of" = 'run'

-- name: ends
INSERT INTO run_ends (run, outcome, error, dur, at_utc, n, process)
SELECT run, outcome, error, dur, make_timestamp("end"), n, '' FROM observed_rows WHERE "of" = 'run'

-- name: tallies
INSERT INTO tallies
SELECT run, steps, model_calls, tool_calls, 0, 0, input, output, models FROM observed_rows WHERE "of" = 'run'

-- name: runs
INSERT INTO observed_runs
SELECT run, agent, session, make_timestamp(start), outcome, pending, begins_with
FROM observed_rows WHERE "of" = 'run' AND session IS NOT NULL

-- name: again
DELETE FROM continued WHERE session IN (SELECT session FROM observed_rows WHERE "of" = 'run' AND session IS NOT NULL)

-- name: continued
INSERT INTO continued
SELECT run, session, first_value(run) OVER (PARTITION BY session, agent, chain ORDER BY at_utc, run), paused
FROM (
    SELECT *, sum(CASE WHEN continues THEN 0 ELSE 1 END) OVER (PARTITION BY session, agent ORDER BY at_utc, run) AS chain,
           coalesce(lead(continues) OVER (PARTITION BY session, agent ORDER BY at_utc, run), false) AS paused
    FROM (
        SELECT *, coalesce(
            lag(outcome) OVER (PARTITION BY session, agent ORDER BY at_utc, run) = 'interrupted'
            OR list_contains(lag(pending) OVER (PARTITION BY session, agent ORDER BY at_utc, run), begins_with), false
        ) AS continues
        FROM observed_runs
        WHERE session IN (SELECT session FROM observed_rows WHERE "of" = 'run' AND session IS NOT NULL)
    )
)
