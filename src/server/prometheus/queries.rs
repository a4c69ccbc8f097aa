//! One PromQL expression a metric.
