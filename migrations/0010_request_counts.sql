-- How many requests of a minute the servers have taken for a token; swept when the minute is over.
create table request_count (
    token_id uuid primary key,
    -- Minutes since 1970.
    minute bigint not null,
    taken bigint not null
);
