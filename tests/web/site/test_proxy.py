"""Who asks, and by which scheme: told by the proxy on this machine, believed of nobody else."""

from __future__ import annotations

import json
from functools import partial
from threading import Thread
from urllib.request import Request, urlopen

import pytest
from waitress.server import create_server
from waitress.wasyncore import close_all

from careloop.command.serving import behind_proxy

FORGED = "198.51.100.66"


def echo(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]]).encode()]


@pytest.fixture
def ask():
    servers = []

    def asked(https, **headers):
        channels = {}
        server = create_server(
            echo, channels, host="127.0.0.1", port=0, threads=1, **behind_proxy(https=https)
        )
        thread = Thread(target=server.run, daemon=True)
        servers.append((server, channels, thread))
        thread.start()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(f"http://127.0.0.1:{server.effective_port}/", headers=names)
        with urlopen(request) as answer:
            return json.load(answer)

    yield asked
    for server, channels, thread in servers:
        # By its own thread, which may be waiting for what would be closed under it.
        server.trigger.pull_trigger(partial(close_all, channels))
        thread.join(60)
        server.task_dispatcher.shutdown()


def test_the_proxy_tells_who_asks(ask):
    told = ask(True, X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")
    assert told == ["203.0.113.9", "https"]
    forged = ask(True, X_Forwarded_For=f"{FORGED}, 203.0.113.9", X_Forwarded_Proto="https")
    assert forged == ["203.0.113.9", "https"]


def test_without_a_proxy_nobody_tells(ask):
    assert ask(False, X_Forwarded_For=FORGED, X_Forwarded_Proto="https") == ["127.0.0.1", "http"]
