"""HTTP/1.1 as a client meets it: connections kept and closed, answers framed, bodies taken, deadlines, limits."""

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_client import PATIENCE_SECONDS, Client, Ended, request
from penstock.config import Limits, Timeouts
from process import Penstock
from serving import NEVER, Serving, eventually, serving

GET = request()
KIB, MIB = 1 << 10, 1 << 20


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def path(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode("latin-1")]


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return iter([b"one", b"two", b"three"])


def echo(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [environ["wsgi.input"].read()]


def deaf(environ, start_response):
    """Never reads its body."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"heard nothing"]


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"])
def threads(request: pytest.FixtureRequest) -> int:
    """What a client sees must not depend on them."""
    return request.param


# Connections that are kept, and that are not


@pytest.mark.parametrize("listen", ["tcp", "tcp6", "unix"])
def test_a_connection_is_kept(listen, threads):
    with serving(hello, listen=listen, threads=threads) as server, server.connect() as client:
        for _ in range(5):
            response = client.ask(GET)
            assert (response.status, response.body, response.framing) == (200, b"hello", "length")
            assert response.get("Connection") is None  # HTTP/1.1 says it by itself


CLOSES = {
    "alone": [("Connection", "close")],
    "in capitals": [("CONNECTION", "CLOSE")],
    "in a list": [("Connection", "TE, close")],
    "in a second field": [("Connection", "TE"), ("Connection", "close")],
    "beside keep-alive": [("Connection", "keep-alive, close")],
    "before keep-alive": [("Connection", "close"), ("Connection", "keep-alive")],
}


@pytest.mark.parametrize("headers", CLOSES.values(), ids=CLOSES.keys())
@pytest.mark.parametrize("app", [hello, stream], ids=["whole", "streamed"])
def test_a_client_closes(headers, app):
    with serving(app) as server, server.connect() as client:
        client.send(request(headers=headers) + GET)  # the second one is not answered
        response = client.response()
        assert response.status == 200
        assert response.closes
        assert client.ended()


def test_something_like_close_is_not_close():
    with serving(hello) as server, server.connect() as client:
        for option in ("closed", "close-later", "x-close"):
            assert not client.ask(request(headers=[("Connection", option)])).closes


def test_http_1_0_closes():
    with serving(hello) as server, server.connect() as client:
        response = client.ask(request(version="HTTP/1.0"))
        assert (response.body, response.closes, response.framing) == (b"hello", True, "length")
        assert client.ended()


def test_http_1_0_is_kept_where_it_asks():
    asking = request(version="HTTP/1.0", headers=[("Connection", "Keep-Alive")])
    with serving(hello) as server, server.connect() as client:
        for _ in range(3):
            response = client.ask(asking)
            assert response.keeps
            assert not response.closes


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_http_1_0_is_never_sent_chunks(connection):
    with serving(stream) as server, server.connect() as client:
        response = client.ask(request(version="HTTP/1.0", headers=[("Connection", connection)]))
        assert (response.body, response.framing, response.closes) == (b"onetwothree", "close", True)


def test_a_stream_of_known_length_keeps_http_1_0():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "6")])
        return iter([b"one", b"two"])

    asking = request(version="HTTP/1.0", headers=[("Connection", "keep-alive")])
    with serving(app) as server, server.connect() as client:
        for _ in range(2):
            response = client.ask(asking)
            assert (response.body, response.framing, response.keeps) == (b"onetwo", "length", True)


# Pipelining


@pytest.mark.parametrize("app", [path, lambda environ, start: iter(path(environ, start))], ids=["whole", "streamed"])
def test_pipelined_requests_are_answered_in_order(app, threads):
    paths = [f"/{i}" for i in range(300)]
    with serving(app, threads=threads) as server, server.connect() as client:
        client.send(b"".join(request(target=each) for each in paths))
        assert [client.response().body.decode() for _ in paths] == paths


def test_pipelined_requests_with_bodies(threads):
    bodies = [b"x" * size for size in (0, 1, 10, 70_000, 3, 300_000, 0, 5)]
    sent = b"".join(
        request("POST", body=body) if i % 2 else request("POST", chunks=[body[:1], body[1:]])
        for i, body in enumerate(bodies)
    )
    with serving(echo, threads=threads) as server, server.connect() as client:
        writer = threading.Thread(target=client.send, args=(sent,))
        writer.start()
        assert [client.response().body for _ in bodies] == bodies
        writer.join()


def test_more_is_pipelined_than_anybody_reads():
    """What waits behind an answer is left in the kernel: the peer, not the server, keeps it."""
    with serving(path) as server, server.connect() as client:
        wanted = 20_000
        sent = b"".join(request(target=f"/{i:064}") for i in range(wanted))
        writer = threading.Thread(target=client.send, args=(sent,))
        writer.start()
        for i in range(wanted):
            assert client.response().body == b"/%064d" % i
        writer.join()


def test_methods_take_turns_on_a_connection():
    with serving(echo) as server, server.connect() as client:
        client.send(request("HEAD") + request("POST", body=b"a") + request("HEAD") + request("PUT", chunks=[b"b"]))
        assert client.response("HEAD").body == b""
        assert client.response().body == b"a"
        assert client.response("HEAD").body == b""
        assert client.response().body == b"b"


# Expect: 100-continue

EXPECTS = [("Expect", "100-continue")]


@pytest.mark.parametrize("chunked", [False, True], ids=["by length", "chunked"])
def test_a_client_is_told_to_continue(chunked, threads):
    body = {"chunks": [b"hello"]} if chunked else {"body": b"hello"}
    head, _, rest = request("POST", headers=EXPECTS, **body).partition(b"\r\n\r\n")
    with serving(echo, threads=threads) as server, server.connect() as client:
        for _ in range(2):
            client.send(head + b"\r\n\r\n")
            interim = client.head()
            assert (interim.status, interim.reason, interim.fields) == (100, "Continue", ())
            client.send(rest)
            assert client.response().body == b"hello"


def test_a_client_that_did_not_wait():
    with serving(echo) as server, server.connect() as client:
        client.send(request("POST", headers=EXPECTS, body=b"hello") + GET)
        assert client.response().body == b"hello"
        assert client.response().body == b""


@pytest.mark.parametrize(
    "sent",
    [
        request("POST", headers=EXPECTS, body=b"hello", version="HTTP/1.0"),
        request("POST", headers=EXPECTS, body=b""),
        request("GET", headers=EXPECTS),
    ],
    ids=["HTTP/1.0", "no bytes", "no body"],
)
def test_nobody_is_told_to_continue_without_need(sent):
    with serving(echo) as server:
        assert server.ask(sent).interim == ()


def test_a_body_that_will_be_refused_is_not_asked_for():
    sent = request("POST", headers=[*EXPECTS, ("Content-Length", "11")])
    with serving(echo, limits=Limits(body_bytes=10)) as server, server.connect() as client:
        response = client.ask(sent)
        assert (response.status, response.interim) == (413, ())
        assert client.ended()


# Answers without a body


def test_head_says_what_get_would(threads):
    with serving(hello, threads=threads) as server, server.connect() as client:
        get, head = client.ask(GET), client.ask(request("HEAD"), "HEAD")
        assert head.get("Content-Length") == get.get("Content-Length") == "5"
        assert client.ask(GET).body == b"hello"


def test_head_of_a_stream():
    with serving(stream) as server, server.connect() as client:
        assert client.ask(request("HEAD"), "HEAD").get("Content-Length") is None
        assert client.ask(GET).body == b"onetwothree"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("body", [[], [b""], [b"no"], [b"n", b"o"]], ids=repr)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_status_without_a_body(status, body, streamed):
    def app(environ, start_response):
        start_response(status, [("ETag", '"a"')])
        return iter(body) if streamed else body

    with serving(app) as server, server.connect() as client:
        for _ in range(2):  # a stray byte of the first would break the second
            response = client.ask(GET)
            assert (response.status, response.framing) == (int(status[:3]), "none")
            assert response.get("Content-Length") is None


def test_304_may_say_how_long_the_whole_is():
    def app(environ, start_response):
        start_response("304 Not Modified", [("Content-Length", "1000")])
        return []

    with serving(app) as server, server.connect() as client:
        for _ in range(2):
            assert client.ask(GET).get("Content-Length") == "1000"


def test_204_never_says_a_length():
    def app(environ, start_response):
        start_response("204 No Content", [("Content-Length", "0")])
        return []

    with serving(app) as server:
        assert server.get().get("Content-Length") is None


def test_a_refused_head_is_answered_without_a_body():
    sent = b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
    with serving(hello, limits=Limits(body_bytes=10)) as server, server.connect() as client:
        assert client.ask(sent, "HEAD").status == 413
        assert client.ended()


# A client that has said all it will


@pytest.mark.parametrize("listen", ["tcp", "unix"])
@pytest.mark.parametrize("app", [hello, stream], ids=["whole", "streamed"])
def test_a_half_closed_client_is_answered(listen, app, threads):
    with serving(app, listen=listen, threads=threads) as server, server.connect() as client:
        client.send(GET + GET + GET)
        client.end_sending()
        for _ in range(3):
            assert client.response().status == 200
        assert client.ended()


def test_a_half_closed_client_gets_all_of_a_long_answer():
    def app(environ, start_response):
        start_response("200 OK", [])
        return (bytes([i % 256]) * 64 * KIB for i in range(256))

    with serving(app) as server, server.connect() as client:
        client.send(GET)
        client.end_sending()
        assert len(client.response().body) == 16 * MIB
        assert client.ended()


def test_a_client_that_ends_inside_a_head():
    with serving(hello) as server, server.connect() as client:
        client.send(GET[:-1])
        client.end_sending()
        assert client.response().status == 400
        assert client.ended()


@pytest.mark.parametrize("sent", [request("POST", body=b"hello")[:-1], request("POST", chunks=[b"hello"])[:-1]])
def test_a_client_that_ends_inside_a_body(sent):
    called = threading.Event()

    def app(environ, start_response):
        called.set()
        return hello(environ, start_response)

    with serving(app) as server, server.connect() as client:
        client.send(sent)
        client.end_sending()
        assert client.response().status == 400
        assert client.ended()
        assert not called.is_set()


@pytest.mark.parametrize("first", [b"", GET, b"\r\n", GET + b"\r\n"], ids=["new", "kept", "CRLF", "kept, CRLF"])
def test_a_client_that_says_nothing_more_is_told_nothing(first):
    with serving(hello) as server, server.connect() as client:
        client.send(first)
        if first.startswith(b"GET"):
            assert client.response().status == 200
        client.end_sending()
        assert client.ended()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_before_its_answer_harms_nobody(how, threads):
    entered, leave = threading.Event(), threading.Event()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            entered.set()
            assert leave.wait(PATIENCE_SECONDS)
        start_response("200 OK", [])
        return iter([b"x" * MIB] * 4)

    with serving(app, threads=threads) as server:
        client = server.connect()
        client.send(request(target="/slow"))
        assert entered.wait(PATIENCE_SECONDS)
        client.close() if how == "close" else client.reset()
        leave.set()
        assert len(server.get().body) == 4 * MIB


# Targets


def environ_of(sent: bytes, **options) -> dict:
    seen: list[dict] = []

    def app(environ, start_response):
        seen.append(environ)
        return hello(environ, start_response)

    with serving(app, **options) as server:
        assert server.ask(sent).status == 200
    return seen[0]


def test_an_absolute_target_overrides_host():
    environ = environ_of(b"GET http://b.test:81/c%20d?e=%20f HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert environ["HTTP_HOST"] == "b.test:81"
    assert environ["PATH_INFO"] == "/c d"
    assert environ["QUERY_STRING"] == "e=%20f"
    assert environ["REQUEST_URI"] == "http://b.test:81/c%20d?e=%20f"
    assert environ["wsgi.url_scheme"] == "http"


def test_an_absolute_target_makes_up_for_a_host_that_is_missing():
    """Only HTTP/1.0 may leave it out."""
    for others in (0, Limits().fields):
        sent = b"GET http://b.test/ HTTP/1.0\r\n" + b"X: a\r\n" * others + b"\r\n"
        assert environ_of(sent)["HTTP_HOST"] == "b.test"


def test_a_query_without_a_path():
    environ = environ_of(b"GET http://b.test?c HTTP/1.1\r\nHost: b.test\r\n\r\n")
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/", "c")


def test_options_of_the_server_itself():
    environ = environ_of(b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert (environ["PATH_INFO"], environ["REQUEST_URI"]) == ("", "*")


def test_the_query_is_not_decoded():
    environ = environ_of(request(target="/?a=%41&b=c+d&%zz?#"[:-1]))
    assert environ["QUERY_STRING"] == "a=%41&b=c+d&%zz?"


def test_trailers_are_no_headers():
    """Whoever merges them can be told anything behind the back of a front."""
    chunks = b"5\r\nhello\r\n0\r\nX: evil\r\nY: evil\r\nCookie: evil\r\nContent-Length: 7\r\n\r\n"
    head = request(
        "POST", headers=[("X", "good"), ("Cookie", "good"), ("Transfer-Encoding", "chunked"), ("Trailer", "X")]
    )
    environ = environ_of(head + chunks)
    assert "evil" not in str(environ)
    assert environ["CONTENT_LENGTH"] == "5"


def test_an_upgrade_that_nobody_takes():
    headers = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c, websocket"), ("HTTP2-Settings", "AAMAAABk")]
    with serving(hello) as server, server.connect() as client:
        for _ in range(2):
            response = client.ask(request(headers=headers))
            assert (response.status, response.interim) == (200, ())


# Bodies


def test_a_body_that_nobody_reads(threads):
    with serving(deaf, threads=threads) as server, server.connect() as client:
        for sent in (request("POST", body=b"a" * MIB), request("POST", chunks=[b"GET / HTTP/1.1\r\n\r\n"] * 1000)) * 2:
            response = client.ask(sent)
            assert (response.body, response.closes) == (b"heard nothing", False)


MEMORY = 10_000


def digest(environ, start_response):
    """Where the body is kept, and what it is."""
    body = environ["wsgi.input"]
    try:
        place = "file" if os.fstat(body.fileno()).st_nlink == 0 else "a file with a name"
    except OSError:
        place = "memory"
    start_response("200 OK", [("X-Place", place)])
    return [hashlib.sha256(body.read()).hexdigest().encode()]


@pytest.mark.parametrize("size", [0, 1, MEMORY - 1, MEMORY, MEMORY + 1, 2 * MIB])
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("split", [1, 997, 65536])
def test_a_body_of_any_size(size, framing, split):
    body = (b"0123456789abcdef\r\n" * (size // 18 + 1))[:size]
    split = max(split, size // 1000)  # a thousand pieces say as much as a million
    pieces = [body[i : i + split] for i in range(0, size, split)]
    with serving(digest, limits=Limits(body_memory_bytes=MEMORY)) as server:
        for _ in range(2):
            sent = request("POST", chunks=pieces) if framing == "chunked" else request("POST", body=body)
            response = server.ask(sent)
            assert response.body.decode() == hashlib.sha256(body).hexdigest()
            assert response.get("X-Place") == ("file" if size > MEMORY else "memory")


def files_of(folder: Path) -> list[str]:
    """Files of the folder, nameless ones included, that this process has open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(descriptor.readlink()))
    return [each for each in found if each.startswith(str(folder))]


def test_a_body_leaves_no_file_behind(tmp_path, monkeypatch, threads):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = []

    def app(environ, start_response):
        kept.append(environ["wsgi.input"])  # an application that does not let go
        assert files_of(tmp_path) != []
        return deaf(environ, start_response)

    with serving(app, threads=threads, limits=Limits(body_memory_bytes=100)) as server:
        for _ in range(10):
            assert server.ask(request("POST", body=b"a" * 1000)).body == b"heard nothing"
        with server.connect() as client:  # a client that leaves in the middle
            client.send(request("POST", body=b"a" * 1000)[:-1])
            client.end_sending()
            assert client.response().status == 400
        eventually(lambda: files_of(tmp_path) == [])
        assert list(tmp_path.iterdir()) == []
        assert len(kept) == 10
        assert all(each.closed for each in kept)


def test_a_file_where_none_can_be_made(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with serving(echo, limits=Limits(body_memory_bytes=100)) as server:
        for size in (1000, 4 * MIB):
            with server.connect() as client:
                client.send(request("POST", body=b"a" * size))
                assert client.response().status == 500
        assert server.ask(request("POST", body=b"a" * 100)).body == b"a" * 100


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_beyond_the_limit_does_not_cost_the_answer(framing):
    """A client may send all of it before it reads: closing at once would reset it, and the answer would be lost."""
    body = b"a" * 4 * MIB
    sent = request("POST", body=body) if framing == "length" else request("POST", chunks=[body])
    with serving(echo, limits=Limits(body_bytes=1000)) as server, server.connect() as client:
        client.send(sent)
        assert client.response().status == 413
        assert client.ended()


# Long answers


@pytest.mark.parametrize("written", [False, True], ids=["yielded", "written"])
def test_pieces_are_sent_as_they_come(threads, written):
    """Each arrives before the next is made."""
    arrived = threading.Semaphore(0)

    def app(environ, start_response):
        write = start_response("200 OK", [])
        for piece in (b"one", b"two", b"three"):
            if written:
                write(piece)
                yield b""
            else:
                yield piece
            assert arrived.acquire(timeout=PATIENCE_SECONDS)

    with serving(app, threads=threads) as server, server.connect() as client:
        client.send(GET)
        head = client.head()
        for piece, wanted in zip(client.pieces(head), (b"one", b"two", b"three"), strict=True):
            assert piece == wanted
            arrived.release()


# The kernel holds little of a unix socket's bytes, always as many; of TCP's it may hold megabytes.
SMALL = "unix"


class Tap:
    """A long answer, and how much of it was taken."""

    def __init__(self, piece: bytes, most: int) -> None:
        self.piece, self.left, self.taken, self.closed = piece, most, 0, threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.left == 0:
            raise StopIteration
        self.left -= 1
        self.taken += len(self.piece)
        return self.piece

    def close(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("size", [100, 10_000, MIB])
def test_a_slow_reader_stops_the_application_not_the_server(size):
    total = min(16 * MIB, 40_000 * size)
    tap = Tap(b"x" * size, total // size)

    def app(environ, start_response):
        start_response("200 OK", [])
        return tap if environ["PATH_INFO"] == "/tap" else [b"hello"]

    with serving(app, listen=SMALL) as server:
        with server.connect() as client:
            client.send(request(target="/tap"))
            head = client.head()  # so it is under way, and nothing more is read
            assert server.get().body == b"hello"
            assert tap.taken < total // 2
            assert sum(map(len, client.pieces(head))) == total // size * size
        assert tap.closed.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("piece", [b"", b"x", b"x" * 64 * KIB], ids=["nothing", "little", "much"])
def test_a_fast_reader_does_not_keep_the_server_to_itself(piece, threads):
    """Nor does an iterator that only waits."""
    leave = threading.Event()

    def endless():
        yield b"begun"
        while not leave.is_set():
            yield piece

    def app(environ, start_response):
        start_response("200 OK", [])
        return endless() if environ["PATH_INFO"] == "/endless" else [b"hello"]

    def read(client):
        client.send(request(target="/endless"))
        for _ in client.pieces(client.head()):
            continue

    with serving(app, threads=threads) as server, contextlib.ExitStack() as stack:
        readers = [threading.Thread(target=read, args=(stack.enter_context(server.connect()),)) for _ in range(threads)]
        for reader in readers:
            reader.start()
        try:
            eventually(lambda: server.reading().running == threads)
            assert server.get().body == b"hello"
        finally:
            leave.set()
            for reader in readers:
                reader.join()


def test_a_reader_that_leaves_ends_the_application(threads):
    tap = Tap(b"x" * 64 * KIB, 1 << 40)

    def app(environ, start_response):
        start_response("200 OK", [])
        return tap

    with serving(app, listen=SMALL, threads=threads) as server:
        with server.connect() as client:
            client.send(GET)
            client.head()
        assert tap.closed.wait(PATIENCE_SECONDS)


def test_a_client_that_is_gone_ends_an_application_that_only_waits(threads):
    closed = threading.Event()

    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b""
        finally:
            closed.set()

    with serving(app, threads=threads) as server, server.connect() as client:
        client.send(GET)
        eventually(lambda: server.reading().running == 1)
        client.reset()
        assert closed.wait(PATIENCE_SECONDS)


def test_writing_waits_for_its_reader(threads):
    """write() cannot give way to others, as an iterator does, but takes no more memory either."""
    written: list[int] = []

    def app(environ, start_response):
        write = start_response("200 OK", [])
        for i in range(256):
            write(bytes([i]) * 64 * KIB)
            written.append(i)
        return [b"end"]

    with serving(app, listen=SMALL, threads=threads) as server:
        for _ in range(3):
            with server.connect() as client:
                client.send(GET)
                head = client.head()
                assert len(written) < 128
                body = b"".join(client.pieces(head))
                assert body == b"".join(bytes([i]) * 64 * KIB for i in range(256)) + b"end"
            written.clear()
        eventually(lambda: server.reading().running == 0)
        assert server.reading().requests == 3


def test_an_answer_in_one_piece_is_not_cut_by_a_slow_reader():
    body = os.urandom(MIB) * 32

    def app(environ, start_response):
        start_response("200 OK", [])
        return [body] if environ["PATH_INFO"] == "/big" else [b"hello"]

    with serving(app, listen=SMALL) as server, server.connect() as client:
        client.send(request(target="/big"))
        head = client.head()
        assert server.get().body == b"hello"
        assert b"".join(client.pieces(head)) == body


def peak_kib(pid: int) -> int:
    """The most memory a process has held."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


STREAMS = """
def app(environ, start_response):
    size = int(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Length", str(size))] if environ["PATH_INFO"] == "/length" else [])
    return (b"x" * 65536 for _ in range(size // 65536))
"""


# AddressSanitizer keeps what was freed for a while.
measures_memory = pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="memory is not given back")


@measures_memory
@pytest.mark.parametrize("threads", ["1", "4"])
@pytest.mark.parametrize("target", ["/length", "/chunked"])
def test_a_long_answer_takes_no_memory(tmp_path, threads, target):
    (tmp_path / "app.py").write_text(STREAMS)
    with Penstock("app:app", "--threads", threads, folder=tmp_path) as server:
        (worker,) = server.workers()
        for size in (8 * MIB, 100 * MIB):
            before = peak_kib(worker)
            with Client(server.connect()) as client:
                client.send(request(target=f"{target}?{size}"))
                assert sum(map(len, client.pieces(client.head()))) == size
        assert peak_kib(worker) - before < 4 * KIB


COUNTS = """
def app(environ, start_response):
    size = sum(map(len, iter(lambda: environ["wsgi.input"].read(65536), b"")))
    start_response("200 OK", [])
    return [str(size).encode()]
"""


@measures_memory
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_long_body_takes_no_memory(tmp_path, framing):
    (tmp_path / "app.py").write_text(COUNTS)
    piece = b"x" * MIB
    with Penstock("app:app", folder=tmp_path) as server:
        (worker,) = server.workers()
        for size in (8, 100):
            before = peak_kib(worker)
            with Client(server.connect()) as client:
                if framing == "length":
                    client.send(request("POST", headers=[("Content-Length", str(size * MIB))]))
                    for _ in range(size):
                        client.send(piece)
                else:
                    client.send(request("POST", headers=[("Transfer-Encoding", "chunked")]))
                    for _ in range(size):
                        client.send(b"100000\r\n" + piece + b"\r\n")
                    client.send(b"0\r\n\r\n")
                assert client.response().body == str(size * MIB).encode()
        assert peak_kib(worker) - before < 4 * KIB


# Deadlines: each ends what it is for, and says so where an answer is due


def with_deadline(**seconds: float) -> Timeouts:
    return Timeouts(**{"head": 0, "body": 0, "keep_alive": 0, "write": 0, **seconds})


SOON = 0.05


@pytest.mark.parametrize("sent", [b"G", GET[:-1], GET[:20]])
def test_a_head_that_does_not_come(sent):
    with serving(hello, timeouts=with_deadline(head=SOON)) as server, server.connect() as client:
        client.send(sent)
        response = client.response()
        assert (response.status, response.closes) == (408, True)
        assert client.ended()


def test_a_head_that_does_not_begin():
    with serving(hello, timeouts=with_deadline(head=SOON)) as server, server.connect() as client:
        assert client.ended()  # nothing was asked, so nothing is answered


def test_a_second_head_that_does_not_come():
    with serving(hello, timeouts=with_deadline(head=SOON)) as server, server.connect() as client:
        client.send(GET + GET[:-1])
        assert client.response().status == 200
        assert client.response().status == 408
        assert client.ended()


def test_a_head_that_comes_byte_by_byte_is_not_waited_for_longer():
    with serving(hello, timeouts=with_deadline(head=SOON)) as server, server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nX: ")
        while client.silent(wait=SOON / 10):
            client.send_what_it_takes(b"a")
        assert client.response().status == 408


@pytest.mark.parametrize("sent", [request("POST", body=b"hello")[:-1], request("POST", chunks=[b"hello"])[:-1]])
def test_a_body_that_does_not_come(sent):
    with serving(hello, timeouts=with_deadline(body=SOON)) as server, server.connect() as client:
        client.send(sent)
        response = client.response()
        assert (response.status, response.closes) == (408, True)
        assert client.ended()


def test_a_body_that_comes_byte_by_byte_is_not_waited_for_longer():
    with serving(hello, timeouts=with_deadline(body=SOON)) as server, server.connect() as client:
        client.send(request("POST", headers=[("Content-Length", "1000000")]))
        while client.silent(wait=SOON / 10):
            client.send_what_it_takes(b"a")
        assert client.response().status == 408


def test_a_kept_connection_ends_in_silence():
    with serving(hello, timeouts=with_deadline(keep_alive=SOON)) as server, server.connect() as client:
        assert not client.ask(GET).closes
        assert client.ended()


def test_no_deadline_runs_while_the_application_does():
    release = threading.Event()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            assert release.wait(PATIENCE_SECONDS)
        return hello(environ, start_response)

    everything = Timeouts(head=SOON, body=SOON, keep_alive=SOON, write=SOON)
    with serving(app, threads=2, timeouts=everything) as server, server.connect() as client:
        client.send(request(target="/slow"))
        with server.connect() as other:
            assert other.ended()  # so the deadline has passed
        release.set()
        assert client.response().status == 200


@pytest.mark.parametrize("piece", [64 * KIB, 32 * MIB], ids=["streamed", "whole"])
def test_an_answer_that_nobody_reads(piece, threads):
    tap = Tap(b"x" * piece, 64 * MIB // piece)

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", str(64 * MIB))])
        return tap

    deadline = with_deadline(write=SOON)
    with serving(app, listen=SMALL, threads=threads, timeouts=deadline) as server, server.connect() as client:
        client.send(GET)
        assert tap.closed.wait(PATIENCE_SECONDS)
        with pytest.raises(Ended):
            client.response()


# Limits


def test_connections_beyond_the_limit_wait(threads):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(hello, threads=threads, limits=Limits(connections=2)))
        first, second, third = (stack.enter_context(server.connect()) for _ in range(3))
        assert first.ask(GET).status == second.ask(GET).status == 200
        third.send(GET)
        for _ in range(10):
            assert first.ask(GET).status == 200
        assert third.silent()
        second.close()
        assert third.response().status == 200


EXHAUSTED = """
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

def app(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]
"""


def test_running_out_of_descriptors(tmp_path):
    """Those connected are served; those that wait are, when others leave."""
    (tmp_path / "app.py").write_text(EXHAUSTED)
    with Penstock("app:app", "--body-memory", "10", folder=tmp_path) as server:
        clients = [Client(server.connect()) for _ in range(100)]
        served = []
        for client in clients:
            client.send(GET)
            if len(served) < 20:
                assert client.response().status == 200
                served.append(client)
        assert served[0].ask(GET).status == 200
        assert served[0].ask(request("POST", body=b"no file can be made")).status == 500
        for client in clients:
            if client not in served:
                assert client.response().status == 200
            client.close()


# The end of a server


def test_an_answer_of_a_server_that_ends_closes(threads):
    running: list[Serving] = []

    def app(environ, start_response):
        running[0].server.drain()
        return hello(environ, start_response)

    with serving(app, threads=threads) as server, server.connect() as idle, server.connect() as client:
        running.append(server)
        client.send(GET + GET)
        assert client.response().closes
        assert client.ended()
        client.close()
        assert idle.ended()
        server.wait_ended()


def test_a_server_that_ends_sends_its_answers_to_the_end(threads):
    running: list[Serving] = []

    def app(environ, start_response):
        start_response("200 OK", [])
        for i in range(256):
            yield bytes([i]) * 64 * KIB
            if i == 1:
                running[0].server.drain()

    with serving(app, listen=SMALL, threads=threads) as server, server.connect() as client:
        running.append(server)
        client.send(GET)
        assert len(client.response().body) == 16 * MIB
        server.wait_ended()


def test_a_server_that_ends_waits_for_what_has_begun(threads):
    running: list[Serving] = []

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/end":
            running[0].server.drain()
        return echo(environ, start_response)

    with serving(app, threads=threads) as server, server.connect() as half, server.connect() as client:
        running.append(server)
        sent = request("POST", body=b"hello")
        half.send(sent[:-1])
        assert client.ask(request(target="/end")).closes
        half.send(sent[-1:])
        response = half.response()
        assert (response.body, response.closes) == (b"hello", True)
        server.wait_ended()


def test_a_server_that_ends_answers_whoever_had_connected(threads):
    """However many the kernel holds: each of them has been told that it is connected."""
    running: list[Serving] = []
    entered, leave = threading.Event(), threading.Event()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/end":
            entered.set()
            assert leave.wait(PATIENCE_SECONDS)
            running[0].server.drain()
        return hello(environ, start_response)

    with serving(app, threads=threads) as server, server.connect() as client:
        running.append(server)
        client.send(request(target="/end"))
        assert entered.wait(PATIENCE_SECONDS)
        waiting = [server.connect() for _ in range(200)]
        for each in waiting:
            each.send(GET)
        leave.set()
        assert client.response().status == 200
        for each in waiting:
            with each:
                response = each.response()
                assert response.status == 200
        server.wait_ended()


def test_a_server_without_a_deadline_to_end_by(threads):
    running: list[Serving] = []

    def app(environ, start_response):
        running[0].server.drain()
        return hello(environ, start_response)

    with serving(app, threads=threads, timeouts=Timeouts(graceful=0)) as server, server.connect() as idle:
        running.append(server)
        assert server.get().closes
        assert idle.ended()
        server.wait_ended()


def test_a_server_that_ends_gives_up_in_time(threads):
    """Whoever is still in the middle when the time is over is cut off."""
    running: list[Serving] = []

    def app(environ, start_response):
        running[0].server.drain()
        return hello(environ, start_response)

    timeouts = Timeouts(head=0, graceful=SOON)
    with serving(app, threads=threads, timeouts=timeouts) as server, server.connect() as client:
        running.append(server)
        client.send(GET[:-1])
        server.get()
        server.wait_ended()


def test_nothing_ends_by_itself():
    assert all(getattr(NEVER, name) == 0 for name in ("head", "body", "keep_alive", "write"))
