"""Which addresses a request may go to: those of the public internet, and networks that the operator names besides.

Promise: pure. Whatever is not known to be public is inside, however it is written: mapped, translated or tunnelled into IPv6.
What tells a machine about itself (link-local, the clouds' metadata) is never opened, whoever names it.
Sources: IANA's special-purpose registries (by `ipaddress`), RFC 4291, RFC 6052, RFC 3056, RFC 4380.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: What of the inside may be opened by name: loopback, private networks, unique local ones, a carrier's.
_OPENABLE = tuple(
    map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7"))
)
#: Answers about the machine itself from addresses that would be openable or public: AWS, Alibaba, Azure.
_METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")))
#: What older Pythons take for public: protocol assignments, the former 6to4 relays, documentation, segment routing.
_SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16")))
_UNICAST = ip_network("2000::/3")
#: An IPv4 address at the end of an IPv6 one (NAT64).
_TRANSLATED = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48")))


def network_of(text: str) -> Network:
    """A network that an operator opens.

    Raises:
        ValueError: it is none, or holds more than may be opened.
    """
    network = ip_network(text)
    if not any(network.version == of.version and network.subnet_of(of) for of in _OPENABLE):  # type: ignore[arg-type]
        raise ValueError(f"{text} is not within {', '.join(map(str, _OPENABLE))}")
    return network


def may_be_asked(address: str, opened: Iterable[Network] = ()) -> bool:
    """Whether a request may go to this address."""
    found = _plain(ip_address(address))
    if found in _METADATA:
        return False
    return is_public(found) or any(found in network for network in opened)


def is_public(address: Address) -> bool:
    """Whether it is known to belong to the public internet."""
    found = _plain(address)
    special = found.is_multicast or found.is_reserved or any(found in network for network in _SPECIAL)
    return found.is_global and not special and (found.version == 4 or found in _UNICAST)  # noqa: PLR2004 - of IP


def _plain(address: Address) -> Address:
    """The address where it really leads: what carries an IPv4 one within it is that one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
