//! The demo services: product-service, user-service and checkout-service on loopback.
