//! The order of the proxies, and what there is to say of their state.

use std::cmp::Ordering;

use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::proxies::ProxySummary;

use crate::format;
use crate::model::sorting::{Order, TableColumn};

/// A certificate with less time than this is worth a warning, ms.
const CERTIFICATE_WARNING_MS: f64 = 14.0 * 86_400_000.0;

/// A column that the proxies can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyColumn {
    /// Id, A to Z.
    Id,
    /// Name of the service.
    Service,
    /// Version of Envoy.
    Version,
    /// Availability zone.
    Zone,
    /// How long the process has been up.
    Uptime,
    /// How long ago the last scrape was.
    LastScrape,
    /// The first certificate that expires.
    Certificate,
    /// Worst first.
    State,
}

impl TableColumn for ProxyColumn {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Id, "id"),
        (Self::Service, "service"),
        (Self::Version, "version"),
        (Self::Zone, "zone"),
        (Self::Uptime, "uptime"),
        (Self::LastScrape, "scrape"),
        (Self::Certificate, "certificate"),
        (Self::State, "state"),
    ];

    fn descends_first(self) -> bool {
        matches!(self, Self::State | Self::LastScrape)
    }
}

impl Order<ProxyColumn> {
    /// Sorts rows. Equal rows stand by service and id.
    pub(crate) fn sort(self, rows: &mut [ProxySummary]) {
        rows.sort_by(|a, b| self.compare(a, b).then_with(|| (&a.service, &a.id).cmp(&(&b.service, &b.id))));
    }

    fn compare(self, a: &ProxySummary, b: &ProxySummary) -> Ordering {
        match self.column {
            ProxyColumn::Id => self.directed(a.id.cmp(&b.id)),
            ProxyColumn::Service => self.directed(a.service.cmp(&b.service)),
            ProxyColumn::Version => {
                let numbers =
                    |row: &ProxySummary| known(&row.envoy_version).map(|text| version_numbers(&text));
                self.known(numbers(a), numbers(b), Ord::cmp)
            }
            ProxyColumn::Zone => self.known(known(&a.zone), known(&b.zone), Ord::cmp),
            // What began or was scraped later has been so for a shorter time. RFC 3339 in UTC sorts as text.
            ProxyColumn::Uptime => self.known(known(&a.started_at), known(&b.started_at), |a, b| b.cmp(a)),
            ProxyColumn::LastScrape => {
                self.known(known(&a.last_scrape), known(&b.last_scrape), |a, b| b.cmp(a))
            }
            ProxyColumn::Certificate => {
                let expiry = |row: &ProxySummary| row.certificate_expires_at.clone();
                self.known(expiry(a), expiry(b), Ord::cmp)
            }
            ProxyColumn::State => self.directed(severity(a).cmp(&severity(b))),
        }
    }
}

fn known(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// `1.9.0` stands before `1.38.3`.
fn version_numbers(version: &str) -> Vec<u64> {
    version.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

fn severity(row: &ProxySummary) -> (bool, u64) {
    let troubles = [row.ejected_hosts, row.open_breakers, row.unhealthy_clusters];
    (!row.is_reporting, troubles.into_iter().fold(0, u64::saturating_add))
}

/// Rows of which the id, the service or what they run on holds a text, whatever the case.
pub(crate) fn filtered(rows: &[ProxySummary], find: &str) -> Vec<ProxySummary> {
    let find = find.trim().to_lowercase();
    let found = |row: &&ProxySummary| {
        [&row.id, &row.service, &row.cluster, &row.zone, &row.envoy_version, &row.address]
            .iter()
            .any(|text| text.to_lowercase().contains(&find))
    };
    rows.iter().filter(found).cloned().collect()
}

/// What a proxy has to say of its clusters, each in words; nothing where all is well.
pub(crate) fn troubles(row: &ProxySummary) -> Vec<String> {
    let words = [
        (row.ejected_hosts, "host ejected", "hosts ejected"),
        (row.open_breakers, "breaker open", "breakers open"),
        (row.unhealthy_clusters, "cluster with unhealthy hosts", "clusters with unhealthy hosts"),
    ];
    words
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format::plural(count, one, many))
        .collect()
}

/// How a certificate is doing that has so much time left, and in words when it expires.
pub(crate) fn certificate(left_ms: f64) -> (Health, String) {
    if left_ms <= 0.0 {
        return (Health::Failing, format!("expired {}", format::ago(-left_ms)));
    }
    let health = if left_ms < CERTIFICATE_WARNING_MS { Health::Degraded } else { Health::Healthy };
    (health, format!("in {}", format::lasting(left_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(id: &str) -> ProxySummary {
        ProxySummary { id: id.to_owned(), is_reporting: true, ..ProxySummary::default() }
    }

    fn sorted(column: ProxyColumn, descending: bool) -> Vec<String> {
        let mut rows = vec![
            ProxySummary {
                envoy_version: "1.38.3".to_owned(),
                started_at: "2026-11-23T08:00:00Z".to_owned(),
                certificate_expires_at: Some("2026-12-01T00:00:00Z".to_owned()),
                ..proxy("b")
            },
            ProxySummary {
                envoy_version: "1.9.0".to_owned(),
                started_at: "2026-11-22T08:00:00Z".to_owned(),
                open_breakers: 2,
                ..proxy("a")
            },
            ProxySummary {
                is_reporting: false,
                certificate_expires_at: Some("2027-12-01T00:00:00Z".to_owned()),
                ..proxy("c")
            },
        ];
        Order { column, descending }.sort(&mut rows);
        rows.into_iter().map(|row| row.id).collect()
    }

    #[test]
    fn every_column_sorts_by_what_it_shows() {
        assert_eq!(sorted(ProxyColumn::Id, true), ["c", "b", "a"]);
        assert_eq!(sorted(ProxyColumn::Version, false), ["a", "b", "c"]);
        assert_eq!(sorted(ProxyColumn::Uptime, false), ["b", "a", "c"]);
        assert_eq!(sorted(ProxyColumn::State, true), ["c", "a", "b"]);
    }

    #[test]
    fn what_is_not_known_comes_last_either_way() {
        assert_eq!(sorted(ProxyColumn::Certificate, false), ["b", "c", "a"]);
        assert_eq!(sorted(ProxyColumn::Certificate, true), ["c", "b", "a"]);
    }

    #[test]
    fn a_text_finds_proxies_by_what_they_are() {
        let rows = [
            ProxySummary { service: "Orders".to_owned(), ..proxy("sidecar~1") },
            ProxySummary { zone: "eu-central-1a".to_owned(), ..proxy("sidecar~2") },
        ];
        assert_eq!(filtered(&rows, "ORD").len(), 1);
        assert_eq!(filtered(&rows, "1a").len(), 1);
        assert_eq!(filtered(&rows, " ").len(), 2);
        assert!(filtered(&rows, "nothing-like-it").is_empty());
    }

    #[test]
    fn troubles_are_said_in_words() {
        let row = ProxySummary { ejected_hosts: 1, unhealthy_clusters: 2, ..proxy("a") };
        let words = troubles(&row).join(", ").replace('\u{202f}', " ");
        assert_eq!(words, "1 host ejected, 2 clusters with unhealthy hosts");
        assert!(troubles(&proxy("a")).is_empty());
    }

    #[test]
    fn a_certificate_warns_two_weeks_before_it_expires() {
        let day = 86_400_000.0;
        let said = |left: f64| (certificate(left).0, certificate(left).1.replace('\u{202f}', " "));
        assert_eq!(said(80.0 * day), (Health::Healthy, "in 80 days".to_owned()));
        assert_eq!(said(13.9 * day), (Health::Degraded, "in 14 days".to_owned()));
        assert_eq!(said(-3.0 * day), (Health::Failing, "expired 3 days ago".to_owned()));
    }
}
