-- Large files of predictions that were acknowledged and are read afterwards. The file itself lies in
-- the folder of the server that took it, until the upload is settled.
create table upload (
    id uuid primary key,
    model_id uuid not null references model (id),
    -- Not an id: the version may only be made with the run.
    version text not null,
    person_id uuid not null references person (id),
    token_id uuid references api_token (id),
    file_digest text not null,
    bytes bigint not null,
    -- JSON: how the file is to be read, and what else was asked.
    asked text not null,
    -- The same bytes, to be read the same way, for the same version by the same person.
    request_digest text not null,
    owner text not null,
    idempotency_key text,
    received_at bigint not null,
    state text not null check (state in ('waiting', 'done', 'refused', 'failed')),
    run_id uuid references run (id),
    is_new boolean not null,
    -- JSON: the problems of a file that was refused; or, in words, what failed.
    problems text,
    settled_at bigint
);
create index upload_by_state on upload (state, received_at);
create index upload_by_version on upload (model_id, version, received_at);
