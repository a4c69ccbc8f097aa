//! Probes the services.
