"""Which addresses a request may go to: those of the public internet, and networks that the operator names besides.

Promise: pure. Whatever is not known to be public is inside, however it is written: mapped, translated or tunnelled into IPv6.
What tells a machine about itself (link-local, the clouds' metadata) is never opened, whoever names it.
Sources: IANA's special-purpose registries (by `ipaddress`), RFC 4291, RFC 6052, RFC 3056, RFC 4380, RFC 5214.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: What of the inside may be opened by name: loopback, private networks, unique local ones, a carrier's.
_OPENABLE = tuple(
    map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7"))
)
#: Answers about the machine itself from addresses that would be openable or public: AWS and EKS, Google, Scaleway, Oracle, then
#: Alibaba and Azure.
_METADATA = tuple(
    map(
        ip_network,
        (
            *("fd00:ec2::/32", "fd20:ce::/64", "fd00:42::42/128", "fd00:c1::a9fe:a9fe/128"),
            *("100.100.100.200/32", "168.63.129.16/32"),
        ),
    )
)
#: What older Pythons take for public: protocol assignments, the former 6to4 relays, documentation, segment routing.
_SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16")))
_UNICAST = ip_network("2000::/3")
#: An IPv4 address at the end of an IPv6 one (NAT64). Where it stands in 64:ff9b:1::/48 each network says for itself (RFC 6052,
#: 2.2): nothing of that is public.
_TRANSLATED = ip_network("64:ff9b::/96")
#: What marks an IPv4 address as the rest of an IPv6 one within a site (ISATAP), private or not.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


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
    networks = tuple(opened)
    return all(_may_be_asked(found, networks) for found in _led_to(ip_address(address)))


def _may_be_asked(found: Address, opened: tuple[Network, ...]) -> bool:
    if any(found in network for network in _METADATA):
        return False
    return _is_public(found) or any(found in network for network in opened)


def is_public(address: Address) -> bool:
    """Whether it is known to belong to the public internet."""
    return all(map(_is_public, _led_to(address)))


def _is_public(found: Address) -> bool:
    special = found.is_multicast or found.is_reserved or any(found in network for network in _SPECIAL)
    return found.is_global and not special and (found.version == 4 or found in _UNICAST)  # noqa: PLR2004 - of IP


def _led_to(address: Address) -> tuple[Address, ...]:
    """The addresses where it may really lead: what carries an IPv4 one within it is that one."""
    if isinstance(address, IPv4Address):
        return (address,)
    last = IPv4Address(int(address) & 0xFFFF_FFFF)
    if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return address, last
    teredo = address.teredo[1] if address.teredo else None
    return (last if address in _TRANSLATED else address.ipv4_mapped or address.sixtofour or teredo or address,)
