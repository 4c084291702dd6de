"""Requests that are malformed or beyond a limit: refused with the right status, and never a second one out of their remains."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from http_client import Client, request
from malformed import LEGAL, LIMITS, MALFORMED, ROWS, Legal, Row
from serving import serving

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "http-conformance.md"

SMUGGLED = request(target="/smuggled")

# A request of megabytes says nothing more when it comes in single bytes.
SHORT = [row for row in ROWS if len(row.wire) < 1000]


@pytest.fixture(scope="module")
def server() -> Iterator[SimpleNamespace]:
    """Notes what the application sees: the path and the body of each request."""
    seen: list[tuple[str, bytes]] = []

    def app(environ, start_response):
        seen.append((environ["PATH_INFO"], environ["wsgi.input"].read()))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"served"]

    with serving(app, limits=LIMITS) as running:
        yield SimpleNamespace(connect=running.connect, get=running.get, seen=seen)


def check_refused(server: SimpleNamespace, client: Client, row: Row) -> None:
    """The answer, the end of the connection, and that the application was not called for any of it."""
    response = client.response()
    assert response.status == row.status
    assert response.closes
    assert response.get("Content-Type") == "text/plain; charset=utf-8"
    assert response.body.startswith(f"{row.status} {response.reason}: ".encode())
    assert client.ended()
    client.close()
    assert server.get("/next").body == b"served"  # by now it has dealt with whatever came before
    assert server.seen == [("/next", b"")]


@pytest.fixture(autouse=True)
def _nothing_seen(server: SimpleNamespace) -> None:
    server.seen.clear()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_it_is_refused_and_so_is_what_follows(server: SimpleNamespace, row: Row) -> None:
    with server.connect() as client:
        client.send_what_it_takes(row.wire + SMUGGLED)
        check_refused(server, client, row)


@pytest.mark.parametrize("row", SHORT, ids=lambda row: row.what)
def test_it_is_refused_in_single_bytes(server: SimpleNamespace, row: Row) -> None:
    with server.connect() as client:
        client.send_each(row.wire + SMUGGLED)
        check_refused(server, client, row)


@pytest.mark.parametrize("row", SHORT, ids=lambda row: row.what)
def test_it_is_refused_behind_a_good_one(server: SimpleNamespace, row: Row) -> None:
    with server.connect() as client:
        client.send_what_it_takes(request(target="/first") + row.wire + SMUGGLED)
        assert client.response().body == b"served"
        assert server.seen.pop() == ("/first", b"")
        check_refused(server, client, row)


@pytest.mark.parametrize("legal", LEGAL, ids=lambda legal: legal.what)
def test_what_is_odd_but_right_is_served(server: SimpleNamespace, legal: Legal) -> None:
    with server.connect() as client:
        client.send(legal.wire + request(target="/next"))
        assert client.response().body == b"served"
        assert client.response().body == b"served"
        assert server.seen == [(legal.path, legal.body), ("/next", b"")]


def test_no_two_rows_are_alike() -> None:
    assert len({row.wire for row in ROWS}) == len(ROWS)
    for group in MALFORMED:
        assert len({row.what for row in group.rows}) == len(group.rows), group.title


def test_the_documentation_is_current() -> None:
    printed = subprocess.run(
        [sys.executable, ROOT / "tests" / "malformed.py"], capture_output=True, text=True, check=True
    )
    assert DOCUMENT.read_text() == printed.stdout, "run: python tests/malformed.py > docs/http-conformance.md"
