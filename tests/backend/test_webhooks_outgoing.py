"""K16, R19: webhooks reach nobody inside, and no receiver holds a call for longer than its time."""

import socket
import time
from typing import Any

import pytest

from backend.webhooks import outgoing
from tests.backend.receiver import drip, receiver


def test_a_receiver_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "LIMIT", 0.4)
    with receiver(drip) as told:
        answer = outgoing.post(told.url, headers={}, body=b"{}", loopback=True)
    assert (answer.status_code, answer.error) == (None, "no answer in time")
    assert answer.latency_ms < 3_000


def test_a_slow_name_server_takes_its_time_from_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch has gone off before there was anything to shut."""
    real = socket.getaddrinfo
    looked_up: list[Any] = []

    def slow(*args: Any, **more: Any) -> Any:
        time.sleep(0 if looked_up else 0.6)
        looked_up.append(args)
        return real(*args, **more)

    monkeypatch.setattr(outgoing, "LIMIT", 0.4)
    with receiver(drip) as told:
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        answer = outgoing.post(told.url, headers={}, body=b"{}", loopback=True)
    assert (answer.status_code, answer.error) == (None, "no answer in time")
    assert answer.latency_ms < 1_400
    assert told.told == []


INSIDE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://user@127.0.0.1:{port}/",
]
ALSO_INSIDE = [
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[64:ff9b::7f00:1]/",
]


def test_twelve_spellings_of_this_machine_are_reached_by_none() -> None:
    """R19; with a control, which reaches it."""
    with receiver() as told:
        for spelling in INSIDE:
            url = spelling.format(port=told.port)
            answer = outgoing.post(url, headers={}, body=b"{}", loopback=False)
            assert answer.status_code is None, url
        assert (told.connections, told.told) == (0, [])
        control = outgoing.post(told.url, headers={}, body=b"{}", loopback=True)
        assert (control.status_code, told.connections) == (204, 1)


@pytest.mark.parametrize("url", ALSO_INSIDE)
def test_no_private_address_is_called_even_where_loopback_is_allowed(url: str) -> None:
    answer = outgoing.post(url, headers={}, body=b"{}", loopback=True)
    assert answer.error == "the name leads to an address that is not public"


def test_a_name_that_leads_elsewhere_the_next_moment_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the address that was looked at is the one that is connected to; a second
    look-up, which would say 127.0.0.1, is never made."""
    asked: list[str] = []
    connected: list[str] = []
    real = socket.getaddrinfo

    def lookup(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if host != "rebind.example":
            connected.append(str(host))
            return real(host, port, *args, **more)
        asked.append(host)
        address = "203.0.113.9" if len(asked) > 1 else "8.8.8.8"
        if len(asked) > 1:
            address = "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def refuse(self: socket.socket, address: Any) -> None:
        connected.append(str(address[0]))
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with receiver() as told:
        url = f"http://rebind.example:{told.port}/"
        answer = outgoing.post(url, headers={}, body=b"{}", loopback=True)
    assert answer.status_code is None
    assert asked == ["rebind.example"]
    assert set(connected) == {"8.8.8.8"}
    assert told.connections == 0


def test_no_proxy_of_the_environment_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        outgoing.post("http://10.0.0.1/", headers={}, body=b"{}", loopback=False)
        assert proxy.connections == 0
