//! The dashboard's files, embedded in the binary.

use axum::http::Uri;
use axum::response::Response;

#[cfg(feature = "ui")]
mod embedded {
    use axum::http::{StatusCode, header};
    use axum::response::{IntoResponse as _, Response};
    use rust_embed::{EmbeddedFile, RustEmbed};

    use crate::error::ApiError;

    #[derive(RustEmbed)]
    #[folder = "../frontend/dist"]
    struct Dashboard;

    /// The file of this path; the page itself for every address without a file, so that links into it work.
    pub(super) fn file(path: &str) -> Response {
        let path = path.trim_start_matches('/');
        let is_page = !path.rsplit('/').next().unwrap_or_default().contains('.');
        match Dashboard::get(path).or_else(|| Dashboard::get("index.html").filter(|_| is_page)) {
            Some(file) => answer(if is_page { "index.html" } else { path }, file),
            None => ApiError::not_found(format!("there is no file /{path}")).into_response(),
        }
    }

    fn answer(path: &str, file: EmbeddedFile) -> Response {
        let content_type = match path.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("wasm") => "application/wasm",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("json") => "application/json",
            Some("woff2") => "font/woff2",
            _ => "application/octet-stream",
        };
        let tag: String =
            file.metadata.sha256_hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let headers = [
            (header::CONTENT_TYPE, content_type.to_owned()),
            // Asked for again each time and answered by its tag, so that a new version is seen at once.
            (header::CACHE_CONTROL, "no-cache".to_owned()),
            (header::ETAG, format!("\"{tag}\"")),
        ];
        (StatusCode::OK, headers, file.data.into_owned()).into_response()
    }
}

/// Serves the dashboard.
#[cfg(feature = "ui")]
pub async fn serve(uri: Uri) -> Response {
    embedded::file(uri.path())
}

/// Says that this build has no dashboard.
#[cfg(not(feature = "ui"))]
pub async fn serve(uri: Uri) -> Response {
    use axum::response::IntoResponse as _;
    crate::error::ApiError::not_found(format!("this build has no dashboard and no address {}", uri.path()))
        .into_response()
}
