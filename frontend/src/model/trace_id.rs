//! The id of a trace in the forms in which people find it: W3C, X-Ray, and the headers of both.

/// Words that may stand before an id, as in `Root=1-5759e988-…` and `traceparent: 00-…`.
const LABELS: [&str; 7] =
    ["traceparent", "x-amzn-trace-id", "root", "trace", "trace_id", "traceid", "trace-id"];

/// The id as 32 lower-case hexadecimal digits, where a text is one and nothing else.
pub(crate) fn trace_id(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'']);
    // The header of X-Ray holds more than the id: `Root=1-…;Parent=…;Sampled=1`.
    text.split(';').find_map(labelled)
}

fn labelled(part: &str) -> Option<String> {
    let mut part = part.trim();
    // Two labels may follow each other: `X-Amzn-Trace-Id: Root=1-…`.
    for _ in 0..2 {
        if let Some((label, value)) = part.split_once([':', '=']) {
            let label = label.trim().to_ascii_lowercase();
            if !LABELS.contains(&label.as_str()) {
                return None;
            }
            part = value.trim().trim_matches('"');
        }
    }
    bare(part)
}

fn bare(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = match parts[..] {
        [id] => id.to_owned(),
        // X-Ray parts the seconds of the start from the rest.
        ["1", seconds, rest] if seconds.len() == 8 && rest.len() == 24 => format!("{seconds}{rest}"),
        // W3C's version, id, parent and flags; a later version may add more.
        [version, id, parent, flags, ..] if version.len() == 2 && parent.len() == 16 && flags.len() == 2 => {
            id.to_owned()
        }
        _ => return None,
    };
    let is_id = digits.len() == 32
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        && digits.bytes().any(|digit| digit != b'0');
    is_id.then(|| digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const XRAY: &str = "5759e988bd862e3fe1be46a994272793";

    #[test]
    fn every_form_of_an_id_is_taken() {
        for text in [
            "5759e988bd862e3fe1be46a994272793",
            "  5759E988BD862E3FE1BE46A994272793\n",
            "\"5759e988bd862e3fe1be46a994272793\"",
            "1-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "Self=1-00000000-000000000000000000000001;Root=1-5759e988-bd862e3fe1be46a994272793",
            "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
            "traceparent: 00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00",
            "trace=5759e988bd862e3fe1be46a994272793",
            "trace_id=\"5759e988bd862e3fe1be46a994272793\"",
        ] {
            assert_eq!(trace_id(text).as_deref(), Some(XRAY), "{text}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "orders",
            "5759e988bd862e3fe1be46a99427279",
            "00000000000000000000000000000000",
            "00-00000000000000000000000000000000-53995c3f42cd8ad8-01",
            "5759e988bd862e3fe1be46a99427279z",
            "instance=5759e988bd862e3fe1be46a994272793",
            "trace=5759e988bd862e3fe1be46a994272793 error",
            "error trace=5759e988bd862e3fe1be46a994272793",
            "1-5759e988-bd862e3fe1be46a9942727931",
            "trace:=",
            "ünïcode–id",
        ] {
            assert_eq!(trace_id(text), None, "{text}");
        }
    }
}
