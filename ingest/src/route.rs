//! Routes: a template is kept, ids that slipped into it are folded; of a path every part is folded that looks like one thing
//! among many.

use std::borrow::Cow;

/// What stands for an id.
const ID: &str = "{id}";
/// Segments of a path that a route has at most; deeper paths are cut.
const MAX_SEGMENTS: usize = 12;
/// What stands for the rest of a path that is cut.
const REST: &str = "{rest}";

/// A stated template, with its query cut off and every segment that is an id replaced by `{id}`.
pub(crate) fn template(route: &str) -> Cow<'_, str> {
    folded(without_query(route), is_id)
}

/// The route of a path or URL for which nobody states a template: numbers, UUIDs, hashes and other words that hold what only
/// a machine would write are folded.
pub(crate) fn of_path(path_or_url: &str) -> Cow<'_, str> {
    let path = match path_or_url.split_once("://") {
        Some((_, rest)) => rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]),
        None => path_or_url,
    };
    let path = without_query(path);
    let path = if path.is_empty() && !path_or_url.is_empty() { "/" } else { path };
    match path.match_indices('/').nth(MAX_SEGMENTS) {
        None => folded(path, is_one_of_many),
        Some((at, _)) => Cow::Owned(format!("{}/{REST}", folded(&path[..at], is_one_of_many))),
    }
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

fn folded(path: &str, is_folded: fn(&str) -> bool) -> Cow<'_, str> {
    if !path.split('/').any(is_folded) {
        return Cow::Borrowed(path);
    }
    let segments: Vec<&str> =
        path.split('/').map(|segment| if is_folded(segment) { ID } else { segment }).collect();
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

/// Whether a segment of a path names one thing among many: an id, a word with three digits or more, such as `ORD-2024-0012`
/// or `ab12c3.png`, an address of e-mail, what is escaped, and what is longer than words are.
fn is_one_of_many(segment: &str) -> bool {
    const MAX_WORD_BYTES: usize = 48;
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    digits >= 3
        || digits > 0 && digits == segment.len()
        || segment.len() > MAX_WORD_BYTES
        || segment.bytes().any(|byte| matches!(byte, b'%' | b'@' | b'=' | b',' | b';' | b':' | b'+'))
        || is_id(segment)
        || is_mixed(segment)
}

/// Whether letters and digits alternate, as in a short hash, or letters in both cases do, as in a token. Versions of an API,
/// such as `v2` and `v1beta1`, are words.
fn is_mixed(segment: &str) -> bool {
    let is_version =
        segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    if is_version && segment.len() <= 8 {
        return false;
    }
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b'a'..=b'z' => 3,
        _ => 0,
    };
    let bytes = segment.as_bytes();
    let has_digit = bytes.iter().any(u8::is_ascii_digit);
    let changes = bytes.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
    has_digit && segment.len() >= 6 && changes >= 3
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{of_path, template};

    #[test]
    fn templates_stay_as_they_are() {
        for route in ["", "/", "/orders/{id}", "/v2/orders/:id", "/add/feed", "GET /x", "/a-b/c", "/mp3/{id}"]
        {
            assert_eq!(template(route), route);
        }
    }

    #[test]
    fn ids_are_folded() {
        assert_eq!(template("/orders/12345/items?page=2"), "/orders/{id}/items");
        assert_eq!(template("/u/7c9e6679-7425-40de-944b-e07fc1f90ae7"), "/u/{id}");
        assert_eq!(template("/blob/0123456789abcdef0123"), "/blob/{id}");
    }

    #[test]
    fn paths_keep_their_words_and_lose_what_stands_in_them_for_one_of_many() {
        for (path, expected) in [
            ("http://orders:8080/orders/17?secret=1", "/orders/{id}"),
            ("https://bank.example", "/"),
            ("https://bank.example?x=1", "/"),
            ("/api/v1/search#top", "/api/v1/search"),
            ("/apis/apps/v1beta1/deployments", "/apis/apps/v1beta1/deployments"),
            ("/orders/ORD-2024-0012/items", "/orders/{id}/items"),
            ("/img/ab12c3.png", "/img/{id}"),
            ("/users/ada%40example.org", "/users/{id}"),
            ("/users/ada@example.org/settings", "/users/{id}/settings"),
            ("/t/a1B2c3D4", "/t/{id}"),
            ("/files/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/files/{id}"),
            ("/products/red-shoes", "/products/red-shoes"),
            ("/oauth2/token", "/oauth2/token"),
            ("/shop.Orders/Place", "/shop.Orders/Place"),
            ("*", "*"),
            ("", ""),
        ] {
            assert_eq!(of_path(path), expected);
        }
        let deep = "/a".repeat(40);
        assert_eq!(of_path(&deep), format!("{}/{{rest}}", "/a".repeat(12)));
    }

    #[test]
    fn ten_thousand_paths_are_a_handful_of_routes() {
        let paths = (0..10_000_u64).map(|number| {
            let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            match number % 5 {
                0 => format!("/orders/{number}"),
                1 => format!("/orders/{hash:016x}/items?page={number}"),
                2 => format!("/users/7c9e6679-7425-40de-944b-{:012x}", hash >> 16),
                3 => format!("http://carts:80/carts/cart-{hash}/"),
                _ => format!("/blobs/sha256:{hash:x}"),
            }
        });
        let routes: HashSet<String> = paths.map(|path| of_path(&path).into_owned()).collect();
        assert_eq!(routes.len(), 5, "{routes:?}");
    }
}
