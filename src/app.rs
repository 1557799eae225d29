//! Every long-lived component, built once from the configuration.
