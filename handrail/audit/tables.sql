-- Base tables of the index: facts as they were recorded, only ever appended to. What is shown is computed in views.sql.
CREATE TABLE meta (format VARCHAR NOT NULL);

-- How far each part of the journal has been folded; advanced in the transaction that adds the facts. A part is
-- done when its writer has let go of it and all of it has been read.
CREATE TABLE parts (
    part VARCHAR PRIMARY KEY, folded_bytes BIGINT NOT NULL, records BIGINT NOT NULL, done BOOLEAN NOT NULL
);
CREATE TABLE writers (w VARCHAR PRIMARY KEY, alive BOOLEAN NOT NULL);
CREATE TABLE problems (file VARCHAR NOT NULL, byte_offset BIGINT NOT NULL, problem VARCHAR NOT NULL,
                       part VARCHAR NOT NULL);

-- Which process a writer belongs to: after a fault one process goes on as another writer.
CREATE TABLE processes (w VARCHAR, process VARCHAR);

CREATE TABLE run_starts (
    run VARCHAR, trace VARCHAR, step VARCHAR, parent VARCHAR, agent VARCHAR, tenant VARCHAR, "user" VARCHAR,
    session VARCHAR, channel VARCHAR, chain JSON, mode VARCHAR, entry VARCHAR, framework JSON, config VARCHAR,
    policy VARCHAR, validators VARCHAR, thread VARCHAR, at_utc TIMESTAMP, w VARCHAR, n BIGINT, process VARCHAR,
    logical VARCHAR,
    source VARCHAR DEFAULT 'handrail'
);
CREATE TABLE run_ends (
    run VARCHAR, outcome VARCHAR, error VARCHAR, dur BIGINT, findings JSON, at_utc TIMESTAMP, w VARCHAR, n BIGINT,
    process VARCHAR
);
CREATE TABLE opens (
    run VARCHAR, step VARCHAR, parent VARCHAR, type VARCHAR, name VARCHAR, agent VARCHAR, tenant VARCHAR,
    at_utc TIMESTAMP, w VARCHAR, n BIGINT, process VARCHAR,
    verdict VARCHAR, rule VARCHAR, reason VARCHAR, decided_by VARCHAR,
    effect VARCHAR, call_id VARCHAR, ran BOOLEAN, model VARCHAR, provider VARCHAR, args JSON, messages JSON,
    findings JSON, chain JSON, policy VARCHAR, action VARCHAR, facts JSON, scopes JSON,
    cause VARCHAR, causes JSON, links JSON, tools VARCHAR, detail JSON,
    said BIGINT, reasoning BIGINT, stopped_by VARCHAR,
    key VARCHAR, occ BIGINT, attempt BIGINT, how VARCHAR,
    source VARCHAR DEFAULT 'handrail'
);
CREATE TABLE closes (
    run VARCHAR, step VARCHAR, outcome VARCHAR, error VARCHAR, dur BIGINT, at_utc TIMESTAMP, w VARCHAR, n BIGINT,
    process VARCHAR, input_tokens BIGINT, output_tokens BIGINT, result JSON, findings JSON,
    calls JSON, detail JSON, doubt BOOLEAN, began BOOLEAN, replayed BOOLEAN, value JSON
);
-- What was learnt about an open step: a limit, an approval, a validation, a revised plan, the tools it had.
CREATE TABLE notes (run VARCHAR, step VARCHAR, kind VARCHAR, at_utc TIMESTAMP, w VARCHAR, n BIGINT, body JSON);

-- Partial sums of one fold each, so that a list of runs need not read every step. Added to, never updated.
CREATE TABLE tallies (
    run VARCHAR, steps BIGINT, model_calls BIGINT, tool_calls BIGINT, denied BIGINT, would_deny BIGINT,
    input_tokens BIGINT, output_tokens BIGINT, models VARCHAR[]
);
-- Records that belong to no step: writer.start, segment, writer.stop, config.load, drop, and kinds not known here.
CREATE TABLE events (w VARCHAR, n BIGINT, at_utc TIMESTAMP, kind VARCHAR, body JSON);

-- Spans of other instrumentations as they were recorded: from these the rows above are made anew, a whole trace at a
-- time, whenever spans of it come. Their `source` is then the instrumentation, and their `run` is made of the trace.
CREATE TABLE observed (run VARCHAR, body VARCHAR);
-- Spans that tell of a step that another span tells of too.
CREATE TABLE duplicate_spans (run VARCHAR, step VARCHAR, duplicate_of VARCHAR, source VARCHAR, scope VARCHAR);
-- One row for each observed run, and which runs one conversation continued after a pause.
CREATE TABLE observed_runs (
    run VARCHAR, agent VARCHAR, session VARCHAR, at_utc TIMESTAMP, outcome VARCHAR, pending VARCHAR[], begins_with VARCHAR
);
CREATE TABLE continued (run VARCHAR, session VARCHAR, logical VARCHAR, paused BOOLEAN);
