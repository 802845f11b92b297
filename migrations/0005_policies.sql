-- A policy stands for itself in one team (with its sub-teams), or everywhere where team_id is null.
create table policy (
    id uuid primary key,
    slug text not null unique,
    team_id uuid references team (id),
    created_by uuid not null references person (id),
    created_at bigint not null,
    -- The number of its newest version, and what an editor must have seen.
    version bigint not null
);

-- A version is written once. Name, mode and what it applies to are read from `resolved`.
create table policy_version (
    id uuid primary key,
    policy_id uuid not null references policy (id),
    number bigint not null,
    name text not null,
    -- As its editor typed it (TOML), and as it reads with what it extends, in JSON.
    source text not null,
    resolved text not null,
    -- SHA-256 of `resolved`.
    digest text not null,
    extends_id uuid references policy_version (id),
    edited_by uuid not null references person (id),
    edited_at bigint not null,
    note text not null,
    unique (policy_id, number),
    -- For the composite reference that keeps its editor from signing.
    unique (id, edited_by)
);

-- A fail or a hole in the evidence of a version, open until the evidence closes it.
create table finding (
    id uuid primary key,
    model_id uuid not null references model (id),
    version_id uuid not null references model_version (id),
    policy_id uuid not null references policy (id),
    rule text not null,
    -- The slice in canonical text; empty is overall.
    slice text not null,
    kind text not null check (kind in ('fail', 'not_enough_evidence')),
    sentence text not null,
    -- The run that it was seen in, where there was one.
    run_id uuid references run (id),
    opened_at bigint not null,
    updated_at bigint not null,
    closed_at bigint,
    close_reason text
);
create index finding_by_version on finding (version_id, closed_at);
create index finding_by_model on finding (model_id, closed_at);
-- One open finding for a rule on a slice of a version; closed ones may be many.
create unique index finding_open on finding (version_id, policy_id, rule, slice)
    where closed_at is null;
