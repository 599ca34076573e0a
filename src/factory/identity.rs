//! Which machine reports: with `NA` and `ip-10-0-0-1` as Split's SDKs write them, so that a fleet of several languages
//! looks alike.

use std::net::UdpSocket;

use crate::callbacks::Instance;
use crate::config::Config;

/// With IPAddressesEnabled off.
const NOT_GIVEN: &str = "NA";
/// When the system does not tell.
const UNKNOWN: &str = "unknown";

/// The identity that a configuration asks for.
pub(super) fn instance(config: &Config) -> Instance {
    let sdk_version = format!("{}-{}", config.sdk_name, config.sdk_version);
    if !config.ip_addresses_enabled {
        return Instance { sdk_version, machine_name: NOT_GIVEN.to_owned(), machine_ip: NOT_GIVEN.to_owned() };
    }
    let found = config.machine_ip.clone().or_else(local_address);
    let machine_name = config.machine_name.clone().or_else(|| {
        let address = found.as_deref()?;
        Some(format!("ip-{}", address.replace('.', "-")))
    });
    Instance {
        sdk_version,
        machine_name: machine_name.unwrap_or_else(|| UNKNOWN.to_owned()),
        machine_ip: found.unwrap_or_else(|| UNKNOWN.to_owned()),
    }
}

/// The address from which the system would send to a private network. Nothing is sent.
fn local_address() -> Option<String> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("10.255.255.255", 1)).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}
