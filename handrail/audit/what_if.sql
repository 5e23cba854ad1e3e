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
WHERE d.started_at >= $since AND d.started_at < $until
  AND ($tenant::VARCHAR IS NULL OR d.tenant = $tenant) AND ($user::VARCHAR IS NULL OR d."user" = $user)
  AND ($agent::VARCHAR IS NULL OR d.agent = $agent) AND ($tool::VARCHAR IS NULL OR d.name = $tool)
-- name: undecidable
SELECT coalesce(decided_by, '') AS decided_by, count(*) AS calls
FROM recorded WHERE decided_by IS NULL OR decided_by NOT IN ('policy', 'schema', 'validator', 'none') OR chain IS NULL
GROUP BY decided_by ORDER BY decided_by
-- name: kinds
CREATE TEMP TABLE kinds AS
SELECT row_number() OVER () AS kind, * FROM (
    SELECT DISTINCT tenant, chain, action, tool, scopes FROM recorded
    WHERE decided_by IN ('policy', 'schema', 'validator', 'none') AND chain IS NOT NULL)
-- name: groups
SELECT k.kind, k.tenant, k.chain, k.action, k.tool, k.scopes, r.was, r.rule, r.agent, r."user", count(*) AS calls
FROM recorded r JOIN kinds k ON r.tenant = k.tenant AND r.chain = k.chain AND r.action = k.action AND r.tool = k.tool
     AND r.scopes IS NOT DISTINCT FROM k.scopes
WHERE r.decided_by IN ('policy', 'schema', 'validator', 'none')
GROUP BY ALL ORDER BY k.kind
-- name: one_by_one
SELECT to_json({'kind': k.kind, 'run': r.run, 'step': r.step, 'at': epoch_us(r.at), 'was': r.was, 'rule': r.rule,
                'agent': r.agent, 'user': r."user", 'session': r.session, 'channel': r.channel, 'facts': r.facts,
                'args': r.args})::VARCHAR AS call
FROM recorded r JOIN kinds k ON r.tenant = k.tenant AND r.chain = k.chain AND r.action = k.action AND r.tool = k.tool
     AND r.scopes IS NOT DISTINCT FROM k.scopes
WHERE r.decided_by IN ('policy', 'schema', 'validator', 'none') AND k.kind IN (SELECT unnest($kinds::BIGINT[]))
ORDER BY r.args->>'f', TRY_CAST(r.args->>'o' AS BIGINT)
-- name: examples
SELECT r.run, r.step, epoch_us(r.at) AS at, r.agent, r."user", r.args::VARCHAR AS args
FROM recorded r JOIN kinds k ON r.tenant = k.tenant AND r.chain = k.chain AND r.action = k.action AND r.tool = k.tool
     AND r.scopes IS NOT DISTINCT FROM k.scopes
WHERE r.decided_by IN ('policy', 'schema', 'validator', 'none') AND k.kind = $kind AND r.was = $was
  AND r.rule IS NOT DISTINCT FROM $rule
ORDER BY r.at LIMIT $count
