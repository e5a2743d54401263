"""Where a request came from: as far as those can be believed who say so, and no further."""

import pytest

from lotabots.kernel import LotaError
from lotabots.runtime.web import WebSettings, subscriber
from lotabots.runtime.web.arrival import Proxies, normal

PROXY, OTHER, CLIENT = "10.0.0.1", "10.0.0.2", "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        (PROXY, [], PROXY),
        (PROXY, [CLIENT], CLIENT),
        (PROXY, [f"{CLIENT}, {OTHER}"], CLIENT),
        (PROXY, [f"198.51.100.1, {CLIENT}"], CLIENT),  # what stands left of it the client wrote
        (PROXY, [f"198.51.100.1, {CLIENT}, {OTHER}, {PROXY}"], CLIENT),
        (PROXY, ["198.51.100.1", CLIENT], CLIENT),  # two headers are one list
        (PROXY, [f"{CLIENT}:4711"], CLIENT),
        (PROXY, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (PROXY, ["2001:DB8:0::1"], "2001:db8::1"),
        (PROXY, [f"::ffff:{CLIENT}"], CLIENT),
        (PROXY, ["unknown"], PROXY),
        (PROXY, [f"{CLIENT}, evil\x00"], PROXY),
        (PROXY, [f"{CLIENT},"], PROXY),
        (PROXY, ["' or 1=1 --"], PROXY),
        (PROXY, ["203.0.113.007"], PROXY),
        (PROXY, ["1" * 9000], PROXY),
        (PROXY, [OTHER], OTHER),
        (CLIENT, ["198.51.100.1"], CLIENT),  # no proxy of ours
        ("2001:db8:ffff::9", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.9", ["198.51.100.1"], "198.51.100.1"),
        ("local", ["198.51.100.1"], "local"),
    ],
)
def test_the_client_is_the_last_hop_that_no_proxy_of_ours_is(
    peer: str, forwarded: list[str], found: str
) -> None:
    proxies = Proxies("10.0.0.0/8, 2001:db8:ffff::/48")
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    assert proxies.arrival(peer, headers).address == found


def test_without_proxies_nobody_is_believed() -> None:
    headers = [(b"x-forwarded-for", b"198.51.100.1"), (b"x-request-id", b"mine-12345678")]
    arrival = Proxies("").arrival("127.0.0.1", headers)
    assert arrival.address == "127.0.0.1"
    assert arrival.request_id != b"mine-12345678"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example.org", "10.0.0.0/40", "*"])
def test_what_is_no_network_is_no_proxy(text: str) -> None:
    with pytest.raises(LotaError, match="SETTINGS_INVALID"):
        WebSettings(trusted_proxies=text)


def test_one_subscriber_has_a_whole_64() -> None:
    assert subscriber("2001:db8:1:2:3:4:5:6") == subscriber("2001:db8:1:2::") == "2001:db8:1:2::/64"
    assert subscriber("2001:db8:1:3::1") != subscriber("2001:db8:1:2::1")
    assert subscriber(CLIENT) == CLIENT
    assert subscriber("local") == "local"


def test_an_address_has_one_spelling() -> None:
    assert normal("fe80::1%eth0") == "fe80::1"
    assert normal("2001:0db8:0000:0000:0000:0000:0000:0001") == "2001:db8::1"
    assert normal("not an address") is None
