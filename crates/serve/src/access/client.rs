//! Which address a request counts for.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use headwater_deploy::project::serve::Network;

/// One client: an IPv4 address, or the /64 that an IPv6 address is in, for whoever has one of these has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(pub IpAddr);

impl Client {
    /// The one at this address.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
            address => address,
        })
    }

    /// Who sent a request, seen through the proxies that are believed.
    #[must_use]
    pub fn of(parts: &Parts, proxies: &[Network]) -> Self {
        Self::seen(&parts.extensions, &parts.headers, proxies)
    }

    /// The same, of what belongs to a request.
    #[must_use]
    pub fn seen(extensions: &Extensions, headers: &HeaderMap, proxies: &[Network]) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |from| from.0.ip());
        Self::at(behind(peer, headers, proxies))
    }
}

/// Every proxy adds the address that it saw at the right end of `X-Forwarded-For`; what stands left of the first one that is no proxy of ours
/// may have been made up.
fn behind(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let believed = |address: &IpAddr| proxies.iter().any(|network| network.holds(*address));
    let mut nearest = peer;
    if !believed(&nearest) {
        return nearest;
    }
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    for line in lines.iter().rev() {
        for word in line.as_bytes().rsplit(|byte| *byte == b',') {
            let Some(address) = std::str::from_utf8(word).ok().and_then(address) else { return nearest };
            nearest = address;
            if !believed(&nearest) {
                return nearest;
            }
        }
    }
    nearest
}

/// An address, with or without a port.
fn address(word: &str) -> Option<IpAddr> {
    let word = word.trim();
    let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).unwrap_or(word);
    bare.parse().ok().or_else(|| word.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(peer: &str, lines: &[&'static str]) -> String {
        let proxies: Vec<Network> =
            ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        Client::at(behind(peer.parse().unwrap(), &headers, &proxies)).0.to_string()
    }

    #[test]
    fn only_what_our_proxies_saw_is_believed() {
        for (peer, lines, expected) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            ("10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
            ("10.1.2.3", &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            ("10.1.2.3", &["1.1.1.1, 198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            ("10.1.2.3", &["1.1.1.1", "198.51.100.7", "10.9.9.9"], "198.51.100.7"),
            ("10.1.2.3", &["1.1.1.1, rubbish, 10.9.9.9"], "10.9.9.9"),
            ("10.1.2.3", &["10.9.9.9"], "10.9.9.9"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.7:4711"], "198.51.100.7"),
            ("127.0.0.1", &["[2001:db8:1:2:3:4:5:6]:4711"], "2001:db8:1:2::"),
            ("2001:db8:1:2:3:4:5:6", &[], "2001:db8:1:2::"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::"),
        ] {
            assert_eq!(client(peer, lines), expected, "{peer} {lines:?}");
        }
    }
}
