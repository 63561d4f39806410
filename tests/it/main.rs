//! End-to-end tests: real agents, real servers, real sockets, and the house rules.

mod tidy;
