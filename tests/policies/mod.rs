//! Policies at work in a world: their order, and what each does to calls.

mod breakers;
mod budgets;
mod degraded;
mod ejections;
mod gates;
mod hedges;
mod order;
mod rates;
mod throttles;
