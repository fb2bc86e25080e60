//! One command operator of an Envoy format string, `%NAME(ARGUMENT):LENGTH%`, as Envoy 1.40 knows them.

/// A command operator, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operator<'a> {
    /// Such as `REQ`; short and long forms of one operator are both there.
    pub(super) name: &'a str,
    /// What stands between the brackets; empty where nothing does.
    pub(super) argument: &'a str,
}

/// Operators without an argument, and with an optional one.
const PLAIN: &str = "\
START_TIME START_TIME_LOCAL EMIT_TIME EMIT_TIME_LOCAL REQUEST_HEADERS_BYTES BYTES_RECEIVED BYTES_RETRANSMITTED \
PACKETS_RETRANSMITTED PROTOCOL UPSTREAM_PROTOCOL RESPONSE_CODE RESPONSE_CODE_DETAILS CONNECTION_TERMINATION_DETAILS \
RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES BYTES_SENT UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_WIRE_BYTES_SENT \
UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT \
UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT \
DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT \
DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DURATION REQUEST_DURATION \
REQUEST_TX_DURATION RESPONSE_DURATION ROUNDTRIP_DURATION RESPONSE_TX_DURATION DOWNSTREAM_HANDSHAKE_DURATION \
UPSTREAM_CONNECTION_POOL_READY_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG ROUTE_NAME VIRTUAL_CLUSTER_NAME \
UPSTREAM_HOST UPSTREAM_HOST_NAME UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_HOSTS_ATTEMPTED \
UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT \
UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_LOCAL_PORT \
UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_PORT \
UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_DETECTED_CLOSE_TYPE \
UPSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_LOCAL_CLOSE_REASON \
DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT \
DOWNSTREAM_REMOTE_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT \
DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS \
DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT \
DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID \
CONNECTION_ID UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED STREAM_ID GRPC_STATUS GRPC_STATUS_NUMBER \
REQUESTED_SERVER_NAME DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_LOCAL_DNS_SAN \
DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_LOCAL_EMAIL_SAN \
DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_LOCAL_SUBJECT \
DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_ISSUER DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP \
DOWNSTREAM_TLS_VERSION DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_SERIAL \
DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_SERIALS \
DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_CERT TLS_JA3_FINGERPRINT \
TLS_JA4_FINGERPRINT DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_CERT_V_END UPSTREAM_PEER_SUBJECT \
UPSTREAM_PEER_ISSUER UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_VERSION \
UPSTREAM_SERVER_NAME UPSTREAM_PEER_CERT UPSTREAM_PEER_CERT_V_START UPSTREAM_PEER_CERT_V_END UPSTREAM_PEER_URI_SAN \
UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_LOCAL_URI_SAN UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN \
HOSTNAME LOCAL_REPLY_BODY FILTER_CHAIN_NAME ACCESS_LOG_TYPE UNIQUE_ID TRACE_ID SPAN_ID QUERY_PARAMS PATH CUSTOM_FLAGS \
DOWNSTREAM_CX_RTT LISTENER_NAME ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US";

/// Operators that say nothing without their argument.
const WITH_ARGUMENT: &str = "\
REQ REQUEST_HEADER RESP RESPONSE_HEADER TRAILER RESPONSE_TRAILER REQ_WITHOUT_QUERY COMMON_DURATION DYNAMIC_METADATA \
CLUSTER_METADATA UPSTREAM_METADATA METADATA FILTER_STATE UPSTREAM_FILTER_STATE ENVIRONMENT QUERY_PARAM COALESCE CEL \
TYPED_CEL FILE_CONTENT SECRET STREAM_INFO_REQ";

impl<'a> Operator<'a> {
    /// Takes the operator off the start of `text`, which begins behind its opening `%`; gives it and what follows its
    /// closing `%`. The error is the offset in `text` and what is wrong there.
    pub(super) fn split_off(text: &'a str) -> Result<(Self, &'a str), (usize, String)> {
        let is_name =
            |character: char| character.is_ascii_uppercase() || matches!(character, '0'..='9' | '_');
        let name_end = text.find(|character| !is_name(character)).unwrap_or(text.len());
        let (name, rest) = text.split_at(name_end);
        if name.is_empty() {
            return Err((
                0,
                "an operator's name in capital letters must follow `%`; write `%%` for a percent sign".into(),
            ));
        }
        let needs_argument = is_in(WITH_ARGUMENT, name);
        if !needs_argument && !is_in(PLAIN, name) {
            return Err((0, format!("`{name}` is no command operator of Envoy")));
        }
        let (argument, rest) = match rest.strip_prefix('(') {
            Some(inner) => argument(inner).ok_or_else(|| {
                (name_end, format!("the brackets of `{name}` are not closed by `)%` or `):LENGTH%`"))
            })?,
            None => ("", rest),
        };
        let at = text.len() - rest.len();
        let Some(rest) = without_length(rest) else {
            return Err((at, format!("`{name}` must end in `%`, or in `:LENGTH%`")));
        };
        if needs_argument && argument.is_empty() {
            return Err((name_end, format!("`{name}` needs an argument in brackets")));
        }
        Ok((Self { name, argument }, rest))
    }
}

fn is_in(list: &str, name: &str) -> bool {
    list.split(' ').any(|known| known == name)
}

/// What stands before the first closing bracket that ends an operator, for an expression may have brackets of its own.
fn argument(inner: &str) -> Option<(&str, &str)> {
    inner.match_indices(')').find_map(|(at, _)| {
        let rest = &inner[at + 1..];
        without_length(rest).map(|_| (&inner[..at], rest))
    })
}

/// What follows `%` or `:LENGTH%`.
fn without_length(rest: &str) -> Option<&str> {
    let rest = match rest.strip_prefix(':') {
        Some(length) => {
            let behind = length.trim_start_matches(|character: char| character.is_ascii_digit());
            Some(behind).filter(|behind| behind.len() < length.len())?
        }
        None => rest,
    };
    rest.strip_prefix('%')
}

#[cfg(test)]
mod tests {
    use super::{Operator, PLAIN, WITH_ARGUMENT};
    use crate::access_log::format::Format;

    #[test]
    fn operators_are_taken_apart() {
        let cases = [
            ("START_TIME% x", "START_TIME", "", " x"),
            ("START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%]", "START_TIME", "%Y/%m/%dT%H:%M:%S%z %s", "]"),
            ("REQ(X-A?:PATH):12%", "REQ", "X-A?:PATH", ""),
            ("GRPC_STATUS()%%", "GRPC_STATUS", "", "%"),
            (
                "CEL(request.path.contains('a)') || (true))%.",
                "CEL",
                "request.path.contains('a)') || (true)",
                ".",
            ),
            ("DURATION:3%", "DURATION", "", ""),
        ];
        for (text, name, argument, rest) in cases {
            assert_eq!(Operator::split_off(text), Ok((Operator { name, argument }, rest)), "{text}");
        }
    }

    #[test]
    fn every_operator_of_envoy_compiles_into_a_format() {
        for name in PLAIN.split(' ') {
            for text in [format!("%{name}%"), format!("%{name}():7%")] {
                assert!(Format::compile(&text).is_ok(), "{text}");
            }
        }
        for name in WITH_ARGUMENT.split(' ') {
            let argument = if name == "COMMON_DURATION" { "DS_RX_BEG:mine:us" } else { "a:b?c" };
            assert!(Format::compile(&format!("%{name}({argument}):7%")).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_no_operator_is_refused_with_its_place() {
        let cases = [
            ("", 0, "must follow"),
            ("duration%", 0, "must follow"),
            ("DURATIONS%", 0, "no command operator"),
            ("REQ(X", 3, "not closed"),
            ("REQ(X)", 3, "not closed"),
            ("REQ(X):%", 3, "not closed"),
            ("REQ%", 3, "needs an argument"),
            ("REQ()%", 3, "needs an argument"),
            ("DURATION ", 8, "must end in"),
        ];
        for (text, at, words) in cases {
            let (offset, error) = Operator::split_off(text).unwrap_err();
            assert!(offset == at && error.contains(words), "{text}: {offset} {error}");
        }
    }
}
