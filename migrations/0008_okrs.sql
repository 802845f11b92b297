create table objective (
    id uuid primary key,
    -- A quarter: 2026-Q4.
    period text not null,
    team_id uuid not null references team (id),
    parent_id uuid references objective (id),
    title text not null,
    why text not null,
    kind text not null check (kind in ('committed', 'aspirational')),
    owner_id uuid not null references person (id),
    closed_at bigint,
    created_by uuid not null references person (id),
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null
);
create index objective_by_period on objective (period, team_id);

create table key_result (
    id uuid primary key,
    objective_id uuid not null references objective (id),
    position bigint not null,
    title text not null,
    owner_id uuid not null references person (id),
    -- Live ones read an estimate or a disparity of a model; manual ones live on check-ins.
    source text not null check (source in ('live', 'manual')),
    model_id uuid references model (id),
    -- JSON: dataset, metric, slice, and for a disparity attributes, kind and reference.
    measure text not null,
    unit text not null,
    -- Frozen at the start, with the run that it came from. Null: cannot be graded.
    baseline double precision,
    baseline_low double precision,
    baseline_high double precision,
    baseline_run_id uuid references run (id),
    baseline_at bigint,
    target double precision,
    -- JSON or empty: a live measure and the bound it must keep.
    counter text not null,
    created_by uuid not null references person (id),
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null
);
create index key_result_by_objective on key_result (objective_id, position);
create index key_result_by_model on key_result (model_id);
create index key_result_by_baseline on key_result (baseline_run_id);

create table check_in (
    id uuid primary key,
    key_result_id uuid not null references key_result (id),
    person_id uuid not null references person (id),
    at bigint not null,
    value double precision,
    confidence text not null check (confidence in ('low', 'medium', 'high')),
    note text not null
);
create index check_in_by_key_result on check_in (key_result_id, at);

-- Something that a person should know: their launch rests on a run that was voided, and the like.
create table notice (
    id uuid primary key,
    person_id uuid not null references person (id),
    at bigint not null,
    text text not null,
    href text not null,
    seen_at bigint
);
create index notice_by_person on notice (person_id, seen_at, at);

-- When a person was here last, so that home can say what moved since.
create table visit (
    person_id uuid primary key references person (id),
    -- The visit that is going on, and the one before it.
    current_at bigint not null,
    before_at bigint
);
