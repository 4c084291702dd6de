"""penstock.fcgi: the corpora in every delivery, an independent model in `struct`, and the laws of the codec."""

import struct
from itertools import pairwise

import pytest
from corpus import Case, corpus, deliveries, escape_runs
from hypothesis import given
from hypothesis import strategies as st
from penstock import fcgi
from penstock.fcgi import Decoder, ProtocolError, ProtocolStatus, Record, RecordType, Role

HEADER = struct.Struct(">BBHHBx")

bytes_ = st.integers(0, 255)
ids = st.integers(0, 65535)
contents = st.one_of(st.binary(max_size=64), st.integers(0, 65535).map(lambda n: b"x" * n))
pairs = st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=8)


# --- records, in the words of the corpus ---------------------------------------------------------------------------------


def line_of(type: int, request_id: int, length: int, content: bytes) -> str:
    name = RecordType(type).name if type in list(RecordType) else str(int(type))
    return f"{name} {request_id} {length} {escape_runs(content)}".rstrip()


def described(pieces: list[bytes]) -> list[str]:
    """What the decoder makes of the pieces: the content of each record joined, the error, whether something is open."""
    decoder = Decoder()
    lines, content = [], b""
    record: Record | None = None
    for piece in pieces:
        for record in decoder.feed(piece):
            content += record.data
            if record.last:
                lines.append(line_of(record.type, record.request_id, len(content), content))
                content = b""
    if record and not record.last:
        length = HEADER.unpack_from(b"".join(pieces)[-len(content) - HEADER.size :])[3]
        lines.append(f"part {line_of(record.type, record.request_id, length, content)}")
    if decoder.error:
        lines.append(f"error {decoder.error.code}")
    elif not decoder.idle:
        lines.append("open")
    return lines


def modelled(wire: bytes) -> list[str]:
    """The same by another hand, for bytes that came in one piece."""
    lines, at = [], 0
    while at < len(wire):
        if wire[at] != 1:
            return [*lines, "error PS_ERECORD"]
        if len(wire) - at < HEADER.size:
            return [*lines, "open"]
        _, type, request_id, length, padding = HEADER.unpack_from(wire, at)
        at += HEADER.size
        content = wire[at : at + length]
        if content or not length:
            part = "" if len(content) == length else "part "
            lines.append(part + line_of(type, request_id, length, content))
        at += length + padding
    return lines if at == len(wire) else [*lines, "open"]


@pytest.mark.parametrize("case", corpus("fcgi"), ids=str)
def test_the_corpus_in_every_delivery(case: Case):
    for pieces in deliveries(case.wire):
        assert described(pieces) == case.values("expect")


@pytest.mark.parametrize("case", corpus("fcgi"), ids=str)
def test_the_model_agrees_with_the_corpus(case: Case):
    assert modelled(case.wire) == case.values("expect")


# Of a record that is open, the tail would be a part.
CLOSED = [case for case in corpus("fcgi") if "open" not in case.values("expect")]


@pytest.mark.parametrize("case", CLOSED, ids=str)
def test_a_tail_changes_nothing_before_it(case: Case):
    expected = case.values("expect")
    if not any(line.startswith("error") for line in expected):
        expected = [*expected, "STDERR 513 2 hi"]
    tail = fcgi.stream(RecordType.STDERR, 513, b"hi")
    assert described([case.wire + tail]) == expected
    assert described([case.wire, tail]) == expected


# --- records: laws -------------------------------------------------------------------------------------------------------

records = st.builds(
    lambda type, id, content, padding: fcgi.record(type, id, content, padding_bytes=padding),
    bytes_,
    ids,
    st.binary(max_size=40),
    bytes_,
)


@st.composite
def nearly_records(draw: st.DrawFn) -> bytes:
    """Records with a few bytes changed, taken out or put in: garbage that gets far into the decoder."""
    wire = bytearray(b"".join(draw(st.lists(records, max_size=5))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(wire)))
        wire[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(wire)


wires = st.one_of(st.binary(max_size=200), nearly_records())


@given(bytes_, ids, contents, bytes_)
def test_decoding_gives_the_record_encoded(type, request_id, content, padding):
    decoder = Decoder()
    wire = fcgi.record(type, request_id, content, padding_bytes=padding)
    assert len(wire) == 8 + len(content) + padding
    assert decoder.feed(wire) == [Record(type, request_id, content, True)]
    assert decoder.idle


@given(wires, st.lists(st.integers(0, 300), max_size=6))
def test_any_split_is_the_same(wire, cuts):
    edges = sorted({0, len(wire), *(min(cut, len(wire)) for cut in cuts)})
    pieces = [wire[a:b] for a, b in pairwise(edges)]
    assert described(pieces) == described([wire])


@given(wires)
def test_the_decoder_says_what_the_model_says(wire):
    assert described([wire]) == modelled(wire)


@given(wires, st.binary(max_size=40))
def test_garbage_gives_records_then_one_error_for_good(wire, more):
    decoder = Decoder()
    decoder.feed(wire)
    error = decoder.error
    if error:
        assert (error.code, error.status) == ("PS_ERECORD", 400)
        assert decoder.feed(more) == []
        assert decoder.error is error


@given(bytes_, ids, st.one_of(st.binary(max_size=50), st.integers(0, 200_000).map(bytes)), st.booleans(), st.booleans())
def test_a_stream_is_cut_into_records_and_joined_again(type, request_id, data, end, padding):
    wire = fcgi.stream(type, request_id, data, end=end, padding=padding)
    decoder = Decoder()
    events = decoder.feed(wire)
    assert decoder.idle
    assert b"".join(event.data for event in events) == data
    assert all(event.last and event.type == type and event.request_id == request_id for event in events)
    closing = [event for event in events if not event.data]
    assert len(closing) == (1 if end or not data else 0)
    assert closing == events[len(events) - len(closing) :]
    if padding:
        assert len(wire) % 8 == 0
    else:
        assert len(wire) == len(data) + 8 * len(events)


def test_content_is_handed_out_as_it_comes():
    decoder = Decoder()
    wire = fcgi.record(RecordType.STDOUT, 1, b"abcd", padding_bytes=4)
    assert decoder.feed(wire[:8]) == []
    assert decoder.feed(wire[8:10]) == [Record(RecordType.STDOUT, 1, b"ab", False)]
    assert decoder.feed(wire[10:12]) == [Record(RecordType.STDOUT, 1, b"cd", True)]
    assert not decoder.idle  # its padding is to come
    assert decoder.feed(wire[12:]) == []
    assert decoder.idle


def test_an_error_keeps_the_records_before_it():
    decoder = Decoder()
    assert decoder.feed(fcgi.abort_request(1) + b"GET / HTTP/1.1") == [Record(RecordType.ABORT_REQUEST, 1, b"", True)]
    assert isinstance(decoder.error, ProtocolError)
    assert not decoder.idle
    assert str(decoder.error) == "malformed FastCGI record (PS_ERECORD)"


def test_a_reset_decoder_begins_anew():
    for start in (b"\x02", b"\x01\x05\x00", b"\x01\x05\x00\x01\x00\x05\x00\x00he"):
        decoder = Decoder()
        decoder.feed(start)
        decoder.reset()
        assert decoder.error is None
        assert decoder.idle
        assert decoder.feed(fcgi.abort_request(3)) == [Record(RecordType.ABORT_REQUEST, 3, b"", True)]


def test_records_are_values():
    a, b = Record(RecordType.STDIN, 1, b"x", True), Record(5, 1, b"x", True)
    assert a == b
    assert hash(a) == hash(b)
    assert repr(a) == "Record(type=<RecordType.STDIN: 5>, request_id=1, data=b'x', last=True)"
    with pytest.raises(AttributeError):
        a.data = b"y"  # type: ignore[misc]
    match Decoder().feed(fcgi.record(99, 7, b"z")):
        case [Record(type=99, request_id=7, data=data, last=True)]:
            assert data == b"z"
        case other:
            pytest.fail(f"{other}")


# --- the encoders, against bytes written by hand ---------------------------------------------------------------------------


def test_discrete_records():
    begin = b"\x01\x01\x00\x07\x00\x08\x00\x00"
    assert fcgi.begin_request(7) == begin + b"\x00\x01\x00\x00\x00\x00\x00\x00"
    assert fcgi.begin_request(7, Role.FILTER, keep_conn=True) == begin + b"\x00\x03\x01\x00\x00\x00\x00\x00"
    assert fcgi.abort_request(258) == b"\x01\x02\x01\x02\x00\x00\x00\x00"
    assert fcgi.end_request(1) == b"\x01\x03\x00\x01\x00\x08\x00\x00" + bytes(8)
    assert fcgi.end_request(1, 0xFFFFFFFE, ProtocolStatus.OVERLOADED)[8:] == b"\xff\xff\xff\xfe\x02\x00\x00\x00"
    assert fcgi.unknown_type(99) == b"\x01\x0b\x00\x00\x00\x08\x00\x00\x63" + bytes(7)


def test_management_records():
    wire = fcgi.get_values([b"FCGI_MAX_REQS", b"FCGI_MPXS_CONNS"])
    assert wire == b"\x01\x09\x00\x00\x00\x20\x00\x00\x0d\x00FCGI_MAX_REQS\x0f\x00FCGI_MPXS_CONNS"
    wire = fcgi.get_values_result([(b"FCGI_MAX_REQS", b"50")])
    assert wire == b"\x01\x0a\x00\x00\x00\x11\x07\x00\x0d\x02FCGI_MAX_REQS50" + bytes(7)


def test_params_are_a_stream():
    content = b"\x01\x01A1"
    assert fcgi.params(1, []) == b""
    assert fcgi.params(1, [], end=True) == fcgi.record(RecordType.PARAMS, 1)
    assert fcgi.params(1, [(b"A", b"1")], padding=False) == fcgi.record(RecordType.PARAMS, 1, content)
    closed = fcgi.record(RecordType.PARAMS, 1, content, padding_bytes=4) + fcgi.record(RecordType.PARAMS, 1)
    assert fcgi.params(1, [(b"A", b"1")], end=True) == closed


def test_params_larger_than_a_record_cross_it():
    large = [(b"HTTP_COOKIE", b"c" * 70_000), (b"A", b"1")]
    events = Decoder().feed(fcgi.params(1, large, end=True))
    assert [len(event.data) for event in events] == [65528, 4 + 1 + 11 + 70_000 + 4 - 65528, 0]
    assert fcgi.decode_pairs(b"".join(event.data for event in events)) == large


def test_what_fits_no_record_is_refused():
    assert len(fcgi.record(5, 1, bytes(fcgi.CONTENT_MAX_BYTES))) == 8 + 65535
    with pytest.raises(ValueError, match="at most 65535 bytes"):
        fcgi.record(5, 1, bytes(65536))
    with pytest.raises(ValueError, match="at most 65535 bytes"):
        fcgi.get_values([bytes(65536)])
    for refused in (
        lambda: fcgi.record(256, 1),
        lambda: fcgi.record(5, 65536),
        lambda: fcgi.record(5, -1),
        lambda: fcgi.record(5, 1, padding_bytes=256),
        lambda: fcgi.end_request(1, 1 << 32),
        lambda: fcgi.end_request(1, -1),
    ):
        with pytest.raises(OverflowError):
            refused()


@pytest.mark.parametrize(
    "wrong", [None, "text", bytearray(b"x"), memoryview(b"x")], ids=lambda wrong: type(wrong).__name__
)
def test_only_bytes_are_bytes(wrong):
    for call in (
        lambda: Decoder().feed(wrong),
        lambda: fcgi.record(5, 1, wrong),
        lambda: fcgi.stream(5, 1, wrong),
        lambda: fcgi.decode_pairs(wrong),
        lambda: fcgi.decode_begin(wrong),
        lambda: fcgi.encode_pairs([(wrong, b"")]),
        lambda: fcgi.encode_pairs([(b"", wrong)]),
    ):
        with pytest.raises(TypeError):
            call()


@given(ids, ids, st.booleans())
def test_begin_decodes_as_encoded(request_id, role, keep_conn):
    [event] = Decoder().feed(fcgi.begin_request(request_id, role, keep_conn=keep_conn))
    assert (event.type, event.request_id) == (RecordType.BEGIN_REQUEST, request_id)
    assert fcgi.decode_begin(event.data) == (role, fcgi.KEEP_CONN if keep_conn else 0)


@given(ids, st.integers(0, (1 << 32) - 1), bytes_)
def test_end_decodes_as_encoded(request_id, app_status, protocol_status):
    [event] = Decoder().feed(fcgi.end_request(request_id, app_status, protocol_status))
    assert (event.type, event.request_id) == (RecordType.END_REQUEST, request_id)
    assert fcgi.decode_end(event.data) == (app_status, protocol_status)


@pytest.mark.parametrize("decode", [fcgi.decode_begin, fcgi.decode_end])
def test_begin_and_end_have_eight_bytes(decode):
    for n in (0, 7, 9, 16):
        with pytest.raises(ProtocolError) as refused:
            decode(bytes(n))
        assert refused.value.code == "PS_ERECORD"


# --- name-value pairs --------------------------------------------------------------------------------------------------------


def modelled_pairs(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """The pairs by another hand; None where one runs past the end."""
    found, at = [], 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            form = 4 if data[at : at + 1] > b"\x7f" else 1
            number = data[at : at + form]
            if len(number) < form:
                return None
            lengths.append(int.from_bytes(number) & (0x7FFFFFFF if form == 4 else 0x7F))
            at += form
        name, value = data[at : at + lengths[0]], data[at + lengths[0] : at + sum(lengths)]
        if len(name) + len(value) < sum(lengths):
            return None
        found.append((name, value))
        at += sum(lengths)
    return found


def check_pairs(data: bytes) -> None:
    expected = modelled_pairs(data)
    if expected is None:
        with pytest.raises(ProtocolError) as refused:
            fcgi.decode_pairs(data)
        assert refused.value.code == "PS_EPARAMS"
    else:
        assert fcgi.decode_pairs(data) == expected


@pytest.mark.parametrize("case", corpus("fcgi_params"), ids=str)
def test_pairs_of_the_corpus(case: Case):
    expected = case.values("expect")
    if expected and expected[-1].startswith("error"):
        with pytest.raises(ProtocolError) as refused:
            fcgi.decode_pairs(case.wire)
        assert f"error {refused.value.code}" == expected[-1]
        assert modelled_pairs(case.wire) is None
    else:
        found = fcgi.decode_pairs(case.wire)
        assert [f"pair {escape_runs(name)}={escape_runs(value)}" for name, value in found] == expected
        assert modelled_pairs(case.wire) == found
        assert fcgi.decode_pairs(case.wire + b"\x04\x02TAILhi") == [*found, (b"TAIL", b"hi")]


@pytest.mark.parametrize("case", corpus("fcgi_params"), ids=str)
def test_what_a_cut_leaves_of_pairs(case: Case):
    for pieces in deliveries(case.wire):
        check_pairs(b"".join(pieces[:1]))


@given(pairs)
def test_pairs_decode_as_encoded(given_pairs):
    assert fcgi.decode_pairs(fcgi.encode_pairs(given_pairs)) == given_pairs


@given(pairs)
def test_lengths_take_the_shortest_form(given_pairs):
    forms = [1 if len(part) <= 127 else 4 for pair in given_pairs for part in pair]
    parts = [len(part) for pair in given_pairs for part in pair]
    assert len(fcgi.encode_pairs(given_pairs)) == sum(forms) + sum(parts)


@given(st.one_of(st.binary(max_size=100), pairs.map(fcgi.encode_pairs).map(lambda data: data[:-1])))
def test_pairs_are_what_the_model_says(data):
    check_pairs(data)
