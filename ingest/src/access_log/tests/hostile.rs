//! Whatever a line holds, there is a row, it is bounded, and nothing panics.

use proptest::prelude::*;

use super::{DEFAULT, JSON, parser};

/// Recorded lines with some of their bytes changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let line = (any::<bool>(), any::<prop::sample::Index>()).prop_map(|(is_json, index)| {
        let lines: Vec<&str> = if is_json { JSON } else { DEFAULT }.lines().collect();
        lines[index.index(lines.len())].as_bytes().to_vec()
    });
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 0..6);
    (line, changes).prop_map(|(mut line, changes)| {
        for (index, byte, is_insert) in changes {
            let at = index.index(line.len());
            if is_insert { line.insert(at, byte) } else { line[at] = byte }
        }
        line
    })
}

proptest! {
    #[test]
    fn damaged_lines_give_a_row_each(line in damaged()) {
        for format in ["auto", "envoy", "json", "istio", "service_connect"] {
            let row = parser(format).parse(&line, 0).unwrap();
            prop_assert!(row.raw.is_empty() || String::from_utf8_lossy(&line).starts_with(&row.raw));
        }
    }

    #[test]
    fn any_bytes_at_all_are_survived(line in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parser("auto").parse(&line, 0);
    }
}

#[test]
fn enormous_lines_give_small_rows() {
    let million = "x".repeat(1 << 20);
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let many: Vec<String> = (0..50_000).map(|key| format!("\"k{key}\":{key}")).collect();
    let lines = [
        million.clone(),
        format!(r#"{{"response_code":200,"user_agent":"{million}","other":"{million}"}}"#),
        format!(r#"{{"response_code":200,"deep":{nested}}}"#),
        format!(r#"{{"response_code":200,{}}}"#, many.join(",")),
        format!(
            r#"[2026-11-23T08:36:53.287Z] "GET /{million} HTTP/1.1" 503 UF 0 98 0 - "-" "{million}" "i" "h" "u:80""#
        ),
    ];
    let parser = parser("auto");
    for line in lines {
        let row = parser.parse(line.as_bytes(), 0).unwrap();
        let bytes = serde_json::to_vec(&row).unwrap().len();
        assert!(bytes < 64 << 10, "{bytes} bytes from {}", &line[..60]);
    }
}
