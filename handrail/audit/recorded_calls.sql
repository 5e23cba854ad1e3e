-- Statements of recorded_calls.py.
-- name: by_step
SELECT d.run, d.step, d.tenant, d.session, d.channel, d.name, d.action, d.chain::VARCHAR AS chain,
       d.facts::VARCHAR AS facts, d.scopes::VARCHAR AS scopes, d.args::VARCHAR AS args, d.policy, d.verdict, d.rule,
       d.reason, d.decided_by
FROM decisions d
WHERE d.step = $step AND ($run::VARCHAR IS NULL OR d.run = $run) AND d.decided_by IS NOT NULL
ORDER BY d.started_at
LIMIT 10
