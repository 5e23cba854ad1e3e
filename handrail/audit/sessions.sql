-- Statements of sessions.py: the sessions, and one of them as a thread.
-- name: listed
SELECT * FROM sessions
WHERE ($1::VARCHAR IS NULL OR tenant = $1) AND ($2::VARCHAR IS NULL OR "user" = $2)
ORDER BY latest_at DESC, tenant, session LIMIT $3

-- name: named
SELECT * FROM sessions
WHERE ($1::VARCHAR IS NULL OR tenant = $1) AND ($2 = session OR $3 AND starts_with(session, $2))
ORDER BY (session = $2) DESC, latest_at DESC, tenant, session LIMIT 6

-- name: thread
-- Questions and answers stand among the runs, each at its moment; several at one moment stay together.
WITH chosen AS (
    SELECT *, row_number() OVER (PARTITION BY logical ORDER BY started_at, run) AS part,
           count(*) OVER (PARTITION BY logical) AS parts
    FROM runs WHERE tenant = $1 AND coalesce(nullif(session, ''), thread) = $2
)
SELECT * FROM (
    SELECT started_at AS moment, 'run' AS event, run, channel, "user", agent, outcome, part, parts, logical, writer, steps,
           denied, would_deny, input_tokens + output_tokens AS tokens, duration_ms, NULL::VARCHAR AS tool,
           NULL::VARCHAR AS decision, NULL::DOUBLE AS waited_ms, NULL::BIGINT AS n
    FROM chosen
    UNION ALL
    SELECT a.noted_at, a.event, a.run, coalesce(a.channel, c.channel), coalesce(a."user", c."user"),
           coalesce(a.agent, c.agent), NULL, c.part, c.parts, c.logical, a.writer, NULL, NULL, NULL, NULL, NULL,
           coalesce(a.tool_now, a.tool), a.decision, a.waited_ms, a.record
    FROM approvals a JOIN chosen c ON c.run = a.run
    UNION ALL
    SELECT at_utc, 'refused', NULL, '', body->>'$.user', '', NULL, NULL, NULL, NULL, w, NULL, NULL, NULL, NULL, NULL,
           NULL, body->>'$.verdict', NULL, n
    FROM events
    WHERE kind = 'owner.refused' AND body->>'$.tenant' = $1 AND body->>'$.name' = CASE body->>'$.kind'
          WHEN 'session' THEN $1 || '/' || $2 WHEN 'thread' THEN $2 END
) ORDER BY moment, event <> 'run', writer, n LIMIT $3
