create table model (
    id uuid primary key,
    slug text not null unique,
    name text not null,
    team_id uuid not null references team (id),
    task text not null check (task in ('binary_classification', 'multiclass_classification',
        'regression', 'ranking', 'text_generation', 'image_generation')),
    risk_tier text not null check (risk_tier in ('minimal', 'limited', 'high')),
    stage text not null check (stage in ('development', 'staging', 'production', 'retired')),
    positive_outcome text not null check (positive_outcome in ('favourable', 'adverse', 'neutral')),
    restricted boolean not null,
    -- The name in lower case: what lists are sorted by.
    sort_name text not null,
    -- Slug, name, surface and architecture in lower case: what a search looks in.
    search_text text not null,
    created_by uuid references person (id),
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null,
    architecture text not null,
    surface text not null
);
create index model_by_team on model (team_id, restricted);
create index model_by_name on model (sort_name, id);
create index model_by_update on model (updated_at, id);

-- Long text apart, so that a list of ten thousand models need not read over it.
create table model_text (
    model_id uuid primary key references model (id),
    intended_use text not null,
    out_of_scope_use text not null
);

create table model_owner (
    model_id uuid not null references model (id),
    person_id uuid not null references person (id),
    primary key (model_id, person_id)
);

create table model_dependency (
    model_id uuid not null references model (id),
    depends_on_id uuid not null references model (id),
    primary key (model_id, depends_on_id),
    check (model_id <> depends_on_id)
);
create index model_dependency_backwards on model_dependency (depends_on_id);

create table model_version (
    id uuid primary key,
    model_id uuid not null references model (id),
    label text not null,
    commit_ref text not null,
    artifact_digest text not null,
    training_data text not null,
    notes text not null,
    created_by uuid references person (id),
    created_at bigint not null,
    version bigint not null,
    unique (model_id, label)
);

create table dataset (
    id uuid primary key,
    name text not null,
    label text not null,
    digest text,
    row_count bigint,
    origin text not null,
    sampling text not null,
    collected text not null,
    notes text not null,
    created_by uuid references person (id),
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null,
    unique (name, label)
);

-- How the group label of an attribute was obtained for a dataset, or why it was not.
create table dataset_attribute (
    dataset_id uuid not null references dataset (id),
    attribute text not null,
    obtained text not null check (obtained in ('self_reported', 'annotated', 'inferred',
        'recorded', 'unknown', 'not_measured')),
    note text not null,
    primary key (dataset_id, attribute)
);

create table attribute (
    id uuid primary key,
    name text not null unique,
    description text not null,
    sensitivity text not null check (sensitivity in ('ordinary', 'sensitive')),
    standing text not null check (standing in ('proposed', 'confirmed')),
    created_at bigint not null,
    version bigint not null
);

create table attribute_group (
    id uuid primary key,
    attribute_id uuid not null references attribute (id),
    name text not null,
    standing text not null check (standing in ('proposed', 'confirmed')),
    proposed_by uuid references model (id),
    created_at bigint not null,
    unique (attribute_id, name)
);
create index attribute_group_by_model on attribute_group (proposed_by);

-- Another name of a group, for one model or (model_id null) for all.
create table group_alias (
    id uuid primary key,
    attribute_id uuid not null references attribute (id),
    alias text not null,
    group_id uuid not null references attribute_group (id),
    model_id uuid references model (id),
    created_at bigint not null,
    unique (attribute_id, alias, model_id)
);

-- Another name of an attribute, for one model or (model_id null) for all.
create table attribute_alias (
    id uuid primary key,
    alias text not null,
    attribute_id uuid not null references attribute (id),
    model_id uuid references model (id),
    created_at bigint not null,
    unique (alias, model_id)
);

-- The registry's version, raised by every confirmation, alias and edit; pinned in digests.
create table registry_head (
    id bigint primary key check (id = 1),
    version bigint not null
);
insert into registry_head (id, version) values (1, 0);
