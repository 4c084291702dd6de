"""One request to a server under test, over whichever protocol, for what must not depend on it.

    reply = call(server, "POST", "/a%20b?c", headers=[("X", "y")], body=b"hello")
    assert (reply.status, reply.body) == (200, b"hello")

Over FastCGI it is sent as nginx sends what it received, with the stock parameters.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import http_client
from fastcgi_client import Client as FastCgiClient
from serving import Serving

PROTOCOLS = ("http", "fcgi")

Fields = Iterable[tuple[str, str]]

_CGI_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e\x80-\xff]*)")
_CGI_STATUS = re.compile(r"([2-5][0-9]{2}) (.*)")


@dataclass(frozen=True, slots=True)
class Reply(http_client.Head):
    body: bytes = b""
    errors: str = ""  # what came on a stream of its own; over HTTP there is none


class Broken(Exception):
    """The answer broke off, and one could see it."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body  # so much of it had come; over FastCGI nobody says


def call(
    server: Serving,
    method: str = "GET",
    target: str = "/",
    *,
    headers: Fields = (),
    body: bytes | None = None,
    chunks: Sequence[bytes] | None = None,
) -> Reply:
    """Raises Broken. With `chunks` the length of the body is known only when it has ended."""
    if server.protocol == "http":
        return _over_http(
            server, method, http_client.request(method, target, headers=headers, body=body, chunks=chunks)
        )
    return _over_fastcgi(server, params(method, target, headers, None if chunks else body), body, chunks)


def _over_http(server: Serving, method: str, sent: bytes) -> Reply:
    try:
        response = server.ask(sent, method)
    except http_client.Ended as ended:
        raise Broken(ended.body) from None
    return Reply(response.status, response.reason, response.fields, response.body)


def params(method: str, target: str, headers: Fields, body: bytes | None) -> list[tuple[bytes, bytes]]:
    """What nginx makes of a request, with `include fastcgi_params` and nothing else."""
    path, _, query = target.partition("?")
    length = "" if body is None else str(len(body))
    given = {name.lower(): value for name, value in headers}
    stock: list[tuple[str, str | bytes]] = [
        ("QUERY_STRING", query),
        ("REQUEST_METHOD", method),
        ("CONTENT_TYPE", given.get("content-type", "")),
        ("CONTENT_LENGTH", length),
        ("SCRIPT_NAME", unquote_to_bytes(path)),
        ("REQUEST_URI", target),
        ("DOCUMENT_URI", unquote_to_bytes(path)),
        ("DOCUMENT_ROOT", "/usr/share/nginx/html"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REQUEST_SCHEME", "http"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_SOFTWARE", "nginx/1.22.1"),
        ("REMOTE_ADDR", "192.0.2.1"),
        ("REMOTE_PORT", "51000"),
        ("SERVER_ADDR", "127.0.0.1"),
        ("SERVER_PORT", "80"),
        ("SERVER_NAME", "penstock.test"),
        ("REDIRECT_STATUS", "200"),
    ]
    sent = [("host", "penstock.test"), *headers] if "host" not in given else list(headers)
    sent += [("content-length", length)] if length else []
    stock += [("HTTP_" + name.upper().replace("-", "_"), value) for name, value in sent]
    return [(name.encode(), value if isinstance(value, bytes) else value.encode("latin-1")) for name, value in stock]


def _over_fastcgi(
    server: Serving, pairs: list[tuple[bytes, bytes]], body: bytes | None, chunks: Sequence[bytes] | None
) -> Reply:
    with FastCgiClient(server.address) as client:
        try:
            answer = client.request(pairs, b"".join(chunks) if chunks else body or b"")
        except ConnectionError:
            raise Broken(b"") from None
        assert client.at_end()
    assert (answer.app_status, answer.protocol_status) == (0, 0)
    head, body = cgi_answer(answer.stdout)
    return Reply(head.status, head.reason, head.fields, body, answer.stderr.decode())


def cgi_answer(stdout: bytes) -> tuple[http_client.Head, bytes]:
    """The head and the body of a CGI answer (RFC 3875, section 6), read strictly."""
    lines, end, body = stdout.partition(b"\r\n\r\n")
    assert end, stdout[:1000]
    fields = []
    for line in lines.split(b"\r\n"):
        match = _CGI_LINE.fullmatch(line)
        assert match is not None, line
        fields.append((match[1].decode(), match[2].decode("latin-1")))
    name, status = fields.pop()
    match_status = _CGI_STATUS.fullmatch(status)
    assert name == "Status", fields  # last: a Location behind it would change it (docs/fronts.md)
    assert match_status is not None, status
    assert "status" not in {each.lower() for each, _ in fields}
    head = http_client.Head(int(match_status[1]), match_status[2], tuple(fields))
    _check(head, body)
    return head, body


def _check(head: http_client.Head, body: bytes) -> None:
    assert {"connection", "transfer-encoding"}.isdisjoint(name.lower() for name, _ in head.fields), head
    length = head.get("Content-Length")
    if head.status in (204, 304):
        assert body == b"", head
    elif length is not None and body:
        assert len(body) == int(length), head
