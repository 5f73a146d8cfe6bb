//! Diagnoses of runs whose cause is known.
