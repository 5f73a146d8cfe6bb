//! Each step of the machines, held against what their originals do.
