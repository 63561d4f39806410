//! Addresses and networks, as texts.

use buckler::model::{
    address::{ban_scope, canonical, canonical_network, parse_network, parse_source, to_text},
    blacklist::Digest,
};
use ipnet::IpNet;

/// Reads a text as an address, as a network, and as a digest.
///
/// # Panics
/// Where what was read is not canonical, or is not read as it is written.
pub fn address(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(address) = parse_source(&text) {
        assert_eq!(
            canonical(address),
            address,
            "{text:?} was read as what is not canonical"
        );
        assert_eq!(parse_source(&address.to_string()), Some(address), "{text:?}");
        assert_eq!(parse_source(&format!("[{address}]:443")), Some(address), "{text:?}");
        let scope = ban_scope(address);
        assert!(scope.contains(&address), "a ban of {address} covers it: {scope}");
        assert_eq!(parse_network(&to_text(scope)), Some(scope), "{text:?}");
        if !text.contains('/') {
            assert_eq!(parse_network(&text), Some(IpNet::from(address)), "{text:?}");
        }
    }
    if let Some(network) = parse_network(&text) {
        assert_eq!(
            canonical_network(network),
            network,
            "{text:?} was read as what is not canonical"
        );
        assert_eq!(network.trunc(), network, "{text:?} has host bits");
        assert_eq!(parse_network(&to_text(network)), Some(network), "{text:?}");
        assert_eq!(parse_network(&network.to_string()), Some(network), "{text:?}");
        let mut digest = Digest::of([network]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        digest -= network;
        assert_eq!(digest, Digest::default(), "{network} is taken out as it was put in");
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
    }
}
