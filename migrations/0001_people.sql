create table team (
    id uuid primary key,
    slug text not null unique,
    name text not null,
    parent_id uuid references team (id),
    created_at bigint not null,
    version bigint not null
);

create table person (
    id uuid primary key,
    email text not null unique,
    name text not null,
    -- Name and e-mail address in lower case: what a search looks in and a list sorts by.
    search_text text not null,
    password_hash text,
    disabled_at bigint,
    created_at bigint not null,
    version bigint not null
);

-- A role in one team, or in every team where team_id is null.
create table role_grant (
    id uuid primary key,
    person_id uuid not null references person (id),
    role text not null
        check (role in ('admin', 'lead', 'engineer', 'reviewer', 'executive', 'viewer')),
    team_id uuid references team (id),
    granted_by uuid references person (id),
    granted_at bigint not null,
    check (role <> 'admin' or team_id is null),
    unique (person_id, role, team_id)
);
-- Two nulls are not equal, so that the constraint above does not see a role given everywhere twice.
create unique index role_grant_everywhere on role_grant (person_id, role) where team_id is null;

create table function_grant (
    id uuid primary key,
    person_id uuid not null references person (id),
    function text not null
        check (function in ('responsible_ai', 'product', 'legal_privacy', 'trust_safety')),
    granted_by uuid references person (id),
    granted_at bigint not null,
    unique (person_id, function)
);

-- Links that let their holder set a password once. person_id is null for the set-up link.
create table one_time_link (
    hash text primary key,
    person_id uuid references person (id),
    purpose text not null check (purpose in ('setup', 'invite', 'reset')),
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);

-- Keyed by the SHA-256 of the session id: reading the table opens no session.
create table session (
    hash text primary key,
    person_id uuid references person (id),
    data text not null,
    created_at bigint not null,
    seen_at bigint not null,
    expires_at bigint not null
);
create index session_by_person on session (person_id);

create table api_token (
    id uuid primary key,
    person_id uuid not null references person (id),
    name text not null,
    hash text not null unique,
    hint text not null,
    scopes text not null,
    team_id uuid references team (id),
    shared boolean not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint,
    used_at bigint
);
create index api_token_by_person on api_token (person_id);

-- Failed log-ins slow an account and an address down; they stand outside the audit log, so that
-- strangers cannot hold its lock.
create table login_throttle (
    subject text primary key,
    failures bigint not null,
    last_at bigint not null
);

create table failed_login (
    id uuid primary key,
    at bigint not null,
    subject text not null,
    address text not null
);
create index failed_login_by_time on failed_login (at);

-- Settings of the installation: its id, the salt of its keyed hashes.
create table setting (
    name text primary key,
    value text not null
);
