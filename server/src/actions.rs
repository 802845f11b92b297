//! One file per thing a person can do: load, ask the domain, write, audit.
