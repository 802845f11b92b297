create table launch (
    id uuid primary key,
    -- What people call it: L-42.
    number bigint not null unique,
    model_id uuid not null references model (id),
    version_id uuid not null references model_version (id),
    state text not null check (state in ('draft', 'in_review', 'approved', 'launched', 'rejected',
        'withdrawn', 'suspended', 'rolled_back', 'evidence_void')),
    summary text not null,
    planned_for bigint,
    created_by uuid not null references person (id),
    created_at bigint not null,
    updated_at bigint not null,
    launched_at bigint,
    -- The number of its newest revision; 0 for a draft that nobody has requested yet.
    revision bigint not null,
    -- Raised first by every transaction that decides, so that they take turns.
    lock_no bigint not null
);
create index launch_by_model on launch (model_id, created_at);
create index launch_by_version on launch (version_id);
create index launch_by_state on launch (state, updated_at);

-- What a signature covers.
create table launch_revision (
    id uuid primary key,
    launch_id uuid not null references launch (id),
    number bigint not null,
    -- SHA-256 of `content`: RFC 8785 JSON of all that it covers.
    digest text not null,
    content text not null,
    policy_version_id uuid references policy_version (id),
    -- The readiness as it was computed, in JSON, so that any past decision can be read and replayed.
    readiness text not null,
    verdict text not null check (verdict in ('fail', 'not_enough_evidence', 'pass')),
    -- What changed since the revision before, in JSON: one sentence each.
    changes text not null,
    valid_until bigint,
    requested_by uuid not null references person (id),
    requested_at bigint not null,
    unique (launch_id, number)
);

-- Who made what a revision rests on, and who judges it: nobody does both.
create table launch_people (
    revision_id uuid not null references launch_revision (id),
    person_id uuid not null references person (id),
    side text not null check (side in ('made', 'judges')),
    primary key (revision_id, person_id),
    unique (revision_id, person_id, side)
);

-- Why somebody is on the side that made it.
create table launch_maker (
    revision_id uuid not null,
    person_id uuid not null,
    side text not null check (side = 'made'),
    part text not null check (part in ('requester', 'uploader', 'policy_editor', 'model_owner',
        'waiver_asker', 'waiver_approver')),
    subject_id uuid not null,
    primary key (revision_id, person_id, part, subject_id),
    foreign key (revision_id, person_id, side)
        references launch_people (revision_id, person_id, side)
);

create table launch_run (
    revision_id uuid not null references launch_revision (id),
    run_id uuid not null references run (id),
    primary key (revision_id, run_id)
);
create index launch_run_backwards on launch_run (run_id);

create table launch_slot (
    revision_id uuid not null references launch_revision (id),
    slot text not null
        check (slot in ('responsible_ai', 'product', 'legal_privacy', 'trust_safety')),
    primary key (revision_id, slot)
);

-- Append-only: a later decision supersedes an earlier one.
create table sign_off (
    id uuid primary key,
    revision_id uuid not null,
    slot text not null,
    person_id uuid not null,
    side text not null check (side = 'judges'),
    decision text not null check (decision in ('approve', 'reject')),
    reason text not null,
    at bigint not null,
    foreign key (revision_id, slot) references launch_slot (revision_id, slot),
    foreign key (revision_id, person_id, side)
        references launch_people (revision_id, person_id, side),
    unique (id, revision_id, slot, person_id)
);
create index sign_off_by_revision on sign_off (revision_id);

-- Who holds a slot now: one person for one slot, one slot for one person.
create table slot_holder (
    revision_id uuid not null,
    slot text not null,
    sign_off_id uuid not null,
    person_id uuid not null,
    primary key (revision_id, slot),
    unique (revision_id, person_id),
    foreign key (sign_off_id, revision_id, slot, person_id)
        references sign_off (id, revision_id, slot, person_id)
);

create table waiver (
    id uuid primary key,
    version_id uuid not null references model_version (id),
    policy_id uuid not null references policy (id),
    rule text not null,
    slice text not null,
    metric text not null,
    -- The bound that it lifts, as the rule had it; another bound is not waived.
    bound text not null,
    reason text not null,
    control text not null,
    owner_id uuid not null references person (id),
    asked_by uuid not null references person (id),
    asked_at bigint not null,
    approved_by uuid references person (id),
    approved_at bigint,
    refused_by uuid references person (id),
    refused_at bigint,
    decision_reason text not null,
    expires_at bigint not null,
    revoked_at bigint,
    revoked_by uuid references person (id),
    check (approved_by is null or approved_by <> asked_by),
    check (expires_at > asked_at)
);
create index waiver_by_version on waiver (version_id, expires_at);

create table launch_waiver (
    revision_id uuid not null references launch_revision (id),
    waiver_id uuid not null references waiver (id),
    primary key (revision_id, waiver_id)
);

create table launch_comment (
    id uuid primary key,
    launch_id uuid not null references launch (id),
    person_id uuid not null references person (id),
    revision bigint not null,
    at bigint not null,
    text text not null
);
create index launch_comment_by_launch on launch_comment (launch_id, at);
