//! Routes: a template is kept, ids that slipped into it are folded.

use std::borrow::Cow;

/// The route with its query cut off and every segment that is an id replaced by `{id}`.
pub(crate) fn template(route: &str) -> Cow<'_, str> {
    let path = route.split(['?', '#']).next().unwrap_or_default();
    if !path.split('/').any(is_id) {
        return Cow::Borrowed(path);
    }
    let segments: Vec<&str> =
        path.split('/').map(|segment| if is_id(segment) { "{id}" } else { segment }).collect();
    Cow::Owned(segments.join("/"))
}

/// A number, a UUID, or at least 16 hexadecimal digits.
fn is_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = segment.bytes().filter(|&byte| byte == b'-').count();
    if digits == 0 || digits + dashes != segment.len() {
        return false;
    }
    segment.bytes().all(|byte| byte.is_ascii_digit())
        || digits == 32 && dashes == 4
        || digits >= 16 && dashes == 0
}

#[cfg(test)]
mod tests {
    use super::template;

    #[test]
    fn templates_stay_as_they_are() {
        for route in ["", "/", "/orders/{id}", "/v2/orders/:id", "/add/feed", "GET /x", "/a-b/c"] {
            assert_eq!(template(route), route);
        }
    }

    #[test]
    fn ids_are_folded() {
        assert_eq!(template("/orders/12345/items?page=2"), "/orders/{id}/items");
        assert_eq!(template("/u/7c9e6679-7425-40de-944b-e07fc1f90ae7"), "/u/{id}");
        assert_eq!(template("/blob/0123456789abcdef0123"), "/blob/{id}");
    }
}
