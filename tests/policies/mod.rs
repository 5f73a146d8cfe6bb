//! Policies at work in a world: their order, and what each does to calls.

mod order;
