-- Statements of history.py: everything that a run took in and gave out, in the order in which it happened.
-- name: chosen
-- An id names one run, whenever it was; otherwise those that began in the window.
CREATE TEMP TABLE chosen AS
SELECT r.run, r.logical, r.step AS root, coalesce(r.tenant, '') AS tenant, coalesce(r."user", '') AS "user",
       coalesce(r.agent, '') AS agent, r.chain::VARCHAR AS chain, r.started_at,
       min(r.started_at) OVER (PARTITION BY r.logical) AS began_at,
       bool_or(r.run = r.logical) OVER (PARTITION BY r.logical) AS whole
FROM runs r
WHERE r.source = 'handrail'
  AND CASE WHEN $run::VARCHAR IS NOT NULL THEN r.run = $run
      ELSE r.started_at >= $since AND r.started_at < $until
           AND ($tenant::VARCHAR IS NULL OR r.tenant = $tenant) AND ($user::VARCHAR IS NULL OR r."user" = $user)
           AND ($agent::VARCHAR IS NULL OR r.agent = $agent) END
-- name: observed
SELECT count(*) AS runs FROM runs r
WHERE r.source <> 'handrail'
  AND CASE WHEN $run::VARCHAR IS NOT NULL THEN r.run = $run
      ELSE r.started_at >= $since AND r.started_at < $until
           AND ($tenant::VARCHAR IS NULL OR r.tenant = $tenant) AND ($user::VARCHAR IS NULL OR r."user" = $user)
           AND ($agent::VARCHAR IS NULL OR r.agent = $agent) END
-- name: events
-- What was noted about a value stands at note_step, where that is not the outermost step, under the name note_kind.
-- A call that was the answer in the form of a call is an answer; what was said of it stands at the reply.
CREATE TEMP VIEW happened AS
SELECT o.run, o.step, CASE WHEN o.decided_by = 'output' THEN 'given' ELSE 'arguments' END AS kind, o.at_utc, o.w, o.n,
       o.name, o.agent, o.chain, o.args AS ref, o.call_id, o.decided_by, o.ran, NULL AS outcome, o.findings, o.parent,
       CASE WHEN o.decided_by = 'output' THEN o.cause ELSE o.step END AS note_step,
       CASE WHEN o.decided_by = 'output' THEN 'answer' ELSE 'arguments' END AS note_kind
FROM opens o WHERE o.type = 'tool' AND o.source = 'handrail'
UNION ALL
SELECT o.run, o.step, 'result', c.at_utc, c.w, c.n, o.name, o.agent, o.chain, c.result, o.call_id, o.decided_by, o.ran,
       c.outcome, c.findings, o.parent, o.step, 'result'
FROM closes c JOIN opens o ON o.run = c.run AND o.step = c.step AND o.process = c.process
WHERE o.type = 'tool' AND o.source = 'handrail' AND o.decided_by IS DISTINCT FROM 'output'
UNION ALL
SELECT o.run, o.step, 'asked', o.at_utc, o.w, o.n, o.name, o.agent, o.chain, o.messages, NULL, NULL, NULL, NULL, NULL,
       o.parent, NULL, 'input'
FROM opens o WHERE o.type = 'model' AND o.source = 'handrail'
UNION ALL
SELECT o.run, o.step, said.kind, c.at_utc, c.w, c.n, o.name, o.agent, o.chain, c.result, NULL, NULL, NULL, c.outcome,
       NULL, o.parent, o.step, said.kind
FROM closes c JOIN opens o ON o.run = c.run AND o.step = c.step AND o.process = c.process,
     (VALUES ('output'), ('answer')) AS said(kind)
WHERE o.type = 'model' AND o.source = 'handrail'
UNION ALL
SELECT o.run, o.step, 'documents', c.at_utc, c.w, c.n, o.name, o.agent, o.chain, c.detail->'$.documents', NULL, NULL,
       NULL, c.outcome, NULL, o.parent, o.step, 'documents'
FROM closes c JOIN opens o ON o.run = c.run AND o.step = c.step AND o.process = c.process
WHERE o.type = 'retrieval' AND o.source = 'handrail'
UNION ALL
SELECT e.run, s.step, 'ended', e.at_utc, e.w, e.n, s.agent, s.agent, s.chain, NULL, NULL, NULL, NULL, e.outcome,
       e.findings, NULL, s.step, 'answer'
FROM run_ends e JOIN run_starts s ON s.run = e.run AND s.process = e.process
WHERE s.source = 'handrail'
-- name: count
SELECT count(*) AS events FROM happened h JOIN chosen c ON c.run = h.run
-- name: stream
SELECT c.logical, c.whole, c.tenant, c."user", c.chain AS root_chain, h.run, h.step, h.kind,
       epoch_us(h.at_utc) AS at, h.name, h.agent, h.chain::VARCHAR AS chain, h.ref::VARCHAR AS ref, h.call_id,
       h.decided_by, h.ran, h.outcome, h.findings::VARCHAR AS findings, v.notes, h.parent
FROM happened h JOIN chosen c ON c.run = h.run
LEFT JOIN (
    SELECT run, step, body->>'$.on' AS kind, to_json(list(body ORDER BY n))::VARCHAR AS notes FROM notes
    WHERE kind = 'validation' AND body->>'$.action' IS NOT NULL GROUP BY ALL
) v ON v.run = h.run AND v.step = coalesce(h.note_step, c.root) AND v.kind = h.note_kind
ORDER BY c.began_at, c.logical, h.at_utc, h.w, h.n, h.kind DESC
