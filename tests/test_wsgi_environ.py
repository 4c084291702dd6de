"""The environ of a request (PEP 3333, "environ Variables")."""

import string
from collections.abc import Iterator
from typing import Any

import pytest
from fronts import PROTOCOLS, call
from gateway import hello, once
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import Serving, serving

# The server of a property is made once: what one example leaves behind is part of the next one's test.
many = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def environ_of(protocol: str, *request: Any, root_path: str | None = None, **more: Any) -> dict[str, Any]:
    seen: list[dict[str, Any]] = []

    def app(environ, start_response):
        seen.append(dict(environ))
        return hello(environ, start_response)

    with serving(app, protocol=protocol, root_path=root_path) as server:
        assert call(server, *request, **more).status == 200
    return seen[0]


REQUIRED = {
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/a b",
    "QUERY_STRING": "c=%20d",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "5",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REQUEST_URI": "/a%20b?c=%20d",
    "HTTP_HOST": "penstock.test",
    "HTTP_X_Y": "z",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
}


def test_the_environ_is_complete(protocol):
    headers = [("Content-Type", "text/plain"), ("X-Y", "z")]
    environ = environ_of(protocol, "POST", "/a%20b?c=%20d", headers=headers, body=b"hello")
    assert {name: environ[name] for name in REQUIRED} == REQUIRED
    for name in ("SERVER_NAME", "SERVER_PORT", "SERVER_SOFTWARE", "REMOTE_ADDR", "REMOTE_PORT"):
        assert environ[name] != ""
    assert environ["SERVER_PORT"].isdigit()
    assert environ["REMOTE_PORT"].isdigit()


def test_the_environ_has_the_types_that_programs_rely_on(protocol):
    seen: list[tuple[type, dict[type, set[type]]]] = []

    def app(environ, start_response):
        kinds: dict[type, set[type]] = {}
        for name, value in environ.items():
            if not name.startswith("wsgi."):
                kinds.setdefault(type(name), set()).add(type(value))
        seen.append((type(environ), kinds))
        assert type(environ["wsgi.version"]) is tuple
        assert {type(environ[f"wsgi.{name}"]) for name in ("multithread", "multiprocess", "run_once")} == {bool}
        for name in ("read", "readline", "readlines", "__iter__"):
            assert callable(getattr(environ["wsgi.input"], name))
        for name in ("write", "writelines", "flush"):
            assert callable(getattr(environ["wsgi.errors"], name))
        return hello(environ, start_response)

    once(app, protocol, "POST", "/?q", headers=[("X", "y"), ("Cookie", "a=b")], body=b"a")
    assert seen == [(dict, {str: {str}})]


def test_nothing_of_the_process_is_in_the_environ(protocol, monkeypatch):
    monkeypatch.setenv("PENSTOCK_SECRET", "secret")
    assert "PENSTOCK_SECRET" not in environ_of(protocol)


def test_a_request_without_a_body_says_so(protocol):
    environ = environ_of(protocol)
    assert environ.get("CONTENT_LENGTH", "") == ""
    assert environ.get("CONTENT_TYPE", "") == ""


def test_an_environ_belongs_to_its_request(protocol):
    """Whatever an application does to it."""
    seen: list[dict[str, Any]] = []

    def app(environ, start_response):
        seen.append(dict(environ))
        kept = environ["wsgi.errors"]
        environ.clear()
        environ["HTTP_X"] = kept
        return hello(environ, start_response)

    with serving(app, protocol=protocol) as server:
        for _ in range(2):
            call(server, headers=[("X", "y")])
    first, second = ({**each, "REMOTE_PORT": "", "wsgi.input": None} for each in seen)
    assert first == second


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "M-SEARCH", "!"]
)
def test_a_method_is_what_it_is(protocol, method):
    assert environ_of(protocol, method)["REQUEST_METHOD"] == method


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/caf%C3%A9", "/cafÃ©"),
        ("/%FF%00%0a", "/\xff\0\n"),
        ("/a+b", "/a+b"),
        ("/a%2Fb%3Fc", "/a/b?c"),
        ("/%2541", "/%41"),
        ("//a//", "//a//"),
        ("/a/../b", "/a/../b"),
        ("/;a=b", "/;a=b"),
        ("/%7e%7E", "/~~"),
    ],
)
def test_a_path_is_decoded_once_to_bytes(protocol, target, path):
    environ = environ_of(protocol, "GET", target + "?" + target)
    assert environ["PATH_INFO"] == path
    assert environ["QUERY_STRING"] == target
    assert environ["REQUEST_URI"] == target + "?" + target


@pytest.mark.parametrize(
    ("root_path", "target", "script_name", "path_info"),
    [
        (None, "/a/b", "", "/a/b"),
        ("", "/a/b", "", "/a/b"),
        ("/a", "/a/b", "/a", "/b"),
        ("/a", "/a/", "/a", "/"),
        ("/a", "/a", "/a", ""),
        ("/a", "/a%2Fb", "/a", "/b"),
        ("/a", "/%61/b", "/a", "/b"),
        ("/a", "/a//b", "/a", "//b"),
        ("/a", "/ab", "/a", "/ab"),  # a front that has taken the mount off
        ("/a", "/", "/a", "/"),
        ("/a/b", "/a/b/c", "/a/b", "/c"),
        ("/é", "/%C3%A9/b", "/Ã©", "/b"),
    ],
)
def test_a_mount_is_taken_off_the_path(protocol, root_path, target, script_name, path_info):
    environ = environ_of(protocol, "GET", target, root_path=root_path)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


def test_the_address_of_each_end():
    seen: list[dict[str, Any]] = []

    def app(environ, start_response):
        seen.append(environ)
        return hello(environ, start_response)

    for listen in ("tcp", "tcp6", "unix"):
        with serving(app, listen=listen) as server:
            call(server)
            if listen != "unix":
                host, port = server.address
                assert (seen[-1]["SERVER_NAME"], seen[-1]["SERVER_PORT"]) == (host, str(port))
                assert seen[-1]["REMOTE_ADDR"] == host
    # A unix socket has no address: the name that the client used is the best there is.
    assert (seen[-1]["SERVER_NAME"], seen[-1]["SERVER_PORT"]) == ("penstock.test", "80")
    assert seen[-1]["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in seen[-1]


# Headers


def test_repeated_headers_are_joined(protocol):
    headers = [
        ("X", "a"),
        ("Cookie", "a=1"),
        ("Y", ""),
        ("X", "b"),
        ("Cookie", "b=2"),
        ("x", "c"),
        ("Y", ""),
        ("COOKIE", "c"),
    ]
    environ = environ_of(protocol, headers=headers)
    assert environ["HTTP_X"] == "a, b, c"
    assert environ["HTTP_Y"] == ", "
    assert environ["HTTP_COOKIE"] == "a=1; b=2; c"


def test_an_underscore_is_no_dash():
    """A front that checks X-User would be passed by X_User. Over FastCGI the two have become one already."""
    headers = [("X_User", "evil"), ("X-User", "good"), ("X_User", "evil"), ("Content_Length", "7"), ("Y_Z", "evil")]
    environ = environ_of("http", headers=headers)
    assert environ["HTTP_X_USER"] == "good"
    assert {"CONTENT_LENGTH", "HTTP_CONTENT_LENGTH", "HTTP_Y_Z"}.isdisjoint(environ)


@pytest.mark.parametrize("name", ["Proxy", "PROXY", "proxy"])
def test_no_header_sets_a_proxy(protocol, name):
    """Programs take HTTP_PROXY for a setting (httpoxy)."""
    assert "HTTP_PROXY" not in environ_of(protocol, headers=[(name, "http://evil.test")])


def test_the_framing_is_nobodys_business(protocol):
    environ = environ_of(protocol, "POST", headers=[("X", "y")], chunks=[b"hello"])
    assert {"HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_LENGTH"}.isdisjoint(environ)


def test_type_and_length_have_names_of_their_own(protocol):
    headers = [("Content-Type", "text/plain"), ("Content-Type-X", "a"), ("X-Content-Length", "b")]
    environ = environ_of(protocol, "POST", headers=headers, body=b"hello")
    assert {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"}.isdisjoint(environ)
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "5")
    assert (environ["HTTP_CONTENT_TYPE_X"], environ["HTTP_X_CONTENT_LENGTH"]) == ("a", "b")


@pytest.fixture(scope="module", params=PROTOCOLS)
def mirror(request: pytest.FixtureRequest) -> Iterator[tuple[Serving, list[dict[str, Any]]]]:
    """A server for many requests, and the environs it has made."""
    seen: list[dict[str, Any]] = []

    def app(environ, start_response):
        seen.append({**environ, "body": environ["wsgi.input"].read()})
        return hello(environ, start_response)

    with serving(app, protocol=request.param) as server:
        yield server, seen


# Few different ones, so that they meet again in whatever the server remembers; long ones that it does not.
NAMES = st.one_of(
    st.sampled_from(["Accept", "Cookie", "X-Y", "Y-X", "A" * 40, "A" * 41, "Accept-Language"]),
    st.text(string.ascii_letters + string.digits + "-!#$%&'*+.^`|~", min_size=1, max_size=50),
)
VALUES = st.one_of(
    st.sampled_from(["", "a", "b", "*/*", "a" * 512, "a" * 513]),
    st.text(st.characters(max_codepoint=0xFF, exclude_characters="".join(map(chr, [*range(32), 127]))), max_size=20),
)


@given(headers=st.lists(st.tuples(NAMES, VALUES), max_size=30))
@many
def test_any_headers_come_as_they_were_sent(mirror, headers):
    server, seen = mirror
    reserved = {"host", "content-type", "content-length", "transfer-encoding", "connection", "expect", "proxy"}
    headers = [(name, value) for name, value in headers if name.lower() not in reserved]
    wanted: dict[str, str] = {"HTTP_HOST": "penstock.test"}
    for name, value in headers:
        key, value = "HTTP_" + name.upper().replace("-", "_"), value.strip(" \t")
        wanted[key] = wanted[key] + ("; " if key == "HTTP_COOKIE" else ", ") + value if key in wanted else value
    call(server, headers=headers)
    assert {name: value for name, value in seen.pop().items() if name.startswith("HTTP_")} == wanted


@given(
    path=st.binary(max_size=50),
    query=st.text(string.ascii_letters + string.digits + "%&=+?/.~", max_size=50),
    body=st.binary(max_size=100),
    method=st.sampled_from(["GET", "POST", "PUT", "QUERY"]),
)
@many
def test_any_request_comes_as_it_was_sent(mirror, path, query, body, method):
    server, seen = mirror
    target = "/" + "".join(chr(byte) if chr(byte) in string.ascii_letters else f"%{byte:02x}" for byte in path)
    call(server, method, f"{target}?{query}", body=body)
    environ = seen.pop()
    assert environ["PATH_INFO"].encode("latin-1") == b"/" + path
    assert (environ["REQUEST_METHOD"], environ["QUERY_STRING"], environ["body"]) == (method, query, body)
