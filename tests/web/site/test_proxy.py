"""Who asks, and by which scheme: told by the proxy on this machine, believed of nobody else."""

from __future__ import annotations

import json
from threading import Thread
from urllib.request import Request, urlopen

import pytest
from waitress.server import create_server

from careloop.command.serving import behind_proxy

FORGED = "198.51.100.66"


def echo(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]]).encode()]


@pytest.fixture
def ask():
    servers = []

    def asked(https, **headers):
        server = create_server(
            echo, host="127.0.0.1", port=0, threads=1, **behind_proxy(https=https)
        )
        servers.append((server, Thread(target=server.run, daemon=True)))
        servers[-1][1].start()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(f"http://127.0.0.1:{server.effective_port}/", headers=names)
        with urlopen(request) as answer:
            return json.load(answer)

    yield asked
    for server, _ in servers:
        server.close()


def test_the_proxy_tells_who_asks(ask):
    told = ask(True, X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")
    assert told == ["203.0.113.9", "https"]
    forged = ask(True, X_Forwarded_For=f"{FORGED}, 203.0.113.9", X_Forwarded_Proto="https")
    assert forged == ["203.0.113.9", "https"]


def test_without_a_proxy_nobody_tells(ask):
    assert ask(False, X_Forwarded_For=FORGED, X_Forwarded_Proto="https") == ["127.0.0.1", "http"]
