-- Groups of an attribute that took the place of others: split, merged or drawn anew. What was measured
-- before and after is of other people.
create table regrouping (
    id uuid primary key,
    attribute_id uuid not null references attribute (id),
    -- JSON: the names of the groups until then, and of those from then on.
    before text not null,
    after text not null,
    reason text not null,
    -- Evaluations from this moment on use the new ones.
    since bigint not null,
    created_by uuid references person (id),
    created_at bigint not null
);
create index regrouping_by_attribute on regrouping (attribute_id, since);
