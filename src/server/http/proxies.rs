//! Where a request came from: the other end of its connection, or who a proxy that is trusted says it speaks for. Anybody
//! can write forwarded headers, so those of nobody else are taken out before anything reads them.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::listen::Peer;
use crate::server::config::{Network, Settings};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// In a request's extensions: how it came here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Way {
    /// Whose address it came from; `None`: not over the network.
    pub from: Option<IpAddr>,
    /// Whether it came over HTTPS.
    pub secure: bool,
}

/// Finds out how a request came here. What is left of its headers is true.
pub async fn believe(State(settings): State<Arc<Settings>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let way = way(&settings.trusted_proxies, peer, request.headers_mut());
    request.extensions_mut().insert(way);
    next.run(request).await
}

fn way(trusted: &[Network], peer: Option<Peer>, headers: &mut HeaderMap) -> Way {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.has(address));
    let itself_secure = peer.is_some_and(|peer| peer.secure);
    let peer = peer.map(|peer| peer.address.to_canonical());
    let (client, proto, host) = (taken(headers, FOR), taken(headers, PROTO), taken(headers, HOST));
    if !peer.is_some_and(is_trusted) {
        return told(Way { from: peer, secure: itself_secure }, headers);
    }
    // Each proxy adds whom it heard it from behind what it was told, so what is right of the last one that is not trusted
    // is true, and what is left of it is anybody's.
    let mut from = peer;
    for address in client.iter().rev().map(|text| address(text)) {
        // What is no address hides who it was.
        from = address.or(from);
        if !address.is_some_and(is_trusted) {
            break;
        }
    }
    // The proxy that we hear it from added the last one.
    let secure = proto.last().map_or(itself_secure, |proto| proto.eq_ignore_ascii_case("https"));
    if let Some(host) = host.last().and_then(|host| HeaderValue::from_str(host).ok()) {
        headers.insert(header::HOST, host);
    }
    told(Way { from, secure }, headers)
}

/// Tells those further in over what it came.
fn told(way: Way, headers: &mut HeaderMap) -> Way {
    if way.secure {
        headers.insert(PROTO, HeaderValue::from_static("https"));
    }
    way
}

/// Takes a header out: its values, those of a list one by one.
fn taken(headers: &mut HeaderMap, name: HeaderName) -> Vec<String> {
    let values = headers.get_all(&name).iter().flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let values = values.map(|value| value.trim().to_owned()).collect();
    headers.remove(&name);
    values
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.parse().ok().or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    let with_port = || text.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    bare.or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(peer: &str, pairs: &[(HeaderName, &str)]) -> (Option<String>, bool, HeaderMap) {
        let trusted = ["127.0.0.1", "10.0.0.0/8"].map(|text| text.parse().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("inner:3000"));
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let peer = peer.parse().ok().map(|address| Peer { address, secure: false });
        let Way { from, secure } = way(&trusted, peer, &mut headers);
        (from.map(|from| from.to_string()), secure, headers)
    }

    #[test]
    fn nobody_else_is_believed() {
        let claims = [(FOR, "203.0.113.7"), (PROTO, "https"), (HOST, "evil.example")];
        for peer in ["198.51.100.1", "127.0.0.2", "::1"] {
            let (from, secure, headers) = of(peer, &claims);
            assert_eq!((from.as_deref(), secure), (Some(peer), false));
            assert_eq!(
                headers.keys().collect::<Vec<_>>(),
                [header::HOST],
                "no claim is left to be believed further in"
            );
            assert_eq!(headers[header::HOST], "inner:3000");
        }
        assert_eq!(of("", &claims).0, None);
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_counts() {
        for (lines, from) in [
            (&[][..], "127.0.0.1"),
            (&["203.0.113.7"], "203.0.113.7"),
            (&["203.0.113.7:4711"], "203.0.113.7"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["::ffff:203.0.113.7"], "203.0.113.7"),
            (&["1.1.1.1, 203.0.113.7, 10.2.3.4"], "203.0.113.7"),
            (&["1.1.1.1", "203.0.113.7,10.2.3.4"], "203.0.113.7"),
            (&["10.9.9.9"], "10.9.9.9"),
            (&["203.0.113.7, unknown"], "127.0.0.1"),
            (&["203.0.113.7, unknown, 10.2.3.4"], "10.2.3.4"),
            (&[""], "127.0.0.1"),
        ] {
            let pairs: Vec<_> = lines.iter().map(|line| (FOR, *line)).collect();
            assert_eq!(of("127.0.0.1", &pairs).0.as_deref(), Some(from), "{lines:?}");
        }
    }

    #[test]
    fn a_trusted_proxy_says_over_what_and_for_which_name() {
        let (_, secure, headers) = of("10.2.3.4", &[(PROTO, "https"), (HOST, "dash.example")]);
        assert!(secure && headers[PROTO] == "https" && headers[header::HOST] == "dash.example");
        let (_, secure, headers) = of("10.2.3.4", &[(PROTO, "https, http"), (HOST, "evil.example, dash.example")]);
        assert!(!secure && !headers.contains_key(PROTO) && headers[header::HOST] == "dash.example");
        let (_, secure, headers) = of("10.2.3.4", &[]);
        assert!(!secure && headers[header::HOST] == "inner:3000");
    }
}
