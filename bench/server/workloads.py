"""The registry of workloads: what is asked, how often at a time, what the right answer is, and of whom it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.apps.wsgi import BIG, HELLO, PIECE, PIECES

ECHO_BYTES = 16 * 1024

# What a desktop browser sends on a second visit: 20 header fields.
BROWSER_FIELDS = (
    ("Host", "www.example.com"),
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=0"),
    ("sec-ch-ua", '"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("DNT", "1"),
    ("Upgrade-Insecure-Requests", "1"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    ),
    (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    ),
    ("Sec-GPC", "1"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-User", "?1"),
    ("Sec-Fetch-Dest", "document"),
    ("Referer", "https://www.example.com/articles/2024/pumped-storage?page=2&sort=date"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
    ("Cookie", "session=9f8b1c2d3e4f5a6b7c8d9e0f1a2b3c4d; csrftoken=Zk3mQ8pXv1Lr7Tn5; theme=dark; consent=1"),
    ("If-Modified-Since", "Tue, 05 Nov 2024 08:15:30 GMT"),
)
SMALL_FIELDS = (("Host", "127.0.0.1"),)

# nginx's stock fastcgi_params for GET /hello, in its order, as Debian's nginx sends them, and one request header.
NGINX_PARAMS = """\
QUERY_STRING=
REQUEST_METHOD=GET
CONTENT_TYPE=
CONTENT_LENGTH=
SCRIPT_NAME=/hello
REQUEST_URI=/hello
DOCUMENT_URI=/hello
DOCUMENT_ROOT=/usr/share/nginx/html
SERVER_PROTOCOL=HTTP/1.1
REQUEST_SCHEME=http
GATEWAY_INTERFACE=CGI/1.1
SERVER_SOFTWARE=nginx/1.22.1
REMOTE_ADDR=127.0.0.1
REMOTE_PORT=41234
REMOTE_USER=
SERVER_ADDR=127.0.0.1
SERVER_PORT=8000
SERVER_NAME=localhost
REDIRECT_STATUS=200
HTTP_HOST=127.0.0.1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`head` is an HTTP request head, or params as NAME=value lines; `protocol` is what the load generator speaks."""

    name: str
    about: str
    app: str
    servers: tuple[str, ...]
    baselines: tuple[str, ...]
    goals: Mapping[str, float] = field(default_factory=dict)  # Penstock's CPU over a server's, at most
    protocol: Literal["http", "fcgi"] = "http"
    head: bytes = b""
    body: bytes = b""
    answer: bytes = HELLO
    connections: int = 32
    threads: int = 1
    nginx: bool = False
    idle: int = 0  # connections that are opened and left alone
    most_rounds: int = 99
    pace: float = 1.0  # of the duration asked for
    groups: tuple[str, ...] = field(default=())


def http_head(method: str, path: str, fields: tuple[tuple[str, str], ...], *, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    if body:
        lines += ["Content-Type: application/octet-stream", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


HTTP_ALL = (
    "penstock",
    "c-loop",
    "fastpysgi",
    "fastwsgi",
    "bjoern",
    "granian",
    "uwsgi",
    "uwsgi-router",
    "gunicorn",
    "gunicorn-gthread",
)
HTTP_KEPT = ("penstock", "c-loop", "fastpysgi", "fastwsgi", "bjoern", "granian", "gunicorn-gthread")
FCGI_ALL = ("penstock-fcgi", "c-responder", "libfcgi", "uwsgi-fcgi", "flup")
THREADED = ("penstock", "granian", "gunicorn-gthread", "waitress", "uwsgi")
BEHIND_NGINX = (
    "penstock-fcgi",
    "penstock",
    "c-responder",
    "libfcgi",
    "bjoern",
    "fastpysgi",
    "granian",
    "gunicorn",
    "gunicorn-gthread",
    "uwsgi-native",
    "flup",
)
GET_HELLO = http_head("GET", "/hello", SMALL_FIELDS)
ECHO_BODY = bytes(i * 167 & 0xFF for i in range(ECHO_BYTES))


def _waiting(connections: int) -> Workload:
    return Workload(
        name=f"threads-{connections}",
        about=f"8 threads, an application that waits 10 ms, {connections} connections (at best 800 requests/s)",
        app="wait",
        head=GET_HELLO,
        connections=connections,
        threads=8,
        servers=THREADED,
        baselines=("granian",),
        groups=("threads",),
        most_rounds=3,
        pace=2.0,
    )


WORKLOADS = {
    each.name: each
    for each in (
        Workload(
            name="http-hello",
            about="WSGI hello over HTTP, kept connections",
            app="hello",
            head=GET_HELLO,
            servers=HTTP_ALL,
            baselines=("fastpysgi", "c-loop"),
            goals={"fastpysgi": 1.0, "c-loop": 1.35},
            groups=("http",),
        ),
        Workload(
            name="http-browser",
            about="the same with a browser's 20 header fields",
            app="hello",
            head=http_head("GET", "/articles/2024/pumped-storage?page=2&sort=date", BROWSER_FIELDS),
            servers=HTTP_KEPT,
            baselines=("fastpysgi", "c-loop"),
            goals={"fastpysgi": 0.85},
            groups=("http",),
        ),
        Workload(
            name="http-post",
            about="POST of 16 KiB, echoed",
            app="echo",
            head=http_head("POST", "/echo", SMALL_FIELDS, body=ECHO_BODY),
            body=ECHO_BODY,
            answer=ECHO_BODY,
            servers=HTTP_KEPT,
            baselines=("fastpysgi", "c-loop"),
            goals={"fastpysgi": 1.0},
            groups=("http",),
        ),
        Workload(
            name="http-big",
            about="an answer of 1 MiB",
            app="big",
            head=http_head("GET", "/big", SMALL_FIELDS),
            answer=BIG,
            connections=8,
            servers=(*HTTP_KEPT, "granian-rsgi"),
            baselines=("fastpysgi", "c-loop"),
            goals={"fastpysgi": 1.0},
            groups=("http",),
        ),
        Workload(
            name="http-stream",
            about="100 chunks of 10 KiB, streamed",
            app="stream",
            head=http_head("GET", "/stream", SMALL_FIELDS),
            answer=PIECE * PIECES,
            connections=8,
            servers=(*HTTP_KEPT, "granian-rsgi"),
            baselines=("granian-rsgi", "c-loop"),
            goals={"granian-rsgi": 1.0},
            groups=("http",),
        ),
        Workload(
            name="http-idle",
            about="10,000 idle connections: memory of each, and hello while they are open",
            app="hello",
            head=GET_HELLO,
            idle=10_000,
            servers=("penstock", "c-loop", "fastpysgi", "fastwsgi", "bjoern", "granian"),
            baselines=("bjoern",),
            groups=("idle",),
            most_rounds=3,
        ),
        _waiting(64),
        _waiting(512),
        Workload(
            name="fcgi-hello",
            about="FastCGI hello, kept connections, no front",
            app="hello",
            protocol="fcgi",
            head=NGINX_PARAMS.encode(),
            servers=FCGI_ALL,
            baselines=("libfcgi", "c-responder"),
            goals={"libfcgi": 1.0},
            groups=("fcgi",),
        ),
        Workload(
            name="fcgi-hello-1",
            about="FastCGI hello over a single connection, one request after the other",
            app="hello",
            protocol="fcgi",
            head=NGINX_PARAMS.encode(),
            connections=1,
            servers=FCGI_ALL,
            baselines=("libfcgi", "c-responder"),
            groups=("fcgi",),
        ),
        Workload(
            name="nginx-hello",
            about="hello behind nginx, nginx and server together, by fastcgi_pass, proxy_pass or uwsgi_pass",
            app="hello",
            head=GET_HELLO,
            nginx=True,
            servers=BEHIND_NGINX,
            baselines=("bjoern", "c-responder"),
            goals={"bjoern": 1.0},
            groups=("nginx",),
        ),
    )
}


def selected(names: str | None) -> list[Workload]:
    """Those named, by workload or by group, comma-separated; all by default. Raises ValueError for an unknown name."""
    if names is None:
        return list(WORKLOADS.values())
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if not any(name == each.name or name in each.groups for each in WORKLOADS.values()):
            raise ValueError(f"no workload or group {name!r}; see --list")
    return [each for each in WORKLOADS.values() if any(name == each.name or name in each.groups for name in wanted)]
