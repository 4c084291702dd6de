"""Every way a request can be wrong, and what is odd yet right. test_malformed.py sends it all; docs/http-conformance.md is
printed from it:

    python tests/malformed.py > docs/http-conformance.md
"""

from dataclasses import dataclass

from penstock.config import Limits

# The defaults, but for the body: nobody wants to send a GiB.
LIMITS = Limits(body_bytes=1000)


@dataclass(frozen=True, slots=True)
class Row:
    """A request. `section` is of the RFC that its group names, unless it names one itself."""

    section: str
    what: str
    wire: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are about one part of a request."""

    title: str
    rfc: str
    rows: tuple[Row, ...]


def start(line: bytes) -> bytes:
    """A whole request but for its first line."""
    return line + b"\r\nHost: a\r\n\r\n"


def target(text: bytes) -> bytes:
    return start(b"GET " + text + b" HTTP/1.1")


def version(text: bytes) -> bytes:
    return start(b"GET / " + text)


def fields(*lines: bytes) -> bytes:
    """A whole head with field lines of its own, and no Host."""
    return b"GET / HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def field(line: bytes) -> bytes:
    return fields(b"Host: a", line)


def post(*lines: bytes, body: bytes = b"hello") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def length(value: bytes, body: bytes = b"hello") -> bytes:
    return post(b"Content-Length: " + value, body=body)


def coding(value: bytes) -> bytes:
    return post(b"Transfer-Encoding: " + value, body=b"5\r\nhello\r\n0\r\n\r\n")


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


def trailer(line: bytes) -> bytes:
    return chunked(b"5\r\nhello\r\n0\r\n" + line + b"\r\n\r\n")


REQUEST_LINE = Group(
    "The request line",
    "RFC 9112",
    (
        Row("3", "no method", start(b" / HTTP/1.1"), 400),
        Row("3", "only a method", start(b"GET"), 400),
        Row("3", "no target", start(b"GET HTTP/1.1"), 400),
        Row("3", "no target between two spaces", start(b"GET  HTTP/1.1"), 400),
        Row("3", "no version: a request of HTTP/0.9", b"GET /\r\n\r\n", 400),
        Row("3", "a space before the method", start(b" GET / HTTP/1.1"), 400),
        Row("3", "two spaces before the target", start(b"GET  / HTTP/1.1"), 400),
        Row("3", "two spaces before the version", start(b"GET /  HTTP/1.1"), 400),
        Row("3", "a space behind the version", start(b"GET / HTTP/1.1 "), 400),
        Row("3", "a tab before the target", start(b"GET\t/ HTTP/1.1"), 400),
        Row("3", "a tab before the version", start(b"GET /\tHTTP/1.1"), 400),
        Row("3", "a tab behind the version", start(b"GET / HTTP/1.1\t"), 400),
        Row("3", "a vertical tab before the target", start(b"GET\x0b/ HTTP/1.1"), 400),
        Row("3", "a form feed before the version", start(b"GET /\x0cHTTP/1.1"), 400),
        Row("3", "a fourth word", start(b"GET / HTTP/1.1 more"), 400),
        Row("3.1", "a method with a separator in it", start(b"GE(T / HTTP/1.1"), 400),
        Row("3.1", "a method with a colon behind it", start(b"GET: / HTTP/1.1"), 400),
        Row("3.1", "a method with a NUL in it", start(b"GE\0T / HTTP/1.1"), 400),
        Row("3.1", "a method beyond ASCII", start(b"G\xc9T / HTTP/1.1"), 400),
        Row("3.1", "a method longer than any in use", start(b"A" * 65 + b" / HTTP/1.1"), 501),
        Row("3", "the hello of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32, 400),
        Row("3", "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        Row("3", "the answer to a request", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400),
        Row("2.2", "two empty lines before it", b"\r\n\r\n" + target(b"/"), 400),
        Row("2.2", "an empty line of a bare LF before it", b"\n" + target(b"/"), 400),
        Row("2.2", "a bare LF at its end", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        Row("2.2", "a bare CR at its end", b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        Row("2.2", "two CR and a LF at its end", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
        Row("2.2", "a LF and a CR at its end", b"GET / HTTP/1.1\n\rHost: a\r\n\r\n", 400),
        Row("2.2", "nothing but bare LF", b"GET / HTTP/1.1\nHost: a\n\n", 400),
        Row("3", "longer than the limit", target(b"/" + b"a" * LIMITS.request_line_bytes), 414),
        Row("3", "longer than the limit, all of it query", target(b"/?" + b"a" * LIMITS.request_line_bytes), 414),
        Row("3", "longer than the limit, and without an end", b"GET /" + b"a" * LIMITS.request_line_bytes, 414),
        Row(
            "3",
            "longer than the limit, and not well-formed there",
            target(b"/" + b"a" * LIMITS.request_line_bytes + b"\0"),
            414,
        ),
    ),
)

VERSION = Group(
    "The version",
    "RFC 9112",
    (
        Row("2.3", "HTTP/2.0", version(b"HTTP/2.0"), 505),
        Row("2.3", "HTTP/3.0", version(b"HTTP/3.0"), 505),
        Row("2.3", "HTTP/0.9", version(b"HTTP/0.9"), 505),
        Row("2.3", "HTTP/1.2", version(b"HTTP/1.2"), 505),
        Row("2.3", "HTTP/9.9", version(b"HTTP/9.9"), 505),
        Row("2.3", "HTTP/1.10", version(b"HTTP/1.10"), 400),
        Row("2.3", "HTTP/11.1", version(b"HTTP/11.1"), 400),
        Row("2.3", "HTTP/01.1", version(b"HTTP/01.1"), 400),
        Row("2.3", "HTTP/1", version(b"HTTP/1"), 400),
        Row("2.3", "HTTP/2", version(b"HTTP/2"), 400),
        Row("2.3", "HTTP/1.", version(b"HTTP/1."), 400),
        Row("2.3", "HTTP/.1", version(b"HTTP/.1"), 400),
        Row("2.3", "HTTP/", version(b"HTTP/"), 400),
        Row("2.3", "HTTP", version(b"HTTP"), 400),
        Row("2.3", "HTTP/1,1", version(b"HTTP/1,1"), 400),
        Row("2.3", "HTTP/-1.1", version(b"HTTP/-1.1"), 400),
        Row("2.3", "HTTP/+1.1", version(b"HTTP/+1.1"), 400),
        Row("2.3", "HTTP/a.b", version(b"HTTP/a.b"), 400),
        Row("2.3", "HTTP /1.1", version(b"HTTP /1.1"), 400),
        Row("2.3", "HTTP/1.1x", version(b"HTTP/1.1x"), 400),
        Row("2.3", "HTTP/1.1 and a NUL", version(b"HTTP/1.1\0"), 400),
        Row("2.3", "http/1.1: a name has a case", version(b"http/1.1"), 400),
        Row("2.3", "Http/1.1", version(b"Http/1.1"), 400),
        Row("2.3", "HTTPS/1.1", version(b"HTTPS/1.1"), 400),
        Row("2.3", "RTSP/1.0", version(b"RTSP/1.0"), 400),
        Row("2.3", "digits beyond ASCII", version("HTTP/１.１".encode()), 400),
    ),
)

TARGET = Group(
    "The target",
    "RFC 9112",
    (
        Row("3.2", "a space in it", target(b"/a b"), 400),
        Row("3.2", "a tab in it", target(b"/a\tb"), 400),
        Row("3.2", "a NUL in it", target(b"/a\0b"), 400),
        Row("3.2", "a control in it", target(b"/a\x01b"), 400),
        Row("3.2", "an escape in it", target(b"/\x1b[2J"), 400),
        Row("3.2", "DEL in it", target(b"/a\x7fb"), 400),
        Row("3.2", "latin-1 in it", target(b"/caf\xe9"), 400),
        Row("3.2", "UTF-8 in it", target("/café".encode()), 400),
        Row("3.2", "a bare CR in it", target(b"/a\rb"), 400),
        Row("3.2", "a bare LF in it", target(b"/a\nb"), 400),
        Row("3.2", "UTF-8 in the query", target("/?é".encode()), 400),
        Row("3.2", "a fragment", target(b"/a#b"), 400),
        Row("3.2", "a fragment behind the query", target(b"/a?b#c"), 400),
        Row("3.2", "an empty fragment", target(b"/#"), 400),
        Row("3.2.1", "a path without a slash", target(b"a"), 400),
        Row("3.2.1", "a path with a backslash first", target(b"\\a"), 400),
        Row("3.2.1", "a query alone", target(b"?a"), 400),
        Row("3.2.1", "a fragment alone", target(b"#a"), 400),
        Row("3.2.1", "a percent sign alone", target(b"/%"), 400),
        Row("3.2.1", "a percent sign and one digit", target(b"/%4"), 400),
        Row("3.2.1", "a percent sign and no hexadecimal digits", target(b"/%zz"), 400),
        Row("3.2.1", "a percent sign that is escaped by nothing", target(b"/%%41"), 400),
        Row("3.2.1", "an escape in the manner of IIS", target(b"/%u0041"), 400),
        Row("3.2.1", "an escape cut by the query", target(b"/%4?1"), 400),
        Row("3.2.2", "no authority", target(b"http:///a"), 400),
        Row("3.2.2", "nothing behind the scheme", target(b"http://"), 400),
        Row("3.2.2", "one slash behind the scheme", target(b"http:/a"), 400),
        Row("3.2.2", "a scheme alone", target(b"http:"), 400),
        Row("3.2.2", "scheme ftp", target(b"ftp://a/"), 400),
        Row("3.2.2", "scheme file", target(b"file:///etc/passwd"), 400),
        Row("3.2.2", "scheme ws", target(b"ws://a/"), 400),
        Row("3.2.2", "scheme javascript", target(b"javascript:alert(1)"), 400),
        Row("RFC 9110, 4.2.4", "a user in the authority", target(b"http://user@a/"), 400),
        Row("RFC 9110, 4.2.4", "a user and a password in the authority", target(b"http://user:secret@a/"), 400),
        Row("3.2.2", "a port that is no number", target(b"http://a:b/"), 400),
        Row("3.2.2", "a port beyond 65535", target(b"http://a:65536/"), 400),
        Row("3.2.2", "a port and no host", target(b"http://:80/"), 400),
        Row("3.2.2", "an IPv6 address without its end", target(b"http://[::1/"), 400),
        Row("3.2.2", "an IPv6 address that is none", target(b"http://[::g]/"), 400),
        Row("3.2.2", "a bad escape in the path", target(b"http://a/%zz"), 400),
        Row("3.2.2", "a fragment behind the authority", target(b"http://a#b"), 400),
        Row("3.2.3", "authority form without CONNECT", target(b"a:80"), 400),
        Row("3.2.3", "CONNECT: this is no proxy", start(b"CONNECT a:443 HTTP/1.1"), 400),
        Row("3.2.3", "CONNECT with a path", start(b"CONNECT / HTTP/1.1"), 400),
        Row("3.2.4", "an asterisk with GET", target(b"*"), 400),
        Row("3.2.4", "an asterisk with POST", start(b"POST * HTTP/1.1"), 400),
        Row("3.2.4", "an asterisk with options in lower case", start(b"options * HTTP/1.1"), 400),
        Row("3.2.4", "more than an asterisk", start(b"OPTIONS *a HTTP/1.1"), 400),
        Row("3.2.4", "a slash behind an asterisk", start(b"OPTIONS */ HTTP/1.1"), 400),
    ),
)

HOST = Group(
    "Host",
    "RFC 9112",
    (
        Row("3.2", "none", fields(b"Accept: */*"), 400),
        Row("3.2", "none, in a request without fields", fields(), 400),
        Row("3.2", "none, with an absolute target", b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
        Row("3.2", "two that are equal", fields(b"Host: a", b"Host: a"), 400),
        Row("3.2", "two that differ", fields(b"Host: a", b"Host: b"), 400),
        Row("3.2", "two that differ in case", fields(b"Host: a", b"HOST: a"), 400),
        Row("3.2", "two, apart", fields(b"Host: a", b"Accept: */*", b"Host: b"), 400),
        Row("3.2", "two, in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        Row("3.2", "two, with an absolute target", b"GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        Row("3.2", "invalid, with an absolute target", b"GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n", 400),
        Row("3.2", "invalid, in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: b c\r\n\r\n", 400),
        Row("3.2", "an empty one", fields(b"Host:"), 400),
        Row("3.2", "one of blanks", fields(b"Host: \t "), 400),
        Row("3.2", "a list", fields(b"Host: a, b"), 400),
        Row("3.2", "a space in it", fields(b"Host: a b"), 400),
        Row("3.2", "a tab in it", fields(b"Host: a\tb"), 400),
        Row("3.2", "a path behind it", fields(b"Host: a/b"), 400),
        Row("3.2", "a query behind it", fields(b"Host: a?b"), 400),
        Row("3.2", "a fragment behind it", fields(b"Host: a#b"), 400),
        Row("3.2", "a backslash in it", fields(b"Host: a\\b"), 400),
        Row("3.2", "a scheme before it", fields(b"Host: http://a"), 400),
        Row("3.2", "a user before it", fields(b"Host: user@a"), 400),
        Row("3.2", "quoted", fields(b'Host: "a"'), 400),
        Row("3.2", "markup", fields(b"Host: <b>a</b>"), 400),
        Row("3.2", "a NUL in it", fields(b"Host: a\0b"), 400),
        Row("3.2", "beyond ASCII", fields("Host: é".encode()), 400),
        Row("3.2", "a bad escape in it", fields(b"Host: a%zz"), 400),
        Row("3.2", "a port and no host", fields(b"Host: :80"), 400),
        Row("3.2", "a port that is no number", fields(b"Host: a:b"), 400),
        Row("3.2", "a negative port", fields(b"Host: a:-1"), 400),
        Row("3.2", "a port beyond 65535", fields(b"Host: a:65536"), 400),
        Row("3.2", "two ports", fields(b"Host: a:80:80"), 400),
        Row("3.2", "an IPv6 address without brackets", fields(b"Host: ::1"), 400),
        Row("3.2", "an IPv6 address without its end", fields(b"Host: [::1"), 400),
        Row("3.2", "an IPv6 address that is none", fields(b"Host: [1:2:3]"), 400),
        Row("3.2", "an IPv6 address with a zone", fields(b"Host: [fe80::1%25eth0]"), 400),
        Row("3.2", "more behind an IPv6 address", fields(b"Host: [::1]a"), 400),
    ),
)

FIELDS = Group(
    "Fields",
    "RFC 9112",
    (
        Row("5.1", "a space before the colon", field(b"X : a"), 400),
        Row("5.1", "a tab before the colon", field(b"X\t: a"), 400),
        Row("5.1", "a space before the colon of Host", fields(b"Host : a"), 400),
        Row("5.1", "a space before the colon of Content-Length", post(b"Content-Length : 5"), 400),
        Row("5.1", "a space before the colon of Transfer-Encoding", post(b"Transfer-Encoding : chunked"), 400),
        Row("5", "no colon", field(b"X"), 400),
        Row("5", "no name", field(b": a"), 400),
        Row("5", "neither name nor value", field(b":"), 400),
        Row("5", "a space in the name", field(b"X Y: a"), 400),
        Row("5", "a bracket in the name", field(b"X(Y): a"), 400),
        Row("5", "a slash in the name", field(b"X/Y: a"), 400),
        Row("5", "an at sign in the name", field(b"X@Y: a"), 400),
        Row("5", "an equals sign in the name", field(b"X=Y: a"), 400),
        Row("5", "quotes in the name", field(b'"X": a'), 400),
        Row("5", "a NUL in the name", field(b"X\0: a"), 400),
        Row("5", "a control in the name", field(b"X\x0b: a"), 400),
        Row("5", "DEL in the name", field(b"X\x7f: a"), 400),
        Row("5", "a name beyond ASCII", field("Ä: a".encode()), 400),
        Row("5", "a bare CR in the name", field(b"X\rY: a"), 400),
        Row("5.2", "a line folded by a space", field(b"X: a\r\n b"), 400),
        Row("5.2", "a line folded by a tab", field(b"X: a\r\n\tb"), 400),
        Row("5.2", "a line folded twice", field(b"X: a\r\n b\r\n c"), 400),
        Row("5.2", "a line folded before its value", post(b"Content-Length:\r\n 5"), 400),
        Row("5.2", "a coding folded before its value", post(b"Transfer-Encoding:\r\n chunked"), 400),
        Row("5.2", "a line of a space alone", field(b"X: a\r\n "), 400),
        Row("2.2", "blanks before the first field", fields(b" Host: a"), 400),
        Row("2.2", "a line of blanks before the first field", fields(b" ", b"Host: a"), 400),
        Row("2.2", "a bare LF at a field's end", b"GET / HTTP/1.1\r\nX: a\nHost: a\r\n\r\n", 400),
        Row("2.2", "a bare LF in front of a field's CR LF", field(b"X: a\n"), 400),
        Row("2.2", "a bare CR at a field's end", b"GET / HTTP/1.1\r\nX: a\rHost: a\r\n\r\n", 400),
        Row("2.2", "two CR and a LF at a field's end", field(b"X: a\r"), 400),
        Row("2.2", "bare LF at the head's end", b"GET / HTTP/1.1\r\nHost: a\n\n", 400),
        Row("2.2", "CR LF and a bare LF at the head's end", b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        Row("2.2", "CR LF and a bare CR at the head's end", b"GET / HTTP/1.1\r\nHost: a\r\n\rX: a\r\n\r\n", 400),
        Row("2.2", "a bare LF and CR LF at the head's end", b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        Row("2.2", "a bare CR in a value", field(b"X: a\rb"), 400),
        Row("2.2", "a bare LF in a value", field(b"X: a\nb"), 400),
        Row("2.2", "a bare CR before a value", field(b"X:\ra"), 400),
        Row("RFC 9110, 5.5", "a NUL in a value", field(b"X: a\0b"), 400),
        Row("RFC 9110, 5.5", "a NUL for a value", field(b"X: \0"), 400),
        Row("RFC 9110, 5.5", "a NUL at a value's end", field(b"X: a\0"), 400),
        Row("RFC 9110, 5.5", "a control in a value", field(b"X: a\x01b"), 400),
        Row("RFC 9110, 5.5", "a backspace in a value", field(b"X: a\x08b"), 400),
        Row("RFC 9110, 5.5", "a vertical tab in a value", field(b"X: a\x0bb"), 400),
        Row("RFC 9110, 5.5", "a form feed in a value", field(b"X: a\x0cb"), 400),
        Row("RFC 9110, 5.5", "an escape in a value", field(b"X: \x1b[2J"), 400),
        Row("RFC 9110, 5.5", "0x1F in a value", field(b"X: a\x1fb"), 400),
        Row("RFC 9110, 5.5", "DEL in a value", field(b"X: a\x7fb"), 400),
        Row("RFC 9110, 7.6.1", "an option of Connection that is no token", field(b"Connection: clo se"), 400),
        Row("RFC 9110, 7.6.1", "an option of Connection in quotes", field(b'Connection: "close"'), 400),
        Row("RFC 9110, 10.1.1", "an expectation that nobody knows", field(b"Expect: 200-ok"), 417),
        Row("RFC 9110, 10.1.1", "a second expectation", field(b"Expect: 100-continue, more"), 417),
        Row("RFC 9110, 10.1.1", "an expectation with a parameter", field(b"Expect: 100-continue;a=b"), 417),
        Row("RFC 6585, 5", "a field longer than the limit", field(b"X: " + b"a" * LIMITS.field_bytes), 431),
        Row("RFC 6585, 5", "a name longer than the limit", field(b"X" * LIMITS.field_bytes + b": a"), 431),
        Row("RFC 6585, 5", "blanks longer than the limit", field(b"X:" + b" " * LIMITS.field_bytes + b"a"), 431),
        Row("RFC 6585, 5", "a field without an end", b"GET / HTTP/1.1\r\nX: " + b"a" * LIMITS.field_bytes, 431),
        Row("RFC 6585, 5", "a name without an end", b"GET / HTTP/1.1\r\n" + b"X" * (LIMITS.field_bytes + 1), 431),
        Row("RFC 6585, 5", "more fields than the limit", fields(b"Host: a", *[b"X: a"] * LIMITS.fields), 431),
        Row("RFC 6585, 5", "a head larger than the limit", fields(b"Host: a", *[b"X: " + b"a" * 8000] * 9), 431),
        Row("RFC 6585, 5", "a head without an end", b"GET / HTTP/1.1\r\n" + (b"X: " + b"a" * 8000 + b"\r\n") * 9, 431),
    ),
)

LENGTH = Group(
    "Content-Length",
    "RFC 9110",
    (
        Row("8.6", "two that differ", post(b"Content-Length: 5", b"Content-Length: 6"), 400),
        Row("8.6", "two that are equal", post(b"Content-Length: 5", b"Content-Length: 5"), 400),
        Row("8.6", "two, apart and in another case", post(b"Content-Length: 5", b"X: a", b"content-length: 0"), 400),
        Row("8.6", "a list of two that differ", length(b"5, 6"), 400),
        Row("8.6", "a list of two that are equal", length(b"5, 5"), 400),
        Row("8.6", "a list of two without a blank", length(b"5,5"), 400),
        Row("8.6", "a list of one", length(b"5,"), 400),
        Row("8.6", "empty", length(b""), 400),
        Row("8.6", "blanks", length(b" \t "), 400),
        Row("8.6", "two numbers", length(b"5 5"), 400),
        Row("8.6", "a plus sign", length(b"+5"), 400),
        Row("8.6", "a minus sign", length(b"-5"), 400),
        Row("8.6", "minus zero", length(b"-0"), 400),
        Row("8.6", "hexadecimal", length(b"0x5"), 400),
        Row("8.6", "a letter behind it", length(b"5a"), 400),
        Row("8.6", "a letter", length(b"a"), 400),
        Row("8.6", "a fraction", length(b"5.0"), 400),
        Row("8.6", "an exponent", length(b"5e0"), 400),
        Row("8.6", "an underscore, as Python reads it", length(b"0_5"), 400),
        Row("8.6", "quoted", length(b'"5"'), 400),
        Row("8.6", "a parameter", length(b"5;a=b"), 400),
        Row("8.6", "digits of Unicode", length("５".encode()), 400),
        Row("8.6", "a latin-1 digit", length(b"\xb2"), 400),
        Row("8.6", "a no-break space before it", length(b"\xa05"), 400),
        Row("8.6", "a vertical tab before it", length(b"\x0b5"), 400),
        Row("8.6", "a NUL behind it", length(b"5\0"), 400),
        Row("8.6", "2 to the 63rd", length(b"9223372036854775808"), 400),
        Row("8.6", "2 to the 64th and five", length(b"18446744073709551621"), 400),
        Row("8.6", "a number of 400 digits", length(b"9" * 400), 400),
        Row("15.5.14", "larger than the limit", length(b"%d" % (LIMITS.body_bytes + 1)), 413),
        Row("15.5.14", "the largest number there is", length(b"9223372036854775807"), 413),
        Row(
            "15.5.14",
            "larger than the limit, and 100 (Continue) is awaited",
            post(b"Content-Length: %d" % (LIMITS.body_bytes + 1), b"Expect: 100-continue", body=b""),
            413,
        ),
    ),
)

CODING = Group(
    "Transfer-Encoding",
    "RFC 9112",
    (
        Row("6.1", "behind a Content-Length", post(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
        Row("6.1", "before a Content-Length", post(b"Transfer-Encoding: chunked", b"Content-Length: 5"), 400),
        Row("6.1", "beside a Content-Length of 0", post(b"Content-Length: 0", b"Transfer-Encoding: chunked"), 400),
        Row("6.1", "unknown, beside a Content-Length", post(b"Content-Length: 5", b"Transfer-Encoding: a"), 400),
        Row("6.1", "in HTTP/1.0", coding(b"chunked").replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
        Row("6.1", "twice", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
        Row("6.1", "chunked, then identity", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"), 400),
        Row("6.1", "identity, then chunked", post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"), 501),
        Row("6.1", "chunked, chunked", coding(b"chunked, chunked"), 400),
        Row("6.1", "chunked and not last", coding(b"chunked, gzip"), 400),
        Row("6.1", "gzip, chunked", coding(b"gzip, chunked"), 501),
        Row("6.1", "gzip", coding(b"gzip"), 501),
        Row("6.1", "identity", coding(b"identity"), 501),
        Row("6.1", "unknown", coding(b"cow"), 501),
        Row("6.1", "xchunked", coding(b"xchunked"), 501),
        Row("6.1", "chunkedx", coding(b"chunkedx"), 501),
        Row("6.1", "a letter that is chunked's only in Unicode", coding(b"chun\xe2\x84\xaaed"), 400),
        Row("6.1", "empty", coding(b""), 400),
        Row("6.1", "a comma", coding(b","), 400),
        Row("6.1", "a comma before it", coding(b", chunked"), 400),
        Row("6.1", "a comma behind it", coding(b"chunked,"), 400),
        Row("6.1", "quoted", coding(b'"chunked"'), 400),
        Row("6.1", "in apostrophes", coding(b"'chunked'"), 501),
        Row("6.1", "with a parameter", coding(b"chunked;a=b"), 400),
        Row("6.1", "with an empty parameter", coding(b"chunked;"), 400),
        Row("6.1", "cut in two", coding(b"chun ked"), 400),
        Row("6.1", "a vertical tab before it", coding(b"\x0bchunked"), 400),
        Row("6.1", "a vertical tab behind it", coding(b"chunked\x0b"), 400),
        Row("6.1", "a form feed behind it", coding(b"chunked\x0c"), 400),
        Row("6.1", "a NUL behind it", coding(b"chunked\0"), 400),
        Row("6.1", "a no-break space behind it", coding(b"chunked\xa0"), 400),
        Row("6.1", "a colon before it", coding(b": chunked"), 400),
        Row("6.1", "a bare CR behind it", coding(b"chunked\r"), 400),
        Row("6.1", "a bare LF before it", coding(b"\nchunked"), 400),
    ),
)

CHUNKS = Group(
    "The chunked coding",
    "RFC 9112",
    (
        Row("7.1", "a size that is empty", chunked(b"\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a size that is no number", chunked(b"g\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a minus sign", chunked(b"-5\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a plus sign", chunked(b"+5\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a size with 0x", chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a size with an underscore", chunked(b"0_5\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a blank before the size", chunked(b" 5\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a blank behind the size", chunked(b"5 \r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a tab behind the size", chunked(b"5\t\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a comma behind the size", chunked(b"5,5\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a NUL behind the size", chunked(b"5\0\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a size in digits of Unicode", chunked("５\r\nhello\r\n0\r\n\r\n".encode()), 400),
        Row("7.1", "a size of 16 digits", chunked(b"0000000000000005\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a size of 64 bits", chunked(b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "2 to the 64th and five", chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a size without an end", chunked(b"0" * 100), 400),
        Row("7.1", "a bare LF behind the size", chunked(b"5\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "a bare CR behind the size", chunked(b"5\rhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "two CR and a LF behind the size", chunked(b"5\r\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1", "more data than the size", chunked(b"5\r\nhello!\r\n0\r\n\r\n"), 400),
        Row("7.1", "fewer data than the size", chunked(b"5\r\nhell\r\n0\r\n\r\n"), 400),
        Row("7.1", "nothing behind the data", chunked(b"5\r\nhello0\r\n\r\n"), 400),
        Row("7.1", "a bare LF behind the data", chunked(b"5\r\nhello\n0\r\n\r\n"), 400),
        Row("7.1", "a bare CR behind the data", chunked(b"5\r\nhello\r0\r\n\r\n"), 400),
        Row("7.1", "a LF and a CR behind the data", chunked(b"5\r\nhello\n\r0\r\n\r\n"), 400),
        Row("7.1", "a bare LF behind the last size", chunked(b"5\r\nhello\r\n0\n\r\n"), 400),
        Row("7.1", "a bare LF at the end", chunked(b"5\r\nhello\r\n0\r\n\n"), 400),
        Row("7.1", "a bare CR at the end", chunked(b"5\r\nhello\r\n0\r\n\r"), 400),
        Row("7.1.1", "an extension without a name", chunked(b"5;\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1.1", "an extension with an empty value", chunked(b"5;a=\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1.1", "an extension of two words", chunked(b"5;a b\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1.1", "an extension without its quote", chunked(b'5;a="b\r\nhello\r\n0\r\n\r\n'), 400),
        Row("7.1.1", "more behind an extension's quote", chunked(b'5;a="b"c\r\nhello\r\n0\r\n\r\n'), 400),
        Row("7.1.1", "a NUL in an extension", chunked(b"5;a\0\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1.1", "a bare LF in an extension", chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1.1", "a bare CR in an extension", chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1.1", "a bare LF in an extension's quotes", chunked(b'5;a="\n"\r\nhello\r\n0\r\n\r\n'), 400),
        Row("7.1.1", "a bare LF behind an extension", chunked(b"5;a\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1.1", "an extension of 5,000 bytes", chunked(b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n"), 400),
        Row("7.1.1", "extensions of 5,000 bytes together", chunked((b"1;" + b"a" * 500 + b"\r\nx\r\n") * 10), 400),
        Row("7.1.2", "a trailer without a colon", trailer(b"X"), 400),
        Row("7.1.2", "a trailer without a name", trailer(b": a"), 400),
        Row("7.1.2", "a trailer with a space before its colon", trailer(b"X : a"), 400),
        Row("7.1.2", "a trailer that is folded", trailer(b"X: a\r\n b"), 400),
        Row("7.1.2", "a trailer with a NUL in it", trailer(b"X: \0"), 400),
        Row("7.1.2", "a trailer with a bare LF in it", trailer(b"X: a\nY: b"), 400),
        Row("7.1.2", "a trailer with a bare CR in it", trailer(b"X: a\rY: b"), 400),
        Row("7.1.2", "a trailer with a blank before it", trailer(b" X: a"), 400),
        Row("RFC 6585, 5", "trailers larger than the limit", trailer(b"X: " + b"a" * LIMITS.head_bytes), 431),
        Row("RFC 6585, 5", "trailers without an end", trailer(b"\r\n".join([b"X: " + b"a" * 1000] * 80)), 431),
        Row("RFC 9110, 15.5.14", "one chunk larger than the limit", chunked(b"1000\r\n" + b"a" * 0x1000), 413),
        Row("RFC 9110, 15.5.14", "chunks together larger than the limit", chunked(b"40\r\n%064d\r\n" % 0 * 20), 413),
        Row("RFC 9110, 15.5.14", "a chunk of 2 to the 59th", chunked(b"%x\r\n" % 2**59 + b"a" * 0x1000), 413),
    ),
)

MALFORMED = (REQUEST_LINE, VERSION, TARGET, HOST, FIELDS, LENGTH, CODING, CHUNKS)


@dataclass(frozen=True, slots=True)
class Legal:
    """A request that is read, and what of it the application is given: the path, or the body where there is one."""

    section: str
    what: str
    wire: bytes
    path: str = "/"
    body: bytes = b""


LEGAL = (
    Legal("RFC 9112, 2.2", "an empty line before the request line", b"\r\n" + target(b"/")),
    Legal("RFC 9112, 2.3", "HTTP/1.0 without Host", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    Legal("RFC 9110, 9.1", "a method that nobody knows", start(b"M-SEARCH / HTTP/1.1")),
    Legal("RFC 9110, 9.1", "a method of 64 bytes", start(b"A" * 64 + b" / HTTP/1.1")),
    Legal("RFC 9112, 3", "a request line of just the limit", target(b"/" + b"a" * 8176), "/" + "a" * 8176),
    Legal("RFC 9112, 3.2.1", "two slashes", target(b"//a//b"), "//a//b"),
    Legal("RFC 9112, 3.2.1", "dots, which are the application's to resolve", target(b"/a/../b/./c"), "/a/../b/./c"),
    Legal("RFC 9112, 3.2.1", "an escaped slash", target(b"/a%2Fb"), "/a/b"),
    Legal("RFC 9112, 3.2.1", "an escaped percent sign, decoded once", target(b"/%2541"), "/%41"),
    Legal("RFC 9112, 3.2.1", "an escaped NUL", target(b"/%00"), "/\0"),
    Legal("RFC 9112, 3.2.1", "bytes that are no UTF-8", target(b"/%FF%fe"), "/\xff\xfe"),
    Legal("RFC 9112, 3.2.1", "a percent sign in the query, which is not decoded", target(b"/?100%")),
    Legal("RFC 9112, 3.2.2", "an absolute target", target(b"http://b:81/c?d"), "/c"),
    Legal("RFC 9112, 3.2.2", "an absolute target without a path", target(b"HTTP://b?d")),
    Legal("RFC 9112, 3.2.4", "OPTIONS of the server itself", start(b"OPTIONS * HTTP/1.1"), ""),
    Legal("RFC 9112, 3.2", "Host with an IPv6 address and a port", fields(b"Host: [2001:db8::1]:8080")),
    Legal("RFC 9112, 3.2", "Host with an empty port", fields(b"Host: a:")),
    Legal("RFC 9112, 5", "no blank behind the colon", fields(b"Host:a")),
    Legal("RFC 9112, 5", "many blanks around a value", fields(b"Host:\t  a \t ")),
    Legal("RFC 9112, 5", "an empty value", field(b"X:")),
    Legal("RFC 9110, 5.5", "a value beyond ASCII", field(b"X: \xe9\xff")),
    Legal("RFC 9110, 5.6.1", "empty elements in a list", field(b"Connection: , keep-alive ,,")),
    Legal("RFC 6585, 5", "just as many fields as the limit", fields(b"Host: a", *[b"X: a"] * (LIMITS.fields - 1))),
    Legal("RFC 9110, 8.6", "a body with GET", field(b"Content-Length: 5") + b"hello", body=b"hello"),
    Legal("RFC 9110, 8.6", "zeros before a length", length(b"0005"), body=b"hello"),
    Legal("RFC 9110, 8.6", "a length of just the limit", length(b"1000", b"a" * 1000), body=b"a" * 1000),
    Legal("RFC 9112, 6.1", "the coding in capitals", coding(b"CHUNKED"), body=b"hello"),
    Legal("RFC 9112, 6.1", "blanks around the coding", coding(b"\t chunked \t"), body=b"hello"),
    Legal(
        "RFC 9112, 7.1",
        "a size in capitals and with zeros",
        chunked(b"00A\r\n0123456789\r\n00\r\n\r\n"),
        body=b"0123456789",
    ),
    Legal("RFC 9112, 7.1", "no chunk but the last", chunked(b"0\r\n\r\n")),
    Legal("RFC 9112, 7.1.1", "an extension", chunked(b'5;a;b=c;d="e;\\""\r\nhello\r\n0;f\r\n\r\n'), body=b"hello"),
    Legal("RFC 9112, 7.1.1", "blanks around an extension", chunked(b"5 ; a = b\r\nhello\r\n0\r\n\r\n"), body=b"hello"),
    Legal("RFC 9112, 7.1.2", "trailers, dropped", trailer(b"Content-Length: 7\r\nHost: evil"), body=b"hello"),
)


ROWS = tuple(row for group in MALFORMED for row in group.rows)


# ---- the document ----

_TOP = f"""\
# What is refused, and how

Where a front server and Penstock could disagree about where a message ends or what it says, Penstock refuses it: there are no
lenient settings. Each request below is answered with the status that stands behind it and `Connection: close`, and the
connection is closed; the application sees neither it nor anything that was sent behind it. `tests/test_malformed.py` sends them
all, each with a complete second request behind it, alone and behind a good one, and all but the largest in single bytes too.

This page is printed from the table of that test: `python tests/malformed.py > docs/http-conformance.md`.

The limits are settings (`docs/settings.md`). Those met here are a request line of \
{LIMITS.request_line_bytes:,} bytes,
a field of {LIMITS.field_bytes:,}, {LIMITS.fields} fields, a head of {LIMITS.head_bytes:,}, which are the defaults, and a body \
of {LIMITS.body_bytes:,}, which is not.
"""

_LEGAL = """\
## Odd, and served

What may look wrong and is not. Each is answered, and so is the request behind it.

| section | what |
|---|---|"""


def document() -> str:
    parts = [_TOP]
    for group in MALFORMED:
        parts += [f"## {group.title}", "", "| section | what | answer |", "|---|---|---|"]
        for row in group.rows:
            section = row.section if row.section.startswith("RFC") else f"{group.rfc}, {row.section}"
            parts.append(f"| {section} | {row.what} | {row.status} |")
        parts.append("")
    parts.append(_LEGAL)
    parts += [f"| {legal.section} | {legal.what} |" for legal in LEGAL]
    return "\n".join(parts)


if __name__ == "__main__":
    print(document())
