//! Envoy scraper.
