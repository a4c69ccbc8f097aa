//! CPU and memory of services, k6 and the host, from `/proc`.
