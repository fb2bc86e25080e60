//! Access logs that are followed, from the file to what a user sees of them.

use std::io::Write as _;

use sidecarta_tests::harness::{ServerOptions, eventually_ok};

#[tokio::test]
async fn lines_that_fit_no_format_are_kept_counted_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (file, log) = (dir.path().join("sidecarta.toml"), dir.path().join("access.log"));
    let config = format!(
        "[[access_log]]\nname = 'web'\npath = '{}'\nservice = 'web'\ninterval_ms = 50\n",
        log.display()
    );
    std::fs::write(&file, config).unwrap();
    let good = r#"[2026-11-23T08:36:53.287Z] "GET /a HTTP/1.1" 200 - 0 98 0 - "-" "lab/1" "id" "web" "127.0.0.1:18099""#;
    let mut lines = std::fs::File::create(&log).unwrap();
    writeln!(lines, "{good}\nstarting up \u{1b}[31m<b>\n{good}\n{}", "x".repeat(5_000)).unwrap();
    let server = ServerOptions::default().config(&file).start().await;
    // What came first is still told when more has come that is fine.
    let source = |wanted: u64| {
        let server = &server;
        async move {
            eventually_ok("the source tells of its lines", async || {
                let sources = server.sources().await;
                let found = sources.into_iter().find(|source| source.kind == "access_log");
                found.filter(|source| source.accepted == wanted).ok_or_else(|| "not yet".to_owned())
            })
            .await
        }
    };
    let first = source(2).await;
    let detail = first.detail.unwrap_or_default();
    assert!(
        detail.contains("2 of 4 lines fit no format and are kept raw") && detail.contains("xxx…"),
        "{detail}"
    );
    assert!(detail.len() < 400, "{detail}");
    assert_eq!(first.rejected, 2);
    writeln!(lines, "{good}").unwrap();
    let detail = source(3).await.detail.unwrap_or_default();
    assert!(detail.contains("2 of 5 lines"), "{detail}");
    eventually_ok("all lines are stored", async || {
        let stored = server.status().await.access_logs;
        if stored == 5 { Ok(()) } else { Err(format!("{stored} rows")) }
    })
    .await;
}
