//! Failed log-ins and the delay they cause.
