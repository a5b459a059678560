//! Sets up logs, traces and metrics in one place.
