//! Envoy's response flags: the short names, by the long names and by the fields of the access log service.

/// Short name, long name, and number of the field in `envoy.data.accesslog.v3.ResponseFlags` (0 where it has none).
const FLAGS: [(&str, &str, u32); 31] = [
    ("LH", "FailedLocalHealthCheck", 1),
    ("UH", "NoHealthyUpstream", 2),
    ("UT", "UpstreamRequestTimeout", 3),
    ("LR", "LocalReset", 4),
    ("UR", "UpstreamRemoteReset", 5),
    ("UF", "UpstreamConnectionFailure", 6),
    ("UC", "UpstreamConnectionTermination", 7),
    ("UO", "UpstreamOverflow", 8),
    ("NR", "NoRouteFound", 9),
    ("DI", "DelayInjected", 10),
    ("FI", "FaultInjected", 11),
    ("RL", "RateLimited", 12),
    ("UAEX", "UnauthorizedExternalService", UNAUTHORIZED),
    ("RLSE", "RateLimitServiceError", 14),
    ("DC", "DownstreamConnectionTermination", 15),
    ("URX", "UpstreamRetryLimitExceeded", 16),
    ("SI", "StreamIdleTimeout", 17),
    ("IH", "InvalidEnvoyRequestHeaders", 18),
    ("DPE", "DownstreamProtocolError", 19),
    ("UMSDR", "UpstreamMaxStreamDurationReached", 20),
    ("RFCF", "ResponseFromCacheFilter", 21),
    ("NFCF", "NoFilterConfigFound", 22),
    ("DT", "DurationTimeout", 23),
    ("UPE", "UpstreamProtocolError", 24),
    ("NC", "NoClusterFound", 25),
    ("OM", "OverloadManagerTerminated", 26),
    ("DF", "DnsResolutionFailed", 27),
    ("DR", "DownstreamRemoteReset", 28),
    ("DO", "DropOverload", 0),
    ("UDO", "UnconditionalDropOverload", 0),
    // Older Envoys' long name.
    ("OM", "OverloadManager", 0),
];

/// The one field that is a message with a reason and not a bool.
pub(super) const UNAUTHORIZED: u32 = 13;

/// The short name of the flag in this field of the access log service.
pub(super) fn of_field(number: u32) -> Option<&'static str> {
    FLAGS.iter().find(|(_, _, field)| *field == number && number != 0).map(|(short, _, _)| *short)
}

/// Flags joined by `,` with every long name made a short one; names that are not known stay.
pub(super) fn shortened(flags: &str) -> String {
    let short = |flag: &str| {
        let known = FLAGS.iter().find(|(_, long, _)| *long == flag);
        known.map_or(flag, |(short, _, _)| *short).to_owned()
    };
    flags.split(',').map(str::trim).filter(|flag| !flag.is_empty()).map(short).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{of_field, shortened};

    #[test]
    fn long_names_become_short_ones() {
        assert_eq!(shortened("UpstreamConnectionFailure,UpstreamRetryLimitExceeded"), "UF,URX");
        assert_eq!(shortened("UF, OverloadManager,Custom,"), "UF,OM,Custom");
        assert_eq!(shortened(""), "");
    }

    #[test]
    fn fields_of_the_access_log_service_are_flags() {
        assert_eq!((of_field(1), of_field(13), of_field(28)), (Some("LH"), Some("UAEX"), Some("DR")));
        assert_eq!((of_field(0), of_field(29)), (None, None));
    }
}
