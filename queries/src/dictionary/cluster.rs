//! What is counted on the way to an upstream cluster, and of routes, virtual clusters and endpoints.

use super::Kind::{Counter, Gauge};
use super::Scope::{Cluster, Endpoint, Listener, Route};
use super::Topic::{
    Breakers, Canary, Connections, Hosts, Outliers, Requests, Resets, Retries, Timeouts, Tls,
};
use super::{Scope, Stat, stat};

const UPSTREAM: &[Scope] = &[Cluster, Route];
const CLUSTER: &[Scope] = &[Cluster];
const ENDPOINT: &[Scope] = &[Endpoint];
const BOTH_ENDS: &[Scope] = &[Cluster, Listener];

#[rustfmt::skip]
pub(super) const STATS: &[Stat] = &[
    stat(1, UPSTREAM, "upstream_rq_completed", Counter, Requests, "Final answers, each request once whatever its retries; local answers of the proxy are among them"),
    stat(2, UPSTREAM, "upstream_rq_1xx", Counter, Requests, "Final answers of class 1xx"),
    stat(3, UPSTREAM, "upstream_rq_2xx", Counter, Requests, "Final answers of class 2xx"),
    stat(4, UPSTREAM, "upstream_rq_3xx", Counter, Requests, "Final answers of class 3xx"),
    stat(5, UPSTREAM, "upstream_rq_4xx", Counter, Requests, "Final answers of class 4xx"),
    stat(6, UPSTREAM, "upstream_rq_5xx", Counter, Requests, "Final answers of class 5xx: the errors; failures that a retry hid are not among them"),
    stat(13, CLUSTER, "upstream_rq_active", Gauge, Requests, "Requests in flight"),
    stat(14, CLUSTER, "upstream_rq_cancelled", Counter, Requests, "Requests given up before a connection was had"),
    stat(15, CLUSTER, "upstream_rq_maintenance_mode", Counter, Requests, "Requests answered 503 because the cluster is in maintenance mode"),

    stat(7, UPSTREAM, "upstream_rq_total", Counter, Retries, "Tries sent, retries among them; none for a failed connection or an open breaker"),
    stat(8, UPSTREAM, "upstream_rq_retry", Counter, Retries, "Retries sent"),
    stat(20, UPSTREAM, "upstream_rq_retry_success", Counter, Retries, "Requests that a retry saved"),
    stat(21, UPSTREAM, "upstream_rq_retry_limit_exceeded", Counter, Retries, "Requests that failed after the last retry that was allowed"),
    stat(22, UPSTREAM, "upstream_rq_retry_overflow", Counter, Retries, "Retries not sent because the retry budget or breaker was used up"),
    stat(23, CLUSTER, "upstream_rq_retry_backoff_exponential", Counter, Retries, "Retries that waited by exponential back-off"),
    stat(24, CLUSTER, "upstream_rq_retry_backoff_ratelimited", Counter, Retries, "Retries that waited as the upstream asked for"),
    stat(25, CLUSTER, "retry_or_shadow_abandoned", Counter, Retries, "Retries or copies given up because the request was too large to be kept"),
    stat(26, CLUSTER, "retry.upstream_rq_completed", Counter, Retries, "Answers that were not passed on but retried: failures that callers do not see"),
    stat(27, CLUSTER, "retry.upstream_rq_4xx", Counter, Retries, "Answers of class 4xx that were retried"),
    stat(28, CLUSTER, "retry.upstream_rq_5xx", Counter, Retries, "Answers of class 5xx that were retried"),

    stat(9, UPSTREAM, "upstream_rq_timeout", Counter, Timeouts, "Requests that ran into the route's time limit and were answered 504; they are in no latency histogram of the cluster"),
    stat(30, CLUSTER, "upstream_rq_per_try_timeout", Counter, Timeouts, "Tries that ran into their own time limit"),
    stat(31, CLUSTER, "upstream_rq_per_try_idle_timeout", Counter, Timeouts, "Tries on which nothing came for too long"),
    stat(32, CLUSTER, "upstream_rq_max_duration_reached", Counter, Timeouts, "Requests that were cut off at the longest duration allowed"),

    stat(40, CLUSTER, "upstream_rq_rx_reset", Counter, Resets, "Streams that the upstream reset; with HTTP/1 it closes the connection under the request instead"),
    stat(41, CLUSTER, "upstream_rq_rx_reset_no_error", Counter, Resets, "Requests that the upstream reset without an error"),
    stat(42, CLUSTER, "upstream_rq_tx_reset", Counter, Resets, "Streams that this proxy reset, by a time limit or because the caller went away; with HTTP/1 it closes the connection under the request instead"),
    stat(43, CLUSTER, "upstream_cx_destroy_remote_with_active_rq", Counter, Resets, "Connections that the upstream closed under a request"),
    stat(44, CLUSTER, "upstream_cx_destroy_local_with_active_rq", Counter, Resets, "Connections that this proxy closed under a request"),
    stat(45, CLUSTER, "upstream_cx_protocol_error", Counter, Resets, "Connections ended by a protocol error"),

    stat(50, CLUSTER, "upstream_rq_pending_overflow", Counter, Breakers, "Requests answered 503 because too many were waiting for a connection"),
    stat(51, CLUSTER, "upstream_rq_active_overflow", Counter, Breakers, "Requests answered 503 because too many were in flight"),
    stat(52, CLUSTER, "upstream_cx_overflow", Counter, Breakers, "Times that no further connection was allowed; not a rejected request"),
    stat(53, CLUSTER, "upstream_cx_pool_overflow", Counter, Breakers, "Times that no further connection pool was allowed"),
    stat(54, CLUSTER, "circuit_breakers.default.cx_open", Gauge, Breakers, "1 while the breaker on connections is open"),
    stat(55, CLUSTER, "circuit_breakers.default.cx_pool_open", Gauge, Breakers, "1 while the breaker on connection pools is open"),
    stat(56, CLUSTER, "circuit_breakers.default.rq_open", Gauge, Breakers, "1 while the breaker on requests in flight is open"),
    stat(57, CLUSTER, "circuit_breakers.default.rq_pending_open", Gauge, Breakers, "1 while the breaker on waiting requests is open"),
    stat(58, CLUSTER, "circuit_breakers.default.rq_retry_open", Gauge, Breakers, "1 while the breaker on retries is open"),
    stat(59, CLUSTER, "circuit_breakers.high.cx_open", Gauge, Breakers, "1 while the high priority's breaker on connections is open"),
    stat(60, CLUSTER, "circuit_breakers.high.cx_pool_open", Gauge, Breakers, "1 while the high priority's breaker on connection pools is open"),
    stat(61, CLUSTER, "circuit_breakers.high.rq_open", Gauge, Breakers, "1 while the high priority's breaker on requests in flight is open"),
    stat(62, CLUSTER, "circuit_breakers.high.rq_pending_open", Gauge, Breakers, "1 while the high priority's breaker on waiting requests is open"),
    stat(63, CLUSTER, "circuit_breakers.high.rq_retry_open", Gauge, Breakers, "1 while the high priority's breaker on retries is open"),
    stat(64, CLUSTER, "upstream_rq_pending_active", Gauge, Breakers, "Requests waiting for a connection"),

    stat(10, CLUSTER, "upstream_cx_connect_fail", Counter, Connections, "Connections that could not be made; failed TLS handshakes are among them"),
    stat(70, CLUSTER, "upstream_cx_connect_timeout", Counter, Connections, "Connections that could not be made in time"),
    stat(71, CLUSTER, "upstream_cx_connect_attempts_exceeded", Counter, Connections, "Times that the allowed number of connection attempts was used up"),
    stat(72, CLUSTER, "upstream_cx_none_healthy", Counter, Connections, "Requests answered 503 because no host was healthy"),
    stat(73, CLUSTER, "upstream_rq_pending_failure_eject", Counter, Connections, "Waiting requests that failed with their connection"),
    stat(74, CLUSTER, "upstream_cx_total", Counter, Connections, "Connections begun, those that could not be made among them"),
    stat(75, CLUSTER, "upstream_cx_active", Gauge, Connections, "Connections open"),
    stat(76, CLUSTER, "upstream_cx_idle_timeout", Counter, Connections, "Connections closed because nothing came on them"),
    stat(77, CLUSTER, "upstream_cx_rx_bytes_total", Counter, Connections, "Bytes received from the cluster"),
    stat(78, CLUSTER, "upstream_cx_tx_bytes_total", Counter, Connections, "Bytes sent to the cluster"),

    stat(80, CLUSTER, "outlier_detection.ejections_active", Gauge, Outliers, "Hosts that are ejected"),
    stat(81, CLUSTER, "outlier_detection.ejections_enforced_total", Counter, Outliers, "Ejections of hosts"),
    stat(82, CLUSTER, "outlier_detection.ejections_overflow", Counter, Outliers, "Ejections not made because too many hosts were ejected already"),
    stat(83, CLUSTER, "outlier_detection.ejections_enforced_consecutive_5xx", Counter, Outliers, "Ejections because of 5xx answers in a row"),
    stat(84, CLUSTER, "outlier_detection.ejections_enforced_consecutive_gateway_failure", Counter, Outliers, "Ejections because of gateway failures (502, 503, 504) in a row"),
    stat(85, CLUSTER, "outlier_detection.ejections_enforced_consecutive_local_origin_failure", Counter, Outliers, "Ejections because of connection failures in a row"),
    stat(86, CLUSTER, "outlier_detection.ejections_enforced_success_rate", Counter, Outliers, "Ejections because of a success rate far below that of the other hosts"),
    stat(87, CLUSTER, "outlier_detection.ejections_enforced_failure_percentage", Counter, Outliers, "Ejections because of the share of failures"),
    stat(88, CLUSTER, "outlier_detection.ejections_detected_consecutive_5xx", Counter, Outliers, "Hosts found with 5xx answers in a row, ejected or not"),

    stat(90, CLUSTER, "membership_total", Gauge, Hosts, "Hosts of the cluster"),
    stat(91, CLUSTER, "membership_healthy", Gauge, Hosts, "Healthy hosts"),
    stat(92, CLUSTER, "membership_degraded", Gauge, Hosts, "Degraded hosts"),
    stat(93, CLUSTER, "membership_excluded", Gauge, Hosts, "Hosts left out while they warm up"),
    stat(94, CLUSTER, "membership_change", Counter, Hosts, "Changes of the hosts"),
    stat(95, CLUSTER, "lb_healthy_panic", Counter, Hosts, "Requests balanced over unhealthy hosts too, because too few were healthy (panic mode)"),
    stat(96, CLUSTER, "health_check.attempt", Counter, Hosts, "Health checks made"),
    stat(97, CLUSTER, "health_check.success", Counter, Hosts, "Health checks that were passed"),
    stat(98, CLUSTER, "health_check.failure", Counter, Hosts, "Health checks that failed"),
    stat(99, CLUSTER, "health_check.network_failure", Counter, Hosts, "Health checks that failed by the network"),
    stat(100, CLUSTER, "health_check.passive_failure", Counter, Hosts, "Health checks failed by a header of an answer"),
    stat(101, CLUSTER, "health_check.healthy", Gauge, Hosts, "Hosts that pass their health checks"),

    stat(11, BOTH_ENDS, "ssl.handshake", Counter, Tls, "TLS handshakes that succeeded"),
    stat(12, BOTH_ENDS, "ssl.certificate.expiration_unix_time_seconds", Gauge, Tls, "When the first of the certificates in use expires, seconds since 1970"),
    stat(110, BOTH_ENDS, "ssl.session_reused", Counter, Tls, "TLS sessions that were resumed"),
    stat(111, BOTH_ENDS, "ssl.no_certificate", Counter, Tls, "Handshakes in which the other side showed no certificate"),
    stat(112, BOTH_ENDS, "ssl.connection_error", Counter, Tls, "Connections that failed in TLS, failed verification apart"),
    stat(113, BOTH_ENDS, "ssl.fail_verify_no_cert", Counter, Tls, "Connections refused because the other side showed no certificate"),
    stat(114, BOTH_ENDS, "ssl.fail_verify_error", Counter, Tls, "Connections refused because the other side's certificate is not signed by a trusted authority, or has expired"),
    stat(115, BOTH_ENDS, "ssl.fail_verify_san", Counter, Tls, "Connections refused because the other side's certificate is for another name"),
    stat(116, BOTH_ENDS, "ssl.fail_verify_cert_hash", Counter, Tls, "Connections refused because the other side's certificate is not the pinned one"),
    stat(117, BOTH_ENDS, "ssl.versions.TLSv1", Counter, Tls, "Handshakes with TLS 1.0"),
    stat(118, BOTH_ENDS, "ssl.versions.TLSv1.1", Counter, Tls, "Handshakes with TLS 1.1"),
    stat(119, BOTH_ENDS, "ssl.versions.TLSv1.2", Counter, Tls, "Handshakes with TLS 1.2"),
    stat(120, BOTH_ENDS, "ssl.versions.TLSv1.3", Counter, Tls, "Handshakes with TLS 1.3"),

    stat(130, CLUSTER, "canary.upstream_rq_completed", Counter, Canary, "Final answers of hosts that are marked as canaries"),
    stat(131, CLUSTER, "canary.upstream_rq_2xx", Counter, Canary, "Final answers of class 2xx of canary hosts"),
    stat(132, CLUSTER, "canary.upstream_rq_3xx", Counter, Canary, "Final answers of class 3xx of canary hosts"),
    stat(133, CLUSTER, "canary.upstream_rq_4xx", Counter, Canary, "Final answers of class 4xx of canary hosts"),
    stat(134, CLUSTER, "canary.upstream_rq_5xx", Counter, Canary, "Final answers of class 5xx of canary hosts"),

    stat(140, ENDPOINT, "rq_total", Counter, Requests, "Requests sent to the endpoint"),
    stat(141, ENDPOINT, "rq_success", Counter, Requests, "Answers of the endpoint that are no 5xx and were passed on"),
    stat(142, ENDPOINT, "rq_error", Counter, Requests, "Tries at the endpoint that failed: 5xx answers, answers that were retried, timeouts, resets, failed connections, and requests refused because too many were in flight"),
    stat(143, ENDPOINT, "rq_timeout", Counter, Timeouts, "Requests to the endpoint that timed out"),
    stat(144, ENDPOINT, "rq_active", Gauge, Requests, "Requests in flight to the endpoint"),
    stat(145, ENDPOINT, "cx_total", Counter, Connections, "Connections begun to the endpoint, those that could not be made among them"),
    stat(146, ENDPOINT, "cx_active", Gauge, Connections, "Connections open to the endpoint"),
    stat(147, ENDPOINT, "cx_connect_fail", Counter, Connections, "Connections to the endpoint that could not be made"),
    stat(148, ENDPOINT, "healthy", Gauge, Hosts, "1 while the endpoint is healthy"),
];
