//! What is counted where requests come in, and of the process itself.

use super::Kind::{Counter, Gauge};
use super::Scope::{Listener, Manager, Server};
use super::Topic::{Connections, Process, Requests, Resets, Timeouts, Tls};
use super::{Scope, Stat, stat};

const MANAGER: &[Scope] = &[Manager];
const LISTENER: &[Scope] = &[Listener];
const SERVER: &[Scope] = &[Server];

#[rustfmt::skip]
pub(super) const STATS: &[Stat] = &[
    stat(200, MANAGER, "downstream_rq_completed", Counter, Requests, "Requests that came in and were answered"),
    stat(201, MANAGER, "downstream_rq_1xx", Counter, Requests, "Answers of class 1xx"),
    stat(202, MANAGER, "downstream_rq_2xx", Counter, Requests, "Answers of class 2xx"),
    stat(203, MANAGER, "downstream_rq_3xx", Counter, Requests, "Answers of class 3xx"),
    stat(204, MANAGER, "downstream_rq_4xx", Counter, Requests, "Answers of class 4xx"),
    stat(205, MANAGER, "downstream_rq_5xx", Counter, Requests, "Answers of class 5xx"),
    stat(206, MANAGER, "downstream_rq_total", Counter, Requests, "Requests that came in"),
    stat(207, MANAGER, "downstream_rq_active", Gauge, Requests, "Requests in flight"),
    stat(208, MANAGER, "no_route", Counter, Requests, "Requests answered 404 because no route matched"),
    stat(209, MANAGER, "no_cluster", Counter, Requests, "Requests answered 503 because the route's cluster does not exist"),
    stat(210, MANAGER, "rq_direct_response", Counter, Requests, "Requests that the proxy answered itself as its routes say, redirects among them"),
    stat(211, MANAGER, "rq_redirect", Counter, Requests, "Requests that were redirected"),
    stat(212, MANAGER, "downstream_rq_too_large", Counter, Requests, "Requests refused because they were too large"),
    stat(213, MANAGER, "downstream_rq_overload_close", Counter, Requests, "Requests refused because the proxy was overloaded"),
    stat(220, MANAGER, "downstream_rq_timeout", Counter, Timeouts, "Requests that ran into the connection manager's time limit"),
    stat(221, MANAGER, "downstream_rq_idle_timeout", Counter, Timeouts, "Requests on which nothing came for too long"),
    stat(222, MANAGER, "downstream_rq_header_timeout", Counter, Timeouts, "Requests whose headers took too long"),
    stat(223, MANAGER, "downstream_rq_max_duration_reached", Counter, Timeouts, "Requests cut off at the longest duration allowed"),
    stat(224, MANAGER, "downstream_cx_idle_timeout", Counter, Timeouts, "Callers' connections closed because nothing came on them"),
    stat(230, MANAGER, "downstream_rq_rx_reset", Counter, Resets, "Requests that the caller gave up"),
    stat(231, MANAGER, "downstream_rq_tx_reset", Counter, Resets, "Requests that the proxy reset towards the caller"),
    stat(232, MANAGER, "downstream_cx_protocol_error", Counter, Resets, "Callers' connections ended by a protocol error"),
    stat(233, MANAGER, "downstream_cx_destroy_remote_active_rq", Counter, Resets, "Connections that callers closed under a request"),
    stat(234, MANAGER, "downstream_cx_destroy_local_active_rq", Counter, Resets, "Connections that the proxy closed under a caller's request"),
    stat(240, MANAGER, "downstream_cx_ssl_total", Counter, Tls, "Callers' connections with TLS"),
    stat(241, MANAGER, "downstream_cx_ssl_active", Gauge, Tls, "Callers' connections with TLS that are open"),

    stat(250, LISTENER, "downstream_cx_total", Counter, Connections, "Connections accepted"),
    stat(251, LISTENER, "downstream_cx_active", Gauge, Connections, "Connections open"),
    stat(252, LISTENER, "downstream_cx_overflow", Counter, Connections, "Connections refused because the listener had too many"),
    stat(253, LISTENER, "downstream_global_cx_overflow", Counter, Connections, "Connections refused because the process had too many"),
    stat(254, LISTENER, "downstream_cx_overload_reject", Counter, Connections, "Connections refused because the proxy was overloaded"),
    stat(255, LISTENER, "downstream_cx_transport_socket_connect_timeout", Counter, Connections, "Connections whose TLS handshake took too long"),
    stat(256, LISTENER, "no_filter_chain_match", Counter, Connections, "Connections that no filter chain took, for instance plain text to a TLS port"),
    stat(257, LISTENER, "downstream_pre_cx_timeout", Counter, Connections, "Connections closed before it was known what they speak"),

    stat(300, SERVER, "uptime", Gauge, Process, "Seconds since the start as the statistics say it, which a hot restart blurs"),
    stat(301, SERVER, "hot_restart_epoch", Gauge, Process, "Hot restarts before this process"),
    stat(302, SERVER, "live", Gauge, Process, "1 while the process takes traffic, 0 while it drains"),
    stat(303, SERVER, "memory_allocated", Gauge, Process, "Bytes of memory in use"),
    stat(304, SERVER, "total_connections", Gauge, Process, "Connections of this process and of the one before it"),
    stat(305, SERVER, "concurrency", Gauge, Process, "Worker threads"),
    stat(306, SERVER, "days_until_first_cert_expiring", Gauge, Tls, "Days until the first certificate expires"),
    stat(307, SERVER, "envoy_bug_failures", Counter, Process, "Times that Envoy found itself in a state that should not be"),
    stat(308, SERVER, "dropped_stat_flushes", Counter, Process, "Flushes of statistics that were dropped because the one before was not done"),
];
