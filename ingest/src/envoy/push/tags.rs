//! Full names of statistics from what is left of them once Envoy has taken tags out.
//!
//! `cluster.orders_v1.upstream_rq_200` is pushed as `cluster.upstream_rq` with the tags `envoy.cluster_name` and
//! `envoy.response_code` where tags become labels. Of a dotted name Envoy takes the first segment only and leaves the rest
//! where it was, so putting the segment back gives the whole name again.

use std::borrow::Cow;

/// The tags of one statistic.
pub(super) trait Tags {
    /// The value of the tag `envoy.<name>`, or of `<name>`, as Istio calls them.
    fn tag(&self, name: &str) -> Option<&str>;
}

/// Whether a name still holds what its tags say: an Envoy may send tags and leave names as they are.
pub(super) fn is_full_name(name: &str, tags: &impl Tags) -> bool {
    let Some((family, rest)) = name.split_once('.') else { return true };
    let tag = match family {
        "cluster" => "cluster_name",
        "http" => "http_conn_manager_prefix",
        "listener" => "listener_address",
        "vhost" => "virtual_host",
        _ => return true,
    };
    let rest = tags.tag(tag).and_then(|value| rest.strip_prefix(value));
    rest.is_some_and(|rest| rest.starts_with('.'))
}

/// The full name of a statistic.
pub(super) fn full_name<'a>(name: &'a str, tags: &impl Tags) -> Cow<'a, str> {
    let Some((family, rest)) = name.split_once('.') else { return Cow::Borrowed(name) };
    let path = match family {
        "cluster" => tags.tag("cluster_name").map(|cluster| match rest.strip_prefix("endpoint.") {
            Some(leaf) => match tags.tag("endpoint_address") {
                Some(address) => format!("cluster.{cluster}.endpoint.{address}.{leaf}"),
                None => format!("cluster.{cluster}.{rest}"),
            },
            None => format!("cluster.{cluster}.{rest}"),
        }),
        "http" => tags.tag("http_conn_manager_prefix").map(|prefix| format!("http.{prefix}.{rest}")),
        "listener" => tags.tag("listener_address").map(|address| format!("listener.{address}.{rest}")),
        "vhost" => in_virtual_host(rest, tags),
        _ => None,
    };
    let path = path.map_or(Cow::Borrowed(name), Cow::Owned);
    match leaf(&path, tags) {
        Some(whole) => Cow::Owned(whole),
        None => path,
    }
}

/// A virtual host's name may hold dots. Then the rest of it stands before `route` or `vcluster`, whose names are left in.
fn in_virtual_host(rest: &str, tags: &impl Tags) -> Option<String> {
    let host = tags.tag("virtual_host")?;
    let named =
        [("route.", "route"), ("vcluster.", "virtual_cluster")].into_iter().find_map(|(part, tag)| {
            let (leaf, name) = (rest.strip_prefix(part)?, tags.tag(tag)?);
            Some(format!("vhost.{host}.{part}{name}.{leaf}"))
        });
    Some(named.unwrap_or_else(|| format!("vhost.{host}.{rest}")))
}

/// The name with what was taken out of its end.
fn leaf(path: &str, tags: &impl Tags) -> Option<String> {
    if let Some(code) = tags.tag("response_code") {
        return Some(format!("{path}_{code}"));
    }
    if let Some(class) = tags.tag("response_code_class") {
        // Istio takes `_2xx` out, Envoy by itself `2`.
        let class = class.strip_suffix("xx").unwrap_or(class);
        return Some(format!("{}_{class}xx", path.strip_suffix("_xx").unwrap_or(path)));
    }
    if let Some(version) = tags.tag("ssl_version")
        && path.ends_with(".ssl.versions")
    {
        return Some(format!("{path}.{version}"));
    }
    if let Some(certificate) = tags.tag("tls_certificate")
        && let Some(path) = path.strip_suffix(".expiration_unix_time_seconds")
    {
        return Some(format!("{path}.{certificate}.expiration_unix_time_seconds"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tag<'t> = (&'t str, &'t str);

    impl Tags for [Tag<'_>] {
        fn tag(&self, name: &str) -> Option<&str> {
            let is_it = |tag: &str| tag == name || tag.strip_prefix("envoy.") == Some(name);
            self.iter().find(|(tag, _)| is_it(tag)).map(|(_, value)| *value)
        }
    }

    struct Of<'t>(&'t [Tag<'t>]);

    impl Tags for Of<'_> {
        fn tag(&self, name: &str) -> Option<&str> {
            self.0.tag(name)
        }
    }

    #[test]
    fn what_was_taken_out_comes_back() {
        let cluster = ("envoy.cluster_name", "orders");
        let cases: [(&str, &[Tag<'_>], &str); 15] = [
            ("server.uptime", &[], "server.uptime"),
            ("cluster.orders.upstream_rq_200", &[], "cluster.orders.upstream_rq_200"),
            ("cluster.upstream_rq_completed", &[cluster], "cluster.orders.upstream_rq_completed"),
            (
                "cluster.upstream_rq",
                &[cluster, ("envoy.response_code", "200")],
                "cluster.orders.upstream_rq_200",
            ),
            (
                "cluster.canary.upstream_rq_xx",
                &[("envoy.response_code_class", "5"), cluster],
                "cluster.orders.canary.upstream_rq_5xx",
            ),
            (
                "cluster.upstream_rq",
                &[("cluster_name", "outbound|80||a.b"), ("response_code_class", "2xx")],
                "cluster.outbound|80||a.b.upstream_rq_2xx",
            ),
            ("cluster.shop.svc.upstream_rq_total", &[cluster], "cluster.orders.shop.svc.upstream_rq_total"),
            (
                "cluster.endpoint.rq_total",
                &[cluster, ("envoy.endpoint_address", "10.0.0.1_80")],
                "cluster.orders.endpoint.10.0.0.1_80.rq_total",
            ),
            (
                "http.bound.downstream_rq_xx",
                &[("envoy.http_conn_manager_prefix", "in"), ("envoy.response_code_class", "4")],
                "http.in.bound.downstream_rq_4xx",
            ),
            (
                "listener.ssl.versions",
                &[("envoy.listener_address", "127.0.0.1_443"), ("envoy.ssl_version", "TLSv1.3")],
                "listener.127.0.0.1_443.ssl.versions.TLSv1.3",
            ),
            (
                "cluster.ssl.certificate.expiration_unix_time_seconds",
                &[cluster, ("envoy.tls_certificate", "leaf")],
                "cluster.orders.ssl.certificate.leaf.expiration_unix_time_seconds",
            ),
            (
                "vhost.route.upstream_rq",
                &[("envoy.virtual_host", "shop"), ("envoy.route", "r"), ("envoy.response_code", "502")],
                "vhost.shop.route.r.upstream_rq_502",
            ),
            (
                "vhost.example.com_80.vcluster.other.upstream_rq_timeout",
                &[("envoy.virtual_host", "shop")],
                "vhost.shop.example.com_80.vcluster.other.upstream_rq_timeout",
            ),
            (
                "vhost.upstream_rq",
                &[("envoy.virtual_host", "shop"), ("envoy.route", "r")],
                "vhost.shop.upstream_rq",
            ),
            ("cluster.upstream_rq_completed", &[], "cluster.upstream_rq_completed"),
        ];
        for (name, tags, whole) in cases {
            assert_eq!(full_name(name, &Of(tags)), whole);
            assert!(is_full_name(whole, &Of(tags)) || tags.is_empty(), "{whole}");
            assert!(!is_full_name(name, &Of(tags)) || name == whole, "{name}");
        }
    }
}
