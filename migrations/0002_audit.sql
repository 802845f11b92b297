-- One row per change of state, in the same transaction as the change. The leaf is what the hash
-- covers; the columns beside it repeat parts of it for filters and are checked against it.
create table audit_entry (
    position bigint primary key,
    at bigint not null,
    actor_id uuid,
    action text not null,
    object_kind text not null,
    object_id text not null,
    leaf text not null,
    leaf_hash text not null
);
create index audit_entry_by_object on audit_entry (object_kind, object_id);
create index audit_entry_by_actor on audit_entry (actor_id);

-- Names and free text of an entry. May be erased with its salt; the leaf's commitment stays.
create table audit_detail (
    position bigint primary key references audit_entry (position),
    salt text not null,
    detail text not null
);

-- The Merkle tree's right edge: one row, which every writing transaction locks last.
create table audit_head (
    id bigint primary key check (id = 1),
    size bigint not null,
    edge text not null,
    last_hash text not null
);
insert into audit_head (id, size, edge, last_hash) values (1, 0, '', '');

create table audit_checkpoint (
    id uuid primary key,
    size bigint not null,
    root text not null,
    at bigint not null,
    note text not null
);
create index audit_checkpoint_by_size on audit_checkpoint (size);
