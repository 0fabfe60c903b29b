//! Which servers may be called at addresses that members of an organization choose: public ones over https, and those that
//! the configuration names.

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use super::address::{is_forbidden, is_public, unmapped};
use crate::platform::config::AllowedTarget;

/// The rules, with the exceptions of the configuration.
#[derive(Clone, Debug, Default)]
pub struct TargetPolicy {
    allowed: Vec<AllowedTarget>,
}

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedTarget {
    /// Neither http nor https, without a host, or with a user name.
    NotAnAddress,
    NotHttps,
    NotPublic,
}

impl fmt::Display for RefusedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnAddress => "The address must look like https://hooks.example.com/latchkey.",
            Self::NotHttps => "The address must begin with https://.",
            Self::NotPublic => {
                "This address is in a private or reserved network, which this server does not call."
            }
        })
    }
}

impl StdError for RefusedTarget {}

impl TargetPolicy {
    pub fn new(allowed: &[AllowedTarget]) -> Self {
        Self { allowed: allowed.to_vec() }
    }

    /// Checks what can be seen in the address itself. Where its name leads is checked at every connection.
    pub fn check(&self, url: &Url) -> Result<(), RefusedTarget> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(RefusedTarget::NotAnAddress);
        };
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some()
        {
            return Err(RefusedTarget::NotAnAddress);
        }
        let is_https = url.scheme() == "https";
        match host {
            Host::Domain(name) if is_https || self.names(name, port) => Ok(()),
            // The name may lead into a range that is allowed.
            Host::Domain(_) if self.has_ranges() => Ok(()),
            Host::Domain(_) => Err(RefusedTarget::NotHttps),
            Host::Ipv4(ip) => self.check_address(&ip.to_string(), (IpAddr::V4(ip), port).into(), is_https),
            Host::Ipv6(ip) => self.check_address(&ip.to_string(), (IpAddr::V6(ip), port).into(), is_https),
        }
    }

    /// Checks an address that `host` leads to.
    pub fn check_address(
        &self,
        host: &str,
        address: SocketAddr,
        is_https: bool,
    ) -> Result<(), RefusedTarget> {
        let ip = address.ip();
        if is_forbidden(ip) {
            return Err(RefusedTarget::NotPublic);
        }
        let in_range = self
            .allowed
            .iter()
            .any(|target| matches!(target, AllowedTarget::Range(range) if range.contains(&unmapped(ip))));
        if in_range || self.names(host, address.port()) {
            return Ok(());
        }
        if !is_public(ip) {
            return Err(RefusedTarget::NotPublic);
        }
        if is_https { Ok(()) } else { Err(RefusedTarget::NotHttps) }
    }

    fn names(&self, host: &str, port: u16) -> bool {
        self.allowed.iter().any(|target| match target {
            AllowedTarget::Host { name, port: allowed } => {
                *allowed == port && name.eq_ignore_ascii_case(host)
            }
            AllowedTarget::Range(_) => false,
        })
    }

    fn has_ranges(&self) -> bool {
        self.allowed.iter().any(|target| matches!(target, AllowedTarget::Range(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::config::SettingValue;

    fn check(allowed: &str, url: &str) -> Result<(), RefusedTarget> {
        let allowed = Vec::<AllowedTarget>::parse(allowed).expect("targets");
        let url = Url::parse(url).map_err(|_| RefusedTarget::NotAnAddress)?;
        TargetPolicy::new(&allowed).check(&url)
    }

    #[test]
    fn public_addresses_are_called_over_https_only() {
        for url in [
            "https://hooks.example.com/x?y=z",
            "https://hooks.example.com:8443/",
            "https://93.184.216.34/",
            "https://[2606:4700:4700::1111]/",
        ] {
            assert_eq!(check("", url), Ok(()), "{url}");
        }
        for url in ["http://hooks.example.com/", "http://93.184.216.34/"] {
            assert_eq!(check("", url), Err(RefusedTarget::NotHttps), "{url}");
        }
        for url in
            ["", "hooks.example.com", "ftp://x/", "file:///etc/passwd", "https://u:p@x/", "https://u@x/"]
        {
            assert_eq!(check("", url), Err(RefusedTarget::NotAnAddress), "{url}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_inside_is_refused() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "0x0",
            "127.0.0.1.",
            "１２７.０.０.１",
            "127。0。0。1",
            "%31%32%37.0.0.1",
            "10.0.0.1",
            "0xa9fea9fe",
            "2852039166",
            "169.254.169.254",
            "0251.0376.0251.0376",
            "100.64.0.1",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[0:0:0:0:0:ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[2002:7f00:1::]",
        ] {
            assert_eq!(check("", &format!("https://{host}/")), Err(RefusedTarget::NotPublic), "{host}");
        }
    }

    #[test]
    fn the_configuration_allows_ranges_and_hosts() {
        let allowed = "10.1.0.0/16, fd12::/16, 127.0.0.1, hooks.internal:8080, [::1]:9000, 192.168.0.9:90";
        for url in [
            "http://10.1.2.3/",
            "https://10.1.2.3/",
            "http://[fd12::1]:81/",
            "http://127.0.0.1:3999/",
            "http://[::ffff:10.1.2.3]/",
            "http://hooks.internal:8080/x",
            "http://Hooks.Internal:8080/x",
            "http://[::1]:9000/",
            "http://192.168.0.9:90/",
            // May lead to 10.1.0.0/16, which is checked when it is called.
            "http://anything.example/",
        ] {
            assert_eq!(check(allowed, url), Ok(()), "{url}");
        }
        for url in ["http://10.2.0.1/", "https://[::1]:9001/", "http://192.168.0.9/", "https://127.0.0.2/"] {
            assert_eq!(check(allowed, url), Err(RefusedTarget::NotPublic), "{url}");
        }
        assert_eq!(check("hooks.internal:8080", "http://hooks.internal/"), Err(RefusedTarget::NotHttps));
        for url in ["http://169.254.169.254/", "https://[fe80::1]/", "http://[fd00:ec2::254]/"] {
            assert_eq!(
                check("0.0.0.0/0, ::/0, 169.254.169.254:80", url),
                Err(RefusedTarget::NotPublic),
                "{url}"
            );
        }
    }

    #[test]
    fn where_a_name_leads_is_checked_too() {
        let allowed = Vec::<AllowedTarget>::parse("hooks.internal:80, 10.0.0.0/8").expect("targets");
        let policy = TargetPolicy::new(&allowed);
        let check = |host: &str, address: &str, is_https| {
            policy.check_address(host, address.parse().expect("an address"), is_https)
        };
        assert_eq!(check("hooks.internal", "192.168.0.1:80", false), Ok(()));
        assert_eq!(check("hooks.internal", "192.168.0.1:81", false), Err(RefusedTarget::NotPublic));
        assert_eq!(check("hooks.internal", "169.254.169.254:80", false), Err(RefusedTarget::NotPublic));
        assert_eq!(check("other.example", "10.0.0.1:80", false), Ok(()));
        assert_eq!(check("other.example", "8.8.8.8:80", false), Err(RefusedTarget::NotHttps));
        assert_eq!(check("other.example", "8.8.8.8:443", true), Ok(()));
        assert_eq!(check("other.example", "[::ffff:192.168.0.1]:443", true), Err(RefusedTarget::NotPublic));
    }
}
