"""The guards of the test suite itself: a test cannot reach the network."""

from __future__ import annotations

import socket

import pytest


def test_loopback_is_open_and_the_rest_is_shut():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()
    with (
        socket.socket() as out,
        pytest.raises(RuntimeError, match=r"loopback only, not '192\.0\.2\.1'"),
    ):
        out.connect(("192.0.2.1", 80))
    with pytest.raises(RuntimeError, match="foreign names"):
        socket.create_connection(("careloop.example", 80))
    with (
        socket.socket(type=socket.SOCK_DGRAM) as out,
        pytest.raises(RuntimeError, match="loopback only"),
    ):
        out.sendto(b"", ("192.0.2.1", 53))
