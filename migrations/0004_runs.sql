create table run (
    id uuid primary key,
    model_id uuid not null references model (id),
    version_id uuid not null references model_version (id),
    dataset_id uuid not null references dataset (id),
    digest text not null unique,
    -- What makes the same upload the same run: the bytes, how they were read, and by what.
    source_digest text not null,
    source_key text not null,
    importer text not null,
    format text not null,
    evaluated_at bigint not null,
    received_at bigint not null,
    uploader_id uuid not null references person (id),
    token_id uuid references api_token (id),
    instrument_name text not null,
    instrument_version text not null,
    instrument_definitions text not null,
    instrument_judge text,
    positive_outcome text check (positive_outcome in ('favourable', 'adverse', 'neutral')),
    custom_metrics text not null,
    receipt text not null,
    voided_at bigint,
    voided_by uuid references person (id),
    void_reason text,
    unique (version_id, source_digest, source_key, importer)
);
create index run_by_model on run (model_id, evaluated_at);
create index run_by_receipt on run (received_at);
create index run_by_version on run (version_id);
create index run_by_dataset on run (dataset_id);

create table estimate (
    run_id uuid not null references run (id),
    position bigint not null,
    slice text not null,
    arity bigint not null,
    metric text not null,
    value double precision,
    n bigint,
    numerator bigint,
    denominator bigint,
    positives bigint,
    n_effective double precision,
    stderr double precision,
    threshold double precision,
    low double precision,
    high double precision,
    level double precision,
    method text,
    undefined text,
    primary key (run_id, position)
);
create index estimate_by_metric on estimate (run_id, metric);

-- An Idempotency-Key of the last 24 hours and the run it made.
create table idempotency_key (
    owner text not null,
    key text not null,
    request_digest text not null,
    run_id uuid references run (id),
    created_at bigint not null,
    primary key (owner, key)
);
create index idempotency_key_by_time on idempotency_key (created_at);
