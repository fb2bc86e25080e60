//! The dashboard's files, embedded in the binary.

#[cfg(feature = "ui")]
use axum::http::HeaderMap;
use axum::http::Uri;
use axum::response::Response;

#[cfg(feature = "ui")]
mod embedded {
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
    use axum::response::{IntoResponse as _, Response};
    use rust_embed::{EmbeddedFile, RustEmbed};

    use crate::error::ApiError;

    #[derive(RustEmbed)]
    #[folder = "../frontend/dist"]
    struct Dashboard;

    /// The file of this path; the page itself for every other address that a browser opens, so that links into it work.
    pub(super) fn file(path: &str, headers: &HeaderMap) -> Response {
        let path = path.trim_start_matches('/');
        let has = |name, value: &str| {
            headers.get_all(name).iter().any(|header| header.to_str().is_ok_and(|text| text.contains(value)))
        };
        if path.starts_with("api/") {
            return ApiError::not_found(format!("the API has no address /{path}")).into_response();
        }
        let opened = has(header::ACCEPT, "text/html") || !path.contains('.');
        let path = if Dashboard::get(path).is_none() && opened { "index.html" } else { path };
        let packed = Dashboard::get(&format!("{path}.br")).filter(|_| has(header::ACCEPT_ENCODING, "br"));
        match (packed, Dashboard::get(path)) {
            (Some(file), Some(_)) => answer(path, file, headers, true),
            (None, Some(file)) => answer(path, file, headers, false),
            (_, None) => ApiError::not_found(format!("there is no file /{path}")).into_response(),
        }
    }

    fn answer(path: &str, file: EmbeddedFile, headers: &HeaderMap, packed: bool) -> Response {
        let tag = format!("\"{:032x}\"", u128::from_be_bytes(first_half(file.metadata.sha256_hash())));
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        let about = [
            (header::CONTENT_TYPE, content_type(path).to_owned()),
            // Asked for again each time and answered by its tag, so that a new version is seen at once.
            (header::CACHE_CONTROL, "no-cache".to_owned()),
            (header::ETAG, tag),
            (header::VARY, "accept, accept-encoding".to_owned()),
        ];
        let mut response = (StatusCode::OK, about, file.data.into_owned()).into_response();
        if packed {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        response
    }

    fn content_type(path: &str) -> &'static str {
        match path.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("wasm") => "application/wasm",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("json") => "application/json",
            Some("woff2") => "font/woff2",
            _ => "application/octet-stream",
        }
    }

    fn first_half(hash: [u8; 32]) -> [u8; 16] {
        std::array::from_fn(|byte| hash[byte])
    }
}

/// Serves the dashboard.
#[cfg(feature = "ui")]
pub async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    embedded::file(uri.path(), &headers)
}

/// Says that this build has no dashboard.
#[cfg(not(feature = "ui"))]
pub async fn serve(uri: Uri) -> Response {
    use axum::response::IntoResponse as _;
    crate::error::ApiError::not_found(format!("this build has no dashboard and no address {}", uri.path()))
        .into_response()
}
