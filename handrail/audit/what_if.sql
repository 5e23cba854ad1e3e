-- Statements of what_if.py. What a policy said of a call: one that a validator or a schema rejected it had allowed,
-- and without a policy everything was allowed. A NULL parameter filters nothing.
-- name: recorded
CREATE TEMP TABLE recorded AS
SELECT d.run, d.step, d.started_at AS at, coalesce(d.tenant, '') AS tenant, coalesce(d."user", '') AS "user",
       coalesce(d.session, '') AS session, coalesce(d.channel, '') AS channel, coalesce(d.agent, '') AS agent,
       coalesce(d.name, '') AS tool, coalesce(d.action, 'call') AS action, d.chain::VARCHAR AS chain,
       d.scopes::VARCHAR AS scopes, d.decided_by,
       CASE WHEN d.decided_by = 'policy' AND d.verdict IN ('deny', 'would_deny') THEN 'deny' ELSE 'allow' END AS was,
       CASE WHEN d.decided_by = 'policy' THEN d.rule END AS rule, d.facts, d.args
FROM decisions d
WHERE d.started_at >= $since AND d.started_at < $until AND d.verdict IS DISTINCT FROM 'stopped'
  AND ($tenant::VARCHAR IS NULL OR d.tenant = $tenant) AND ($user::VARCHAR IS NULL OR d."user" = $user)
  AND ($agent::VARCHAR IS NULL OR d.agent = $agent) AND ($tool::VARCHAR IS NULL OR d.name = $tool)
-- name: undecidable
SELECT coalesce(decided_by, '') AS decided_by, count(*) AS calls FROM recorded
WHERE decided_by IS NULL OR decided_by NOT IN ('policy', 'schema', 'validator', 'none') OR chain IS NULL
GROUP BY decided_by ORDER BY decided_by
-- name: kinds
CREATE TEMP TABLE kinds AS
SELECT row_number() OVER () AS kind, * FROM (
    SELECT DISTINCT tenant, chain, action, tool, scopes FROM recorded
    WHERE decided_by IN ('policy', 'schema', 'validator', 'none') AND chain IS NOT NULL)
-- name: decidable
CREATE TEMP VIEW decidable AS
SELECT k.kind, r.* FROM recorded r
JOIN kinds k ON r.tenant = k.tenant AND r.chain = k.chain AND r.action = k.action AND r.tool = k.tool
     AND r.scopes IS NOT DISTINCT FROM k.scopes
WHERE r.decided_by IN ('policy', 'schema', 'validator', 'none')
-- name: groups
SELECT kind, tenant, chain, action, tool, scopes, was, rule, agent, "user", count(*) AS calls
FROM decidable GROUP BY ALL ORDER BY kind
-- name: one_by_one
SELECT to_json({'kind': kind, 'run': run, 'step': step, 'at': epoch_us("at"), 'was': was, 'rule': rule,
                'agent': agent, 'user': "user", 'session': session, 'channel': channel, 'facts': facts,
                'args': args})::VARCHAR AS call
FROM decidable WHERE kind IN (SELECT unnest($kinds::BIGINT[]))
ORDER BY args->>'f', TRY_CAST(args->>'o' AS BIGINT)
-- name: examples
SELECT run, step, epoch_us("at") AS at, agent, "user", args::VARCHAR AS args
FROM decidable WHERE kind = $kind AND was = $was AND rule IS NOT DISTINCT FROM $rule
ORDER BY "at" LIMIT $count
