//! Where a proxy's admin interface is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;

/// The admin address of one Envoy, as `http://host:port` or `unix:///path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A TCP port; the host may be a name, an IPv4 address or an IPv6 address without brackets.
    Tcp {
        /// Name or IP address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix socket at an absolute path.
    Unix(PathBuf),
}

/// Why a text is no admin address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no Envoy admin address: {reason}; write http://host:port or unix:///path")]
pub struct AddressError {
    text: String,
    reason: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| AddressError { text: text.to_owned(), reason };
        if let Some(rest) = text.strip_prefix("unix:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if !path.starts_with('/') || path.len() == 1 {
                return Err(refuse("the path of the socket must be absolute"));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let uri: Uri = text.parse().map_err(|_| refuse("it is not a URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(refuse("Envoy's admin interface speaks no TLS")),
            _ => return Err(refuse("the scheme is missing")),
        }
        let authority = uri.authority().ok_or_else(|| refuse("the host is missing"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("Envoy's admin interface knows no users"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(refuse("a path cannot be chosen"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(refuse("the host is missing"));
        }
        let port = authority
            .port_u16()
            .filter(|port| *port > 0)
            .ok_or_else(|| refuse("the port is missing or out of range"))?;
        Ok(Self::Tcp { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(formatter, "http://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(formatter, "http://{host}:{port}"),
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn reads_what_it_writes() {
        for text in
            ["http://127.0.0.1:9901", "http://[::1]:9901", "http://gateway.mesh:1", "unix:///run/envoy.sock"]
        {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        assert_eq!("unix:/run/envoy.sock".parse::<Address>(), "unix:///run/envoy.sock".parse());
        assert_eq!("http://a:9901/".parse::<Address>(), "http://a:9901".parse());
    }

    #[test]
    fn refuses_in_words() {
        let cases = [
            ("", "not a URL"),
            ("127.0.0.1:9901", "scheme is missing"),
            ("http://127.0.0.1", "port is missing"),
            ("http://127.0.0.1:0", "port is missing"),
            ("http://127.0.0.1:99999", "port is missing"),
            ("https://127.0.0.1:9901", "no TLS"),
            ("http://user:secret@host:9901", "no users"),
            ("http://host:9901/quitquitquit", "path cannot be chosen"),
            ("http://host:9901/?a=b", "path cannot be chosen"),
            ("unix:envoy.sock", "must be absolute"),
            ("unix:///", "must be absolute"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
