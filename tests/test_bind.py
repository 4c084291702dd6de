"""penstock.bind: what --bind may say."""

import pytest
from penstock.bind import Bind, InheritedAddress, TcpAddress, UnixAddress, parse_bind

GOOD = {
    "127.0.0.1:8000": Bind(TcpAddress("127.0.0.1", 8000)),
    "localhost:0": Bind(TcpAddress("localhost", 0)),
    ":8000": Bind(TcpAddress("0.0.0.0", 8000)),
    "[::1]:8000": Bind(TcpAddress("::1", 8000)),
    "http://[::]:80": Bind(TcpAddress("::", 80)),
    "HTTP://example.org:80": Bind(TcpAddress("example.org", 80)),
    "fcgi://127.0.0.1:9000": Bind(TcpAddress("127.0.0.1", 9000), "fcgi"),
    "unix:/run/app.sock": Bind(UnixAddress("/run/app.sock")),
    "unix:a:b": Bind(UnixAddress("a:b")),
    "fcgi://unix:app.sock": Bind(UnixAddress("app.sock"), "fcgi"),
    "unix:///run/app.sock": Bind(UnixAddress("/run/app.sock")),
    "fd:3": Bind(InheritedAddress(3)),
    "fcgi://fd:0": Bind(InheritedAddress(0), "fcgi"),
    "fd://3": Bind(InheritedAddress(3)),
}

BAD = {
    "": "not a place to listen at",
    "127.0.0.1": "not a place to listen at",
    "127.0.0.1:": "not a place to listen at",
    "127.0.0.1:http": "not a place to listen at",
    "a b:80": "not a place to listen at",
    "127.0.0.1:80/path": "not a place to listen at",
    "127.0.0.1:65536": "65535 is the highest",
    "::1:8000": "brackets",
    "[::1]": "not a place to listen at",
    "[localhost]:80": "not an IPv6 address",
    "unix:": "needs a path",
    "unix:/" + "a" * 107: "107 bytes at most",
    "fd:": "names no descriptor",
    "fd:x": "names no descriptor",
    "fd:-1": "names no descriptor",
    "uwsgi://:3031": "this version speaks http, fcgi",
    "scgi://unix:/run/app.sock": "this version speaks http, fcgi",
    "https://:443": "this version speaks http, fcgi",
}


@pytest.mark.parametrize(("text", "bind"), GOOD.items())
def test_good_binds(text: str, bind: Bind) -> None:
    assert parse_bind(text) == bind


@pytest.mark.parametrize(("text", "reason"), BAD.items())
def test_bad_binds(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_bind(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bind", GOOD.values(), ids=str)
def test_a_bind_is_read_as_it_is_shown(bind: Bind) -> None:
    assert parse_bind(str(bind)) == bind
