-- What a report reads, one statement per name. $since ... $agent are its window.

-- name: activity
SELECT count(DISTINCT run) AS runs, count(*) FILTER (NOT is_root) AS steps,
       count(*) FILTER (type = 'model') AS model_calls,
       count(*) FILTER (type = 'tool' AND verdict IS DISTINCT FROM 'stopped') AS tool_calls,
       count(*) FILTER (verdict IN ('deny', 'reject')) AS denied,
       count(*) FILTER (verdict IN ('would_deny', 'would_reject')) AS would_deny,
       count(*) FILTER (type = 'tool' AND outcome = 'error') AS errors,
       coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
       coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens
FROM steps_in($since, $until, $tenant, $user, $agent)

-- name: outcomes
SELECT outcome, count(*) AS runs FROM runs
WHERE run IN (SELECT run FROM steps_in($since, $until, $tenant, $user, $agent))
GROUP BY outcome ORDER BY runs DESC, outcome

-- name: verdicts
SELECT verdict, string_agg(DISTINCT decided_by, ', ' ORDER BY decided_by) AS decided_by, count(*) AS calls
FROM steps_in($since, $until, $tenant, $user, $agent) WHERE type IN ('tool', 'memory') AND verdict IS NOT NULL GROUP BY verdict ORDER BY calls DESC, verdict

-- name: by_agent
SELECT agent, count(DISTINCT run) AS runs,
       count(*) FILTER (type = 'tool' AND verdict IS DISTINCT FROM 'stopped') AS tool_calls,
       count(*) FILTER (verdict IN ('deny', 'reject')) AS denied,
       count(*) FILTER (verdict IN ('would_deny', 'would_reject')) AS would_deny,
       count(*) FILTER (type = 'tool' AND outcome = 'error') AS errors,
       coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
       coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens
FROM steps_in($since, $until, $tenant, $user, $agent) GROUP BY agent ORDER BY tool_calls DESC, agent

-- name: by_tool
SELECT name AS tool, count(DISTINCT run) AS runs,
       count(*) FILTER (type = 'tool' AND verdict IS DISTINCT FROM 'stopped') AS tool_calls,
       count(*) FILTER (verdict IN ('deny', 'reject')) AS denied,
       count(*) FILTER (verdict IN ('would_deny', 'would_reject')) AS would_deny,
       count(*) FILTER (type = 'tool' AND outcome = 'error') AS errors
FROM steps_in($since, $until, $tenant, $user, $agent) WHERE type IN ('tool', 'memory') AND verdict <> 'stopped' GROUP BY name ORDER BY tool_calls DESC, tool

-- name: by_user
SELECT tenant, "user", count(DISTINCT run) AS runs,
       count(*) FILTER (type = 'tool' AND verdict IS DISTINCT FROM 'stopped') AS tool_calls,
       count(*) FILTER (verdict IN ('deny', 'reject')) AS denied,
       count(*) FILTER (verdict IN ('would_deny', 'would_reject')) AS would_deny,
       count(*) FILTER (type = 'tool' AND outcome = 'error') AS errors,
       coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
       coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens
FROM steps_in($since, $until, $tenant, $user, $agent) GROUP BY tenant, "user" ORDER BY tool_calls DESC, tenant, "user"

-- name: decisions
SELECT started_at, tenant, "user", session, agent, name AS tool, verdict, rule, reason, decided_by, effect, ran,
       outcome, error, duration_ms, mode, policy, run, step, writer, n
FROM steps_in($since, $until, $tenant, $user, $agent) WHERE type IN ('tool', 'memory') AND verdict IS NOT NULL ORDER BY started_at, writer, n

-- name: denials
SELECT started_at, tenant, "user", session, agent, name AS tool, verdict, rule, reason, decided_by, run, step
FROM steps_in($since, $until, $tenant, $user, $agent) WHERE type IN ('tool', 'memory') AND verdict NOT IN ('allow', 'stopped') ORDER BY started_at DESC, writer, n DESC

-- name: versions
SELECT DISTINCT 'policy' AS what, policy AS digest FROM steps_in($since, $until, $tenant, $user, $agent) WHERE type IN ('tool', 'memory') AND verdict IS NOT NULL AND policy <> ''
UNION SELECT 'config', config FROM runs
WHERE run IN (SELECT run FROM steps_in($since, $until, $tenant, $user, $agent)) AND config <> ''
UNION SELECT 'validators', validators FROM runs
WHERE run IN (SELECT run FROM steps_in($since, $until, $tenant, $user, $agent)) AND validators <> ''
ORDER BY what, digest

-- name: journal
SELECT (SELECT count(*) FROM writers) AS writers, (SELECT count(*) FROM writers WHERE alive) AS writers_alive,
       (SELECT coalesce(sum(records), 0)::BIGINT FROM parts) AS records,
       (SELECT coalesce(sum(lost), 0)::BIGINT FROM (SELECT try_cast(body->>'$.count' AS BIGINT) AS lost FROM events
        WHERE kind = 'drop') WHERE lost BETWEEN 0 AND 1000000000000) AS records_dropped

-- name: problems
SELECT file, byte_offset, problem FROM problems ORDER BY file, byte_offset

-- name: reliability
SELECT dimension, value, attempts, successes, failures, censored, success_rate, low, high, steps_to_failure
FROM reliability_in($since, $until, $tenant, $user, $agent) ORDER BY dimension <> 'all', dimension, attempts DESC, value

-- name: reliability_of_runs
SELECT dimension, value, runs, successes, failures, censored, success_rate, low, high, steps_to_failure
FROM reliability_of_runs_in($since, $until, $tenant, $user, $agent) ORDER BY dimension <> 'all', dimension, runs DESC, value

-- name: reliability_lengths
SELECT length, runs, successes, censored, success_rate, low, high, step_success_rate, compounded
FROM reliability_lengths_in($since, $until, $tenant, $user, $agent) ORDER BY length
