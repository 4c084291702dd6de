"""penstock.http1: the corpora in every delivery, the laws of the decoder, the encoders against bytes written by hand."""

import email.utils
from itertools import pairwise

import pytest
from corpus import Case, corpus, deliveries, escape
from hypothesis import given
from hypothesis import strategies as st
from penstock.http1 import (
    Connection,
    Data,
    Decoder,
    EndOfMessage,
    Event,
    Framing,
    ProtocolError,
    Request,
    encode_chunk,
    encode_date,
    encode_head,
    reason,
)

HEADS = corpus("http1")
BODIES = corpus("http1_body")


def outcome(pieces: list[bytes], **limits: int) -> tuple[list[Event], str | None]:
    """The events with data joined, for where it is cut is not the message's affair; and the error's code."""
    decoder = Decoder(**limits)
    events: list[Event] = []
    for event in (event for piece in pieces for event in decoder.feed(piece)):
        if isinstance(event, Data) and events and isinstance(before := events[-1], Data):
            events[-1] = Data(before.data + event.data)
        else:
            events.append(event)
    return events, decoder.error and decoder.error.code


# --- heads of the corpus -------------------------------------------------------------------------------------------------


def limits_of(case: Case) -> dict[str, int]:
    names = {"line": "line_bytes", "field": "field_bytes", "head": "head_bytes", "fields": "fields"}
    given = dict(word.split("=") for word in (case.value("limits") or "").split())
    usual = {"line": 8192, "field": 65536, "head": 65536, "fields": 100}
    return {names[key]: int(value) for key, value in (usual | given).items()}


def yes(flag: bool) -> str:
    return "yes" if flag else "no"


def words_of(request: Request) -> set[str]:
    return {
        f"method={escape(request.method)}",
        f"target={escape(request.target)}",
        f"path={escape(request.path)}",
        f"query={escape(request.query)}",
        f"authority={escape(request.authority)}",
        f"version={escape(request.version)}",
        f"body={'chunked' if request.content_length is None else 'length' if request.content_length else 'none'}",
        f"length={-1 if request.content_length is None else request.content_length}",
        f"keep_alive={yes(request.keep_alive)}",
        f"continue={yes(request.expect_continue)}",
        f"upgrade={yes(request.upgrade)}",
        f"fields={len(request.headers)}",
    }


def check_head(request: Request, expected: list[str]) -> None:
    """`expected` is a "head" line and the "field" lines behind it; what the head line leaves out is not checked."""
    unshown = {"form"} | ({"body"} if request.content_length == 0 else set())  # no body and one of no bytes look alike
    wanted = {word for word in expected[0].split()[1:] if word.partition("=")[0] not in unshown}
    assert wanted <= words_of(request)
    if expected[1:]:
        found = [f"field {escape(name)} {escape(value)}".rstrip() for name, value in request.headers]
        assert found == expected[1:]


@pytest.mark.parametrize("case", HEADS, ids=str)
def test_heads_of_the_corpus(case: Case):
    events, error = outcome([case.wire], **limits_of(case))
    requests = [event for event in events if isinstance(event, Request)]
    heads: list[list[str]] = []
    for line in case.values("expect"):
        kind, _, rest = line.partition(" ")
        if kind == "head":
            heads.append([line])
        elif kind == "field":
            heads[-1].append(line)
        elif kind == "error":
            assert error == rest.split()[0]
    assert (error is not None) == any(line.startswith("error ") for line in case.values("expect"))
    assert len(requests) == len(heads)
    for request, expected in zip(requests, heads, strict=True):
        check_head(request, expected)


@pytest.mark.parametrize("case", HEADS, ids=str)
def test_heads_in_every_delivery(case: Case):
    limits = limits_of(case)
    whole = outcome([case.wire], **limits)
    for pieces in deliveries(case.wire):
        assert outcome(pieces, **limits) == whole


@pytest.mark.parametrize("case", [case for case in HEADS if "at=" in str(case.lines)], ids=str)
def test_an_error_shows_with_the_byte_that_makes_it(case: Case):
    [at] = [int(line.partition("at=")[2]) for line in case.values("expect") if "at=" in line]
    assert outcome([case.wire[: at - 1]], **limits_of(case))[1] is None
    assert outcome([case.wire[:at]], **limits_of(case))[1] is not None


# --- bodies of the corpus ------------------------------------------------------------------------------------------------


def head_before(case: Case) -> bytes:
    length = case.value("length")
    framing = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
    return f"POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode()


def described_body(case: Case, pieces: list[bytes]) -> list[str]:
    """The first body, in the words of the corpus. What is behind it is the next message, told by the decoder as such."""
    decoder = Decoder(trailer_bytes=int(case.value("trailer") or 1024))
    decoder.feed(head_before(case))
    data, end = b"", False
    for event in (event for piece in pieces for event in decoder.feed(piece)):
        if isinstance(event, EndOfMessage):
            end = True
            break
        data += event.data
    lines = [f"data {escape(data)}" if len(data) <= 300 else f"bytes {len(data)}"] if data else []
    if end:
        lines.append("end")
    elif decoder.error:
        lines.append(f"error {decoder.error.code}")
    else:
        lines.append("incomplete")
    return lines


# A body of no bytes ends with its head.
@pytest.mark.parametrize("case", [case for case in BODIES if case.value("length") != "0"], ids=str)
def test_bodies_of_the_corpus_in_every_delivery(case: Case):
    expected = [line.partition(" at=")[0] for line in case.values("expect") if not line.startswith("rest ")]
    for pieces in deliveries(case.wire):
        assert described_body(case, pieces) == expected


@pytest.mark.parametrize("case", [case for case in BODIES if case.values("expect")[-1] == "end"], ids=str)
def test_what_is_behind_a_body_is_the_next_message(case: Case):
    tail = b"GET /next HTTP/1.0\r\n\r\n"
    events, error = outcome([head_before(case) + case.wire + tail])
    assert error is None
    assert [type(event) for event in events[-3:]] == [EndOfMessage, Request, EndOfMessage]
    assert events[-2].target == b"/next"


# --- the decoder's laws --------------------------------------------------------------------------------------------------

WORDS = [
    b"GET",
    b"POST",
    b" ",
    b"/",
    b"*",
    b"http://a/",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"\r\n",
    b"\n",
    b"\r",
    b":",
    b": ",
    b"Host: a",
]
WORDS += [
    b"Content-Length: 3",
    b"Transfer-Encoding: chunked",
    b"Connection: close",
    b"0",
    b"3",
    b"abc",
    b";",
    b",",
    b"\t",
    b"\0",
]
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
]


@st.composite
def nearly_requests(draw: st.DrawFn) -> bytes:
    """Requests with a few words taken out or put in."""
    wire = bytearray(b"".join(draw(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=3))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(wire)))
        wire[at : at + draw(st.integers(0, 3))] = draw(st.one_of(st.sampled_from(WORDS), st.binary(max_size=2)))
    return bytes(wire)


wires = st.one_of(
    st.binary(max_size=200), st.lists(st.sampled_from(WORDS), max_size=30).map(b"".join), nearly_requests()
)


@given(wires, st.lists(st.integers(0, 300), max_size=6))
def test_any_split_is_the_same(wire, cuts):
    edges = sorted({0, len(wire), *(min(cut, len(wire)) for cut in cuts)})
    pieces = [wire[a:b] for a, b in pairwise(edges)]
    assert outcome(pieces) == outcome([wire])


@given(wires)
def test_messages_come_in_order(wire):
    """Request, Data..., EndOfMessage; the next only behind the end of the one before."""
    events, _ = outcome([wire])
    open_message = False
    for event in events:
        assert isinstance(event, Request) != open_message
        open_message = not isinstance(event, EndOfMessage)


@given(nearly_requests(), st.binary(max_size=40))
def test_garbage_gives_events_then_one_error_for_good(wire, more):
    decoder = Decoder()
    decoder.feed(wire)
    error = decoder.error
    if error:
        assert 400 <= error.status <= 599
        assert decoder.feed(more) == decoder.feed(REQUESTS[0]) == []
        assert decoder.error is error
        assert not decoder.idle


@given(st.binary(max_size=3000), st.lists(st.integers(1, 200), max_size=20))
def test_a_body_comes_out_as_it_went_in(body, sizes):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    wire, at = head, 0
    for size in [*sizes, len(body)]:
        if at < len(body):
            wire += encode_chunk(body[at : at + size])
        at += size
    events, error = outcome([wire + encode_chunk(b"")])
    assert error is None
    assert events[1:] == [*([Data(body)] if body else []), EndOfMessage()]


def test_an_error_keeps_the_events_before_it():
    decoder = Decoder()
    [request, end] = decoder.feed(REQUESTS[0] + b"GET / HTTP/1.1\r\nHost : a\r\n\r\n" + REQUESTS[0])
    assert isinstance(request, Request)
    assert end == EndOfMessage()
    assert isinstance(decoder.error, ProtocolError)
    assert (decoder.error.code, decoder.error.status, decoder.error.text) == (
        "PS_EFIELD",
        400,
        "malformed header field",
    )


def test_messages_follow_one_another_in_one_piece_and_in_many():
    wire = b"".join(REQUESTS[:3] * 3)
    events, error = outcome([wire])
    assert error is None
    assert sum(isinstance(event, Request) for event in events) == 9
    assert sum(event == EndOfMessage() for event in events) == 9
    assert [event.data for event in events if isinstance(event, Data)] == [b"abc"] * 6


def test_the_last_message_of_a_connection_is_the_last():
    decoder = Decoder()
    events = decoder.feed(
        b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n\0"
    )
    assert [event.target for event in events if isinstance(event, Request)] == [b"/1"]
    assert decoder.finished
    assert decoder.feed(b"\0garbage") == []
    assert decoder.error is None


def test_idle_is_between_messages():
    decoder = Decoder()
    assert decoder.idle
    for byte in REQUESTS[1][:-1]:
        decoder.feed(bytes([byte]))
        assert not decoder.idle
    assert decoder.feed(REQUESTS[1][-1:]) == [Data(b"c"), EndOfMessage()]
    assert decoder.idle
    assert not decoder.finished


def test_a_head_in_pieces_with_a_body_and_more_behind():
    """The rest of a head comes in one piece with its body and half of the next head."""
    wire = REQUESTS[1] + REQUESTS[2]
    for first in range(1, 30):
        for second in range(first, len(wire)):
            assert outcome([wire[:first], wire[first:second], wire[second:]]) == outcome([wire])


def test_a_body_is_handed_out_as_it_comes():
    decoder = Decoder()
    decoder.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
    assert decoder.feed(b"abc") == [Data(b"abc")]
    assert decoder.feed(b"") == []
    assert decoder.feed(b"defghij") == [Data(b"defghij"), EndOfMessage()]


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ({"line_bytes": 20}, "PS_ETARGETLONG"),
        ({"field_bytes": 20}, "PS_EFIELDLONG"),
        ({"head_bytes": 60}, "PS_EHEADLONG"),
        ({"fields": 1}, "PS_EFIELDS"),
    ],
    ids=str,
)
def test_limits(limit, code):
    wire = b"GET /0123456789 HTTP/1.1\r\nHost: a\r\nX-Long: 0123456789abcdef\r\n\r\n"
    assert outcome([wire])[1] is None
    for pieces in deliveries(wire):
        assert outcome(pieces, **limit) == ([], code)


def test_limits_have_thirty_two_bits():
    Decoder(line_bytes=0, fields=0)
    with pytest.raises(OverflowError):
        Decoder(head_bytes=1 << 32)
    with pytest.raises(OverflowError):
        Decoder(fields=-1)
    with pytest.raises(TypeError):
        Decoder(8190)


@pytest.mark.parametrize(
    "wrong", [None, "text", bytearray(b"x"), memoryview(b"x")], ids=lambda wrong: type(wrong).__name__
)
def test_only_bytes_are_bytes(wrong):
    for call in (
        lambda: Decoder().feed(wrong),
        lambda: encode_chunk(wrong),
        lambda: encode_head(200, [(b"A", wrong)]),
        lambda: encode_head(200, [(wrong, b"a")]),
        lambda: encode_head(200, date=wrong),
    ):
        with pytest.raises(TypeError):
            call()


def test_events_are_values():
    assert Data(b"a") == Data(b"a") != Data(b"b")
    assert hash(Data(b"a")) == hash(Data(b"a"))
    assert EndOfMessage() == EndOfMessage() != Data(b"")
    assert {EndOfMessage(), EndOfMessage()} == {EndOfMessage()}
    assert (repr(Data(b"a")), repr(EndOfMessage())) == ("Data(data=b'a')", "EndOfMessage()")
    with pytest.raises(AttributeError):
        Data(b"a").data = b"b"  # type: ignore[misc]


# --- the encoders --------------------------------------------------------------------------------------------------------


def test_a_response_head():
    head = encode_head(
        200,
        [(b"Content-Type", b"text/plain"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")],
        date=encode_date(784111777),
        framing=Framing.LENGTH,
        length=5,
        connection=Connection.KEEP_ALIVE,
    )
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT",
        b"Content-Type: text/plain",
        b"Set-Cookie: a=1",
        b"Set-Cookie: b=2",
        b"Content-Length: 5",
        b"Connection: keep-alive",
        b"",
        b"",
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"status": 204}, b"204 No Content\r\n\r\n"),
        ({"status": 100}, b"100 Continue\r\n\r\n"),
        ({"status": 599}, b"599 \r\n\r\n"),
        ({"status": 404, "reason": b"Nope"}, b"404 Nope\r\n\r\n"),
        ({"status": 404, "reason": b""}, b"404 \r\n\r\n"),
        ({"status": 200, "framing": Framing.CHUNKED}, b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ({"status": 200, "framing": Framing.CLOSE}, b"200 OK\r\nConnection: close\r\n\r\n"),
        ({"status": 200, "framing": Framing.LENGTH}, b"200 OK\r\nContent-Length: 0\r\n\r\n"),
        ({"status": 200, "connection": Connection.CLOSE}, b"200 OK\r\nConnection: close\r\n\r\n"),
        ({"status": 200, "headers": [(b"content-length", b"7")]}, b"200 OK\r\nContent-Length: 7\r\n\r\n"),
        ({"status": 200, "headers": [(b"date", b"now")], "date": b"then"}, b"200 OK\r\ndate: now\r\n\r\n"),
        ({"status": 200, "headers": [(b"A", b" b\t")]}, b"200 OK\r\nA: b\r\n\r\n"),
        ({"status": 200, "headers": ((b"A", b"\xe9"),)}, b"200 OK\r\nA: \xe9\r\n\r\n"),
    ],
    ids=str,
)
def test_response_heads(arguments, expected):
    assert encode_head(**arguments) == b"HTTP/1.1 " + expected


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"headers": [(b"A", b"b\r\nC: d")]}, "PS_EVALUE"),
        ({"headers": [(b"A", b"b\0")]}, "PS_EVALUE"),
        ({"headers": [(b"A:", b"b")]}, "PS_ENAME"),
        ({"headers": [(b"", b"b")]}, "PS_ENAME"),
        ({"headers": [(b"A b", b"c")]}, "PS_ENAME"),
        ({"headers": [(b"Transfer-Encoding", b"chunked")]}, "PS_EHOPBYHOP"),
        ({"headers": [(b"connection", b"close")]}, "PS_EHOPBYHOP"),
        ({"headers": [(b"Content-Length", b"x")]}, "PS_ERESLENGTH"),
        ({"headers": [(b"Content-Length", b"1"), (b"Content-Length", b"1")]}, "PS_ERESLENGTH"),
        ({"headers": [(b"Content-Length", b"1")], "framing": Framing.LENGTH, "length": 2}, "PS_ERESLENGTH"),
        ({"headers": [(b"Content-Length", b"1")], "framing": Framing.CHUNKED}, "PS_ERESLENGTH"),
        ({"reason": b"a\r\nb"}, "PS_EREASON"),
        ({"date": b"a\r\nb"}, "PS_EVALUE"),
    ],
    ids=str,
)
def test_what_may_not_reach_the_wire(arguments, code):
    with pytest.raises(ProtocolError) as refused:
        encode_head(200, **arguments)
    assert (refused.value.code, refused.value.status) == (code, 500)


@pytest.mark.parametrize("status", [-200, 0, 99, 600, 1000])
def test_a_status_has_three_digits(status):
    with pytest.raises(ValueError, match="from 100 to 599"):
        encode_head(status)


def test_framing_and_connection_are_of_their_kind():
    for arguments in ({"framing": 4}, {"connection": 3}, {"framing": None}):
        with pytest.raises(ValueError, match="is not a valid"):
            encode_head(200, **arguments)


def test_headers_come_from_any_iterable():
    assert encode_head(204, (pair for pair in [(b"A", b"b")])) == encode_head(204, [(b"A", b"b")])


def test_reasons():
    assert reason(200) == "OK"
    assert reason(431) == "Request Header Fields Too Large"
    assert reason(299) == reason(-1) == reason(600) == ""


@pytest.mark.parametrize(("n", "size"), [(1, b"1"), (15, b"f"), (16, b"10"), (65535, b"ffff")])
def test_chunks(n, size):
    assert encode_chunk(b"x" * n) == size + b"\r\n" + b"x" * n + b"\r\n"
    assert encode_chunk(b"") == b"0\r\n\r\n"


@given(st.integers(0, 253402300799))
def test_dates(seconds):
    assert encode_date(seconds).decode() == email.utils.formatdate(seconds, usegmt=True)
