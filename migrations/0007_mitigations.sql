-- How long the pruned rows of a model's runs are kept, in days; null: they are not kept.
alter table model add column rows_kept_days bigint;

-- The rows of a run, pruned to what a paired comparison needs: keyed hashes of their ids, label,
-- prediction, score and slice codes. Compressed, in base64, in chunks.
create table run_rows (
    run_id uuid not null references run (id),
    chunk bigint not null,
    data text not null,
    keep_until bigint not null,
    primary key (run_id, chunk)
);
create index run_rows_by_age on run_rows (keep_until);

create table mitigation (
    id uuid primary key,
    -- What people call it: M-17.
    number bigint not null unique,
    model_id uuid not null references model (id),
    kind text not null check (kind in ('pre_processing', 'in_processing', 'post_processing', 'data',
        'guardrail', 'product_change')),
    title text not null,
    hypothesis text not null,
    -- Target slice × metric, or the gap of the slice to a reference where there is one.
    metric text not null,
    slice text not null,
    comparison text,
    reference text,
    -- By how much it should change, in the metric's unit, as decimal text.
    target_change text not null,
    finding_id uuid references finding (id),
    owner_id uuid not null references person (id),
    state text not null check (state in ('proposed', 'in_work', 'shipped', 'abandoned')),
    before_run_id uuid references run (id),
    after_run_id uuid references run (id),
    shipped_at bigint,
    created_by uuid not null references person (id),
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null
);
create index mitigation_by_model on mitigation (model_id, state);
create index mitigation_by_finding on mitigation (finding_id);
create index mitigation_by_before on mitigation (before_run_id);
create index mitigation_by_after on mitigation (after_run_id);
