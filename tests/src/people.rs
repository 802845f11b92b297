//! People of every role, signed in.

/// The password of everybody in a test.
pub const PASSWORD: &str = "correct horse battery staple";
