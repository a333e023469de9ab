"""What is inside is told apart from the public internet, however it is written."""

import pytest

from activities.web.addresses import may_be_asked, network_of

LOOPBACK = [network_of("127.0.0.0/8"), network_of("::1/128")]
INSIDE = [
    "127.0.0.1", "127.8.8.8", "::1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "100.100.100.200", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "169.254.169.254", "169.254.170.2",
    "fd00:ec2::254", "168.63.129.16", "192.0.0.192", "0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.255.255.255",
    "ff02::1", "ff0e::1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.9",
    "2001:db8::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1", "::127.0.0.1",
    "2002:7f00:1::", "2002:a9fe:a9fe::", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1",
    "64:ff9b:1::a00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "100::1",
    "64:ff9b:1:a9fe:a9:fe00:808:808", "64:ff9b:1:0:a9:fea9:fe08:808", "64:ff9b:1::808:808",
    "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a9fe:a9fe", "fd00::5efe:808:808",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111",
    "64:ff9b::808:808", "2002:808:808::",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_is_not_asked(address: str) -> None:
    assert not may_be_asked(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_public_internet_is(address: str) -> None:
    assert may_be_asked(address)


def test_an_operator_opens_a_network_and_nothing_beside_it() -> None:
    assert all(may_be_asked(each, LOOPBACK) for each in ("127.0.0.1", "::1", "::ffff:127.0.0.1"))
    assert not any(may_be_asked(each, LOOPBACK) for each in ("10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "0.0.0.0"))


def test_what_tells_a_machine_about_itself_is_never_opened() -> None:
    opened = [network_of("fc00::/7"), network_of("100.64.0.0/10")]
    told = ("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fd00:c1::a9fe:a9fe", "100.100.100.200")
    assert not any(may_be_asked(each, opened) for each in told)
    assert may_be_asked("fd00:ec3::1", opened)


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "169.254.0.0/16", "::/0", "8.8.8.0/24", "224.0.0.0/4", "10.0.0.1/8", "fe80::/10", "x"]
)
def test_networks_that_cannot_be_opened(text: str) -> None:
    with pytest.raises(ValueError, match=r"within|host bits|appear"):
        network_of(text)
