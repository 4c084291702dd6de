"""penstock.http1 beside h11: the same events, or both refuse. Where one is stricter on purpose stands in the tables below."""

from dataclasses import dataclass, field

import h11
import pytest
from corpus import Case, corpus
from hypothesis import given
from hypothesis import strategies as st
from penstock.http1 import Data, Decoder, EndOfMessage, Request, encode_chunk

# What h11 does not look at, by the error that we report for it (sections of RFC 9112 unless another is named).
UNREAD_BY_H11 = {
    "PS_ETARGET": "3.2: the form of the target, and its escapes",
    "PS_EHOST": "3.2: what Host says; h11 only counts it",
    "PS_EVERSION": "2.3: versions but 1.0 and 1.1, which h11 hands to the application",
    "PS_EFOLD": "5.2: obsolete folding, which h11 unfolds; a server may also refuse it",
    "PS_EEXPECT": "RFC 9110, 10.1.1: expectations but 100-continue",
    "PS_EMETHOD": "3.1: a limit; h11 has only one, for everything that is incomplete",
    "PS_ETARGETLONG": "3: likewise",
    "PS_ECHUNKEXT": "7.1.1: likewise",
    "PS_EHEADLONG": "7.1.2: likewise",
}

# Cases of the corpora that h11 accepts, by the reason for which we do not.
ACCEPTED_BY_H11 = {
    "3: HTTP/0.9 has no version; h11 still reads such a line": {"a request of HTTP/0.9"},
    "2.2: a line may be taken to end in a bare LF, or not; readers differ, so it is refused": {
        "a bare LF behind the request line",
        "a bare LF in a value",
        "a bare LF for the empty line",
        "lines of LF only",
        "a length behind an LF",
        "a bare LF behind a trailer",
        "a bare LF for the last empty line",
    },
    "2.2: a bare CR; h11 waits for more": {"a bare CR for the empty line", "a bare CR for the last empty line"},
    "RFC 9110, 5.5: control characters but NUL, CR and LF in a value": {
        "a DEL in a value",
        "an escape character behind sixteen bytes of value",
        "a DEL in a trailer",
    },
    "RFC 9110, 7.6.1: Connection is a list of tokens": {"an option that is no token", "two words for an option"},
    "RFC 9110, 8.6: lengths beyond 63 bits; h11 counts without end": {
        "a length beyond 63 bits",
        "a length that wraps to 3 in 64 bits",
    },
    "6.3: two lengths that are equal may be read as one; who sends two is not trusted with either": {
        "two equal lengths",
        "a list of equal lengths",
    },
    "6.1: a length beside a coding ought to be an error, and is; h11 ignores the length": {
        "a coding, then a length",
        "a chunked body and a length",
        "a length, then a coding",
        "a length and a chunked body",
    },
    "6.1: a coding in HTTP/1.0 has faulty framing": {"a coding in HTTP/1.0"},
    "5.2: the coding read before the line is folded": {"obsolete folding of Transfer-Encoding"},
    "5.2: folding in trailers": {"a folded trailer"},
    "7.1: digits of a size beyond 15; h11 takes 20": {
        "more digits than any size needs",
        "a last chunk of too many zeros",
        "a size beyond 60 bits",
        "a size that wraps to 3 in 64 bits",
    },
    "7.1: white space behind a size": {"a space behind a size", "a tab behind a size"},
    "7.1.1: extensions, which h11 skips unread": {
        "white space behind an extension's name",
        "white space behind an extension's value",
        "white space behind a quoted string",
        "an empty extension",
        "two semicolons",
        "a semicolon at the end",
        "an extension without a name",
        "an extension without its value",
        "an extension with two equals signs",
        "two words for a value",
        "two words for a name",
        "text behind a quoted string",
        "a quote inside a token",
        "a NUL in a quoted string",
        "a bare CR behind an extension",
        "a NUL in an extension",
        "a byte above ASCII in an extension's name",
        "an extension with a colon for an equals sign",
    },
}

# Cases that h11 refuses, by the reason for which we do not.
REFUSED_BY_H11 = {
    "2.2: a server should ignore an empty line before a request line": {
        "one empty line before the request line is skipped",
        "an empty line between pipelined requests",
    },
    "RFC 9110, 8.6: 1*DIGIT, which h11 takes to be at most 20": {"a length with zeros before it"},
    "7.1.1: white space before the semicolon of an extension": {"white space where the grammar has it"},
}


@dataclass
class Outcome:
    """What a reader makes of a wire: heads, joined data and ends, in order."""

    events: list[object] = field(default_factory=list)
    error: str | None = None
    stopped: bool = False  # it takes the connection to be over; what follows was not read

    def add_data(self, data: bytes) -> None:
        if self.events and isinstance(before := self.events[-1], bytes):
            self.events[-1] = before + data
        elif data:
            self.events.append(data)


def plain(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """As h11 shows them: names in lower case, and the value of Transfer-Encoding."""
    lower = [(name.lower(), value) for name, value in headers]
    return [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in lower]


def by_penstock(wire: bytes) -> Outcome:
    decoder = Decoder(line_bytes=8192, field_bytes=65536, trailer_bytes=1024)
    found = Outcome()
    for event in decoder.feed(wire):
        match event:
            case Request(method=method, target=target, version=version, headers=headers, expect_continue=waits):
                found.events.append((method, target, version, plain(headers), waits))
            case Data(data=data):
                found.add_data(data)
            case EndOfMessage():
                found.events.append("end")
    found.error = decoder.error and decoder.error.code
    found.stopped = decoder.finished
    return found


def by_h11(wire: bytes) -> Outcome:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(wire)
    found = Outcome()
    try:
        while not found.stopped:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                waits = connection.they_are_waiting_for_100_continue
                headers = list(event.headers)
                found.events.append((event.method, event.target, event.http_version, headers, waits))
            elif isinstance(event, h11.Data):
                found.add_data(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                found.events.append("end")
                found.stopped = not answered(connection)
            else:  # it wants more
                return found
    except h11.RemoteProtocolError as error:
        found.error = str(error)
    return found


def answered(connection: h11.Connection) -> bool:
    """Answers, so that h11 goes on to the next request. False where there will be none."""
    connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
        return False
    connection.start_next_cycle()
    return True


def check_same(wire: bytes) -> None:
    ours, theirs = by_penstock(wire), by_h11(wire)
    # h11 keeps no connection of HTTP/1.0, whatever the peer asks for (9.3 allows both).
    shown = ours.events[: len(theirs.events)] if theirs.stopped else ours.events
    assert shown == theirs.events


def message(case: Case, length: str | None) -> bytes:
    framing = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
    return f"POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode() + case.wire


HEADS = [(case.name, case.wire) for case in corpus("http1") if not case.value("limits")]
BODIES = [
    (case.name, message(case, case.value("length"))) for case in corpus("http1_body") if not case.value("trailer")
]
WIRES = dict(HEADS + BODIES)

ACCEPTED = {name for names in ACCEPTED_BY_H11.values() for name in names}
REFUSED = {name for names in REFUSED_BY_H11.values() for name in names}


def test_the_corpora_share_no_names():
    assert len(WIRES) == len(HEADS) + len(BODIES)


@pytest.mark.parametrize("name", sorted(WIRES.keys() - ACCEPTED - REFUSED))
def test_the_same_events_or_both_refuse(name):
    wire = WIRES[name]
    error, their_error = by_penstock(wire).error, by_h11(wire).error
    if error is None and their_error is None:
        check_same(wire)
    elif their_error is None:
        assert error in UNREAD_BY_H11
    else:
        assert error is not None


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_what_only_h11_accepts(name):
    assert by_penstock(WIRES[name]).error
    assert not by_h11(WIRES[name]).error


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_only_h11_refuses(name):
    assert not by_penstock(WIRES[name]).error
    assert by_h11(WIRES[name]).error


# --- beyond the corpora ----------------------------------------------------------------------------------------------------

TCHAR = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SEGMENT = "abcXYZ0189-._~!$&'()*+,;=:@"
MEANT = {b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"}

tokens = st.text(TCHAR, min_size=1, max_size=12).map(str.encode)
names = tokens.filter(lambda name: name.lower() not in MEANT)
values = st.binary(max_size=20).map(lambda value: bytes(b for b in value if b > 0x20 and b != 0x7F))
targets = st.text(SEGMENT + "/", max_size=20).map(lambda path: b"/" + path.encode())
queries = st.one_of(st.just(b""), st.text(SEGMENT + "/?", max_size=20).map(lambda query: b"?" + query.encode()))
fields = st.lists(st.tuples(names, values), max_size=5)


def encoded(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """One valid request: by length, chunked (with trailers), or without a body."""
    method = draw(tokens.filter(lambda method: method != b"CONNECT"))
    line = method + b" " + draw(targets) + draw(queries) + b" HTTP/1.1\r\n"
    head = line + encoded([*draw(fields), (b"Host", b"example.com:8080"), *draw(fields)])
    body = draw(st.binary(max_size=60))
    match draw(st.sampled_from(["none", "length", "chunked"])):
        case "length":
            return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        case "chunked":
            size = draw(st.integers(1, 30))
            chunks = b"".join(encode_chunk(body[at : at + size]) for at in range(0, len(body), size))
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + encoded(draw(fields)) + b"\r\n"
    return head + b"\r\n"


@given(st.lists(messages(), min_size=1, max_size=4).map(b"".join))
def test_valid_requests_are_read_alike(wire):
    assert by_penstock(wire).error is None
    assert by_h11(wire).error is None
    check_same(wire)


WORDS = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"0",
    b"1",
    b"a",
    b"\0",
    b"\x7f",
    b"\xff",
    b"close",
    b"chunked",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    wire = bytearray(b"".join(draw(st.lists(messages(), min_size=1, max_size=3))))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(wire)))
        wire[at : at + draw(st.integers(0, 3))] = draw(st.sampled_from(WORDS))
    return bytes(wire)


@given(damaged())
def test_where_neither_refuses_they_agree(wire):
    """The property that smuggling needs broken: two readers that both accept, and see different messages."""
    if by_penstock(wire).error is None and by_h11(wire).error is None:
        check_same(wire)
