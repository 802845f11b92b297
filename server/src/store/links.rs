//! One-time links with which a person sets a password.
