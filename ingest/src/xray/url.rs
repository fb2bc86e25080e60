//! As much of URLs as tells where a request went.

/// Scheme, host, port and path of a URL; parts of it may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) scheme: &'a str,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
}

impl<'a> Url<'a> {
    /// Reads `scheme://user@host:port/path?query`, also with `jdbc:` before it. None without a host.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.rsplit(':').next().unwrap_or(scheme);
        let end = rest.find(['/', '?', '#', ';']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (authority, None),
        };
        let path = rest.split(['?', '#', ';']).next().unwrap_or_default();
        (!host.is_empty()).then_some(Self { scheme, host, port, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = |scheme, host, port, path| Some(Url { scheme, host, port, path });
        assert_eq!(Url::parse("http://payments/pay?x=1"), url("http", "payments", None, "/pay"));
        assert_eq!(Url::parse("https://u:p@[::1]:8443"), url("https", "[::1]", Some(8443), ""));
        assert_eq!(
            Url::parse("jdbc:postgresql://db.example:5432/shop?ssl=1"),
            url("postgresql", "db.example", Some(5432), "/shop")
        );
        assert_eq!(Url::parse("/only/a/path"), None);
        assert_eq!(Url::parse("http:///x"), None);
    }
}
