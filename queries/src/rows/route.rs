//! Routes: how they are named, and how many a service may have.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use super::span::Protocol;

/// The route that stands for all that is over [`MAX_ROUTES`], and the service that stands for all series over the cap.
pub const OVERFLOW: &str = "__overflow__";
/// Routes that a service may have. What is over counts under [`OVERFLOW`].
pub const MAX_ROUTES: usize = 500;

/// The name of a route: method and template, for an RPC its full method alone. Nothing where no route is known.
pub fn route_name<'a>(protocol: Protocol, method: &'a str, template: &'a str) -> Option<Cow<'a, str>> {
    let named_by_method = matches!(protocol, Protocol::Grpc | Protocol::Rpc) && method.contains('/');
    if named_by_method && template != OVERFLOW {
        return Some(Cow::Borrowed(method));
    }
    if matches!(protocol, Protocol::Database | Protocol::Messaging) || template.is_empty() {
        return None;
    }
    let says_method = || template.strip_prefix(method).is_some_and(|rest| rest.starts_with(' '));
    if method.is_empty() || template == OVERFLOW || says_method() {
        return Some(Cow::Borrowed(template));
    }
    Some(Cow::Owned([method, template].join(" ")))
}

/// The routes that decoders have met, service by service. What is over the cap becomes [`OVERFLOW`] before it is stored, so
/// that a service without templates cannot fill the store with shapes.
#[derive(Debug, Default)]
pub struct KnownRoutes(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    of_service: HashMap<Box<str>, HashSet<Box<str>>>,
    count: usize,
}

impl KnownRoutes {
    /// Routes of all services together.
    const MAX_COUNT: usize = 200_000;

    /// Whether a service may have this route: it has it already, or there is room.
    pub fn admit(&self, service: &str, route: &str) -> bool {
        let has = |known: &Known| known.of_service.get(service).is_some_and(|routes| routes.contains(route));
        let may_have = |known: &Known| {
            let routes = known.of_service.get(service).map_or(0, HashSet::len);
            routes < MAX_ROUTES && known.count < Self::MAX_COUNT
        };
        {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if has(&known) || !may_have(&known) {
                return has(&known);
            }
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if has(&known) || !may_have(&known) {
            return has(&known);
        }
        known.count += 1;
        known.of_service.entry(service.into()).or_default().insert(route.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_named_by_method_and_template() {
        for (protocol, method, template, expected) in [
            (Protocol::Http, "GET", "/orders/{id}", Some("GET /orders/{id}")),
            (Protocol::Http, "GET", "GET /orders", Some("GET /orders")),
            (Protocol::Unknown, "", "/orders", Some("/orders")),
            (Protocol::Http, "GET", "", None),
            (Protocol::Http, "GET", OVERFLOW, Some(OVERFLOW)),
            (Protocol::Grpc, "shop.Orders/Place", "", Some("shop.Orders/Place")),
            (Protocol::Grpc, "POST", "/shop.Orders/Place", Some("POST /shop.Orders/Place")),
            (Protocol::Database, "GET", "/x", None),
        ] {
            assert_eq!(route_name(protocol, method, template).as_deref(), expected);
        }
    }

    #[test]
    fn a_service_has_as_many_routes_as_it_may() {
        let known = KnownRoutes::default();
        let admitted = (0..10_000).filter(|number| known.admit("a", &number.to_string())).count();
        assert_eq!(admitted, MAX_ROUTES);
        assert!(known.admit("a", "7") && !known.admit("a", "9999") && known.admit("b", "9999"));
    }
}
