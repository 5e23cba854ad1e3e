-- Statements of traces.py: one run, its steps.
-- name: newest
-- A sender's clock may say anything: what begins more than a day from now comes behind everything else.
SELECT run FROM runs
ORDER BY epoch_us(started_at) > epoch_us(now()) + 86400000000, started_at DESC, run LIMIT 1

-- name: beginning_with
SELECT run FROM runs WHERE starts_with(run, $begin) ORDER BY started_at DESC, run LIMIT 6

-- name: run
SELECT * FROM runs WHERE run = $run LIMIT 1

-- name: count
SELECT count(*) AS steps FROM opens WHERE run = $run

-- name: first
SELECT * FROM steps WHERE run = $run ORDER BY started_at, n LIMIT $most

-- name: shallow
WITH RECURSIVE tree(step, depth) AS (
    SELECT o.step, 0 FROM opens o
    WHERE o.run = $run AND CASE WHEN $top::VARCHAR IS NOT NULL THEN o.step = $top
          ELSE o.parent IS NULL OR o.parent NOT IN (SELECT step FROM opens WHERE run = $run) END
    UNION
    SELECT o.step, tree.depth + 1 FROM opens o JOIN tree ON o.parent = tree.step
    WHERE o.run = $run AND tree.depth < $depth
)
SELECT * FROM steps WHERE run = $run AND step IN (SELECT step FROM tree) ORDER BY started_at, n LIMIT $most

-- name: notes
SELECT step, kind, body FROM notes WHERE run = $run AND list_contains($steps::VARCHAR[], step) AND kind <> 'tools'
ORDER BY at_utc, w, n LIMIT 5000

-- name: below
SELECT parent, count(*) AS steps FROM opens WHERE run = $run AND list_contains($steps::VARCHAR[], parent)
GROUP BY parent
