//! Which addresses this node refuses to connect to, checked on the address itself and not on the name.
//!
//! Link-local and cloud metadata addresses are always refused; a configuration adds ranges. Loopback and
//! private networks are allowed: peers live there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// A range of addresses, written `10.0.0.0/8`, `fd00::/8` or as one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    first: IpAddr,
    prefix_bits: u8,
}

/// A text that is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a range of addresses, such as 10.0.0.0/8 or fd00::/8")]
pub struct InvalidRange(pub String);

impl FromStr for IpRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let invalid = || InvalidRange(text.chars().take(60).collect());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| invalid())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| invalid()))?;
        if prefix_bits > most {
            return Err(invalid());
        }
        Ok(Self { first, prefix_bits })
    }
}

impl IpRange {
    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix_bits: u8) -> Self {
        Self {
            first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix_bits,
        }
    }

    /// Says whether `address` lies in it; an IPv4 address written as IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix_bits);
                u64::from(first.to_bits()) >> shift == u64::from(address.to_bits()) >> shift
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differing = first.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

const fn v6(segments: [u16; 8], prefix_bits: u8) -> IpRange {
    let [a, b, c, d, e, f, g, h] = segments;
    IpRange {
        first: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)),
        prefix_bits,
    }
}

/// Link-local, multicast and broadcast, and the metadata services of clouds that lie outside of them.
const ALWAYS: [IpRange; 9] = [
    IpRange::v4(169, 254, 0, 0, 16),
    IpRange::v4(224, 0, 0, 0, 4),
    IpRange::v4(255, 255, 255, 255, 32),
    IpRange::v4(100, 100, 100, 200, 32),
    IpRange::v4(168, 63, 129, 16, 32),
    IpRange::v4(192, 0, 0, 192, 32),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
];

/// The addresses that are refused.
#[derive(Debug, Clone, Default)]
pub struct AddressRules {
    refused: Arc<[IpRange]>,
}

impl AddressRules {
    /// Refuses `ranges` besides those that always are.
    pub fn refusing(ranges: impl IntoIterator<Item = IpRange>) -> Self {
        Self {
            refused: ranges.into_iter().collect(),
        }
    }

    /// Says whether nobody may connect to `address`.
    pub fn refuses(&self, address: IpAddr) -> bool {
        ALWAYS
            .iter()
            .chain(self.refused.iter())
            .any(|range| range.contains(address))
    }

    /// Refuses a `url` whose host is written as a refused address; names are checked when they are resolved.
    pub fn check(&self, url: &Url) -> ConnectorResult<()> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.refuses(address) {
            let words = refusal(address);
            return Err(
                ConnectorError::new(ErrorKind::Unreachable, Stage::Describe, url.as_str()).words(words),
            );
        }
        Ok(())
    }

    pub(super) fn resolver(&self) -> Arc<Guarded> {
        Arc::new(Guarded(self.clone()))
    }
}

fn refusal(address: IpAddr) -> String {
    format!("this node's address rules refuse {address}")
}

/// Resolves names with the system's resolver and drops refused addresses.
pub(super) struct Guarded(AddressRules);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let mut refused = None;
            let mut allowed: Vec<SocketAddr> = Vec::new();
            for address in tokio::net::lookup_host((name.as_str(), 0)).await? {
                if rules.refuses(address.ip()) {
                    refused = Some(address.ip());
                } else {
                    allowed.push(address);
                }
            }
            match refused {
                Some(address) if allowed.is_empty() => {
                    Err(io::Error::new(io::ErrorKind::PermissionDenied, refusal(address)).into())
                }
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(rules: &AddressRules, address: &str) -> bool {
        rules.refuses(address.parse().expect("an address"))
    }

    #[test]
    fn link_local_and_metadata_addresses_are_refused_in_every_spelling() {
        let rules = AddressRules::default();

        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
        ] {
            assert!(refuses(&rules, address), "{address}");
        }
    }

    #[test]
    fn loopback_private_and_public_addresses_are_allowed() {
        let rules = AddressRules::default();

        for address in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.0.1",
            "93.184.216.34",
            "2001:db8::1",
        ] {
            assert!(!refuses(&rules, address), "{address}");
        }
    }

    #[test]
    fn configured_ranges_are_refused_too() {
        let range = |text: &str| text.parse::<IpRange>().expect("a range");
        let rules = AddressRules::refusing([range("10.0.0.0/8"), range("fd12::/16"), range("192.0.2.7")]);

        assert!(refuses(&rules, "10.255.0.1"));
        assert!(!refuses(&rules, "11.0.0.1"));
        assert!(refuses(&rules, "fd12:3::4"));
        assert!(refuses(&rules, "192.0.2.7"));
        assert!(!refuses(&rules, "192.0.2.8"));
        assert!(refuses(&AddressRules::refusing([range("0.0.0.0/0")]), "8.8.8.8"));
    }

    #[test]
    fn half_a_range_is_refused() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "ten/8"] {
            assert!(text.parse::<IpRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_url_with_a_refused_address_is_refused_without_connecting() {
        let rules = AddressRules::default();
        let url = |text: &str| Url::parse(text).expect("a URL");

        assert!(rules.check(&url("http://169.254.169.254/latest")).is_err());
        assert!(rules.check(&url("http://2852039166/")).is_err());
        assert!(rules.check(&url("http://[::ffff:a9fe:a9fe]/")).is_err());
        assert!(rules.check(&url("http://127.0.0.1:1/")).is_ok());
    }
}
