//! How many bytes a browser fetches before it shows the dashboard.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING};

use crate::Failure;
use crate::process::Server;
use crate::report::{Budget, Figure, Report};

pub(crate) async fn measure(program: &Path, report: &mut Report) -> Result<(), Failure> {
    let server = Server::start(program, &[]).await?;
    report.set_duckdb_version(&server.duckdb_version().await?);
    let files = files(&server.api).await?;
    for (encoding, budget) in [("br", Some(Budget::of(600.0, 350.0))), ("gzip", None)] {
        let mut parts = Vec::new();
        let mut total = 0;
        for file in &files {
            let bytes = fetch(&server.api, file, encoding).await?.map_or(0, |content| content.len());
            total += bytes;
            parts.push(format!("{file} {:.1}", bytes as f64 / 1e3));
        }
        report.add(Figure {
            name: format!("page weight, {encoding}"),
            value: total as f64 / 1e3,
            unit: "kB",
            budget,
            how: format!("bodies as the server sends them, in kB: {}", parts.join(", ")),
        });
    }
    server.end().await?;
    Ok(())
}

/// What a file's name ends in, behind the dot.
fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, end)| end)
}

/// The page and every file that it and its scripts name.
async fn files(api: &str) -> Result<BTreeSet<String>, Failure> {
    let mut files = BTreeSet::new();
    let mut unread = vec!["/".to_owned()];
    while let Some(file) = unread.pop() {
        if files.contains(&file) {
            continue;
        }
        // A script also holds names of files that are not there.
        let Some(content) = fetch(api, &file, "identity").await? else { continue };
        files.insert(file.clone());
        if file != "/" && extension(&file) != Some("js") {
            continue;
        }
        let text = String::from_utf8_lossy(&content);
        for quoted in text.split(['"', '\'', '`']) {
            let name = quoted.trim_start_matches("./").trim_start_matches('/');
            let is_file = extension(name).is_some_and(|end| ["js", "css", "wasm", "svg"].contains(&end));
            let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
            if is_file && is_plain {
                unread.push(format!("/{name}"));
            }
        }
    }
    if !files.iter().any(|file| extension(file) == Some("wasm")) {
        return Err(format!("the page names no WebAssembly, only {files:?}").into());
    }
    Ok(files)
}

/// The body of a file as it is sent; none where there is no such file.
async fn fetch(api: &str, file: &str, encoding: &'static str) -> Result<Option<Vec<u8>>, Failure> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client.get(format!("{api}{file}")).header(ACCEPT_ENCODING, encoding);
    let answer = request.send().await?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let answer = answer.error_for_status()?;
    let compressed = answer.headers().get(CONTENT_ENCODING).is_some();
    let content = answer.bytes().await?;
    if encoding != "identity" && !compressed && content.len() > 1_000 {
        return Err(format!("{file} does not come compressed by {encoding}").into());
    }
    Ok(Some(content.to_vec()))
}
