//! The pages, named for their URL.

pub(crate) mod canary;
pub(crate) mod compare;
pub(crate) mod map;
pub(crate) mod not_found;
pub(crate) mod proxies;
pub(crate) mod proxy;
pub(crate) mod service;
pub(crate) mod services;
pub(crate) mod sources;
pub(crate) mod trace;
pub(crate) mod traces;
