"""Several threads: what an application may rely on in each, and that no client holds one."""

import contextlib
import threading
from collections.abc import Iterator

import pytest
from http_client import PATIENCE_SECONDS, Client, request
from penstock.config import Limits
from serving import Serving, eventually, serving

GET = request()
KIB, MIB = 1 << 10, 1 << 20

# The kernel holds little of a unix socket's bytes: whoever does not read is noticed soon.
SMALL = "unix"


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


class Gate:
    """An application that answers when the test says so."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self._open = threading.Semaphore(0)

    def __call__(self, environ, start_response):
        self.entered.release()
        assert self._open.acquire(timeout=PATIENCE_SECONDS)
        return hello(environ, start_response)

    def wait_entered(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.entered.acquire(timeout=PATIENCE_SECONDS)

    def open(self, count: int = 1) -> None:
        self._open.release(count)


@contextlib.contextmanager
def clients(server: Serving, count: int, sent: bytes = b"") -> Iterator[list[Client]]:
    """Connections that have each sent the same."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(server.connect()) for _ in range(count)]
        for client in made:
            client.send(sent)
        yield made


# What the application sees


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_as_many_requests_at_a_time_as_threads(threads):
    seen: list[tuple[bool, int]] = []
    gate = Gate()

    def app(environ, start_response):
        seen.append((environ["wsgi.multithread"], threading.get_ident()))
        return gate(environ, start_response)

    with serving(app, threads=threads) as server, clients(server, threads + 3, GET) as waiting:
        gate.wait_entered(threads)
        running = {ident for _, ident in seen}
        assert len(running) == threads
        if threads > 1:  # the last of what arrives is known to wait only where somebody can say so
            eventually(lambda: server.reading().waiting == 3)
            assert server.reading().running == threads
        gate.open(threads + 3)
        for client in waiting:
            assert client.response().body == b"hello"
    assert {multithread for multithread, _ in seen} == {threads > 1}
    assert {ident for _, ident in seen} == running


def test_what_a_thread_keeps_for_itself_stays():
    """Frameworks keep connections to databases so."""
    local = threading.local()
    barrier = threading.Barrier(3)
    made: list[int] = []

    def app(environ, start_response):
        barrier.wait(PATIENCE_SECONDS)
        if not hasattr(local, "number"):
            local.number = threading.get_ident()
            made.append(local.number)
        assert local.number == threading.get_ident()
        local.number, number = None, local.number
        barrier.wait(PATIENCE_SECONDS)
        assert local.number is None
        local.number = number
        return hello(environ, start_response)

    with serving(app, threads=3) as server:
        for _ in range(10):
            with clients(server, 3, GET) as waiting:
                assert [client.response().body for client in waiting] == [b"hello"] * 3
    assert len(made) == 3


def test_an_iterator_stays_on_its_thread():
    """However often it has to wait for its reader, and whatever others do meanwhile."""
    seen: dict[str, set[int]] = {}

    class Answer:
        def __init__(self, path: str) -> None:
            self.seen = seen.setdefault(path, {threading.get_ident()})
            self.left = 64

        def __iter__(self):
            self.seen.add(threading.get_ident())
            return self

        def __next__(self):
            self.seen.add(threading.get_ident())
            self.left -= 1
            if self.left < 0:
                raise StopIteration
            return b"x" * 64 * KIB

        def close(self):
            self.seen.add(threading.get_ident())

    def app(environ, start_response):
        start_response("200 OK", [])
        return Answer(environ["PATH_INFO"])

    with serving(app, listen=SMALL, threads=3) as server, clients(server, 9) as waiting:
        for i, client in enumerate(waiting):
            client.send(request(target=f"/{i}"))
        heads = [client.head() for client in waiting]
        rest = [client.pieces(head) for client, head in zip(waiting, heads, strict=True)]
        for _ in range(64):  # all of them in turn
            assert [len(next(each)) for each in rest] == [64 * KIB] * 9
        assert [list(each) for each in rest] == [[]] * 9
    assert len(seen) == 9
    assert all(len(idents) == 1 for idents in seen.values())


def test_the_loop_has_a_thread_of_its_own():
    seen: list[str] = []

    def app(environ, start_response):
        seen.append(threading.current_thread().name)
        return hello(environ, start_response)

    with serving(app, threads=2) as server:
        for _ in range(10):
            server.get()
    assert set(seen) <= {"penstock-0", "penstock-1"}


# What holds no thread


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "sent",
    [b"", GET[:-1], request("POST", body=b"a" * 100_000)[:-1], request("POST", chunks=[b"a"])[:-1]],
    ids=["idle", "half a head", "half a body", "half a chunked body"],
)
def test_a_slow_sender_holds_no_thread(threads, sent):
    with serving(hello, threads=threads) as server, clients(server, 20, sent):
        assert server.get().body == b"hello"


def test_a_kept_connection_holds_no_thread():
    with serving(hello, threads=2) as server, clients(server, 20, GET) as kept:
        assert {client.response().closes for client in kept} == {False}
        assert server.get().body == b"hello"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("piece", [1000, 64 * KIB, 8 * MIB], ids=["small pieces", "pieces", "large pieces"])
def test_a_slow_reader_holds_no_thread(threads, piece):
    def app(environ, start_response):
        if environ["PATH_INFO"] != "/long":
            return hello(environ, start_response)
        start_response("200 OK", [])
        return (b"x" * piece for _ in range(8 * MIB // piece))

    long = request(target="/long")
    with serving(app, listen=SMALL, threads=threads) as server, clients(server, 3 * threads, long) as readers:
        heads = [client.head() for client in readers]  # every answer is under way
        assert server.get().body == b"hello"
        for client, head in zip(readers, heads, strict=True):
            assert sum(map(len, client.pieces(head))) == 8 * MIB // piece * piece


def test_a_slow_reader_of_a_whole_answer_holds_no_thread():
    body = b"x" * 8 * MIB

    def app(environ, start_response):
        start_response("200 OK", [])
        return [body] if environ["PATH_INFO"] == "/long" else [b"hello"]

    long = request(target="/long")
    with serving(app, listen=SMALL, threads=2) as server, clients(server, 6, long) as readers:
        heads = [client.head() for client in readers]
        assert server.get().body == b"hello"
        for client, head in zip(readers, heads, strict=True):
            assert b"".join(client.pieces(head)) == body


def test_a_reader_that_leaves_while_its_answer_waits():
    closed = threading.Semaphore(0)

    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 64 * KIB
        finally:
            closed.release()

    with serving(app, listen=SMALL, threads=2) as server, clients(server, 6, GET) as readers:
        for client in readers:
            client.head()
        for client in readers:
            client.close()
        for _ in readers:
            assert closed.acquire(timeout=PATIENCE_SECONDS)


# The queue


def test_more_requests_than_may_wait():
    gate = Gate()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(gate, threads=2, limits=Limits(queue=3)))
        accepted = stack.enter_context(clients(server, 2, GET))
        gate.wait_entered(2)
        accepted += stack.enter_context(clients(server, 3, GET))
        eventually(lambda: server.reading().waiting == 3)
        with server.connect() as client:
            for sent in (GET, request("POST", body=b"a" * 100_000), request("HEAD"), GET):
                response = client.ask(sent, "HEAD" if sent.startswith(b"HEAD") else "GET")
                assert (response.status, response.closes) == (503, False)
                assert int(response.get("Retry-After") or 0) >= 1
            gate.open(6)
            for each in accepted:
                assert each.response().status == 200
            assert client.ask(GET).status == 200


def test_one_thread_refuses_nobody():
    """What it has not taken waits in the kernel."""
    with serving(hello, limits=Limits(queue=1)) as server, clients(server, 100, GET) as many:
        assert {client.response().status for client in many} == {200}


def test_a_request_whose_client_is_gone_is_not_run():
    """One that only closed its half may still be waiting; one that reset is not."""
    gate = Gate()
    with serving(gate, threads=2) as server, clients(server, 2, GET) as running:
        gate.wait_entered(2)
        with clients(server, 5, GET) as leaving:
            eventually(lambda: server.reading().waiting == 5)
            for client in leaving:
                client.reset()
        eventually(lambda: server.reading().connections == 2)
        gate.open(3)
        assert {client.response().status for client in running} == {200}
        assert server.get().status == 200
        gate.wait_entered()
        assert not gate.entered.acquire(blocking=False)


# Faults


@pytest.mark.parametrize("fault", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_a_fault_ends_no_thread(fault):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/fault":
            raise fault("of the application")
        return hello(environ, start_response)

    barrier = threading.Barrier(2)

    def both(environ, start_response):
        if environ["PATH_INFO"] == "/both":
            barrier.wait(PATIENCE_SECONDS)
        return app(environ, start_response)

    with serving(both, threads=2) as server:
        for _ in range(4):
            assert server.get("/fault").status == 500
            what, error = server.failure()
            assert (what, type(error)) == ("GET /fault", fault)
        with clients(server, 2, request(target="/both")) as alive:
            assert {client.response().status for client in alive} == {200}


# The end


def test_the_end_waits_for_every_thread():
    gate = Gate()
    with serving(gate, threads=3) as server, clients(server, 7, GET) as waiting:
        gate.wait_entered(3)
        eventually(lambda: server.reading().waiting == 4)
        server.server.drain()
        gate.open(7)
        for client in waiting:
            response = client.response()
            assert (response.status, response.closes) == (200, True)
        server.wait_ended()


def test_the_end_waits_for_answers_that_wait_for_their_readers():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", str(8 * MIB))])
        return (b"x" * 64 * KIB for _ in range(128))

    with serving(app, listen=SMALL, threads=2) as server, clients(server, 6, GET) as readers:
        heads = [client.head() for client in readers]
        server.server.drain()
        for client, head in zip(readers, heads, strict=True):
            assert sum(map(len, client.pieces(head))) == 8 * MIB
        server.wait_ended()


# All of it at once


def test_many_clients_of_every_kind():
    def app(environ, start_response):
        body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        kind = environ["PATH_INFO"]
        if kind == "/whole":
            return [body]
        if kind == "/pieces":
            return (body[i : i + 10_000] for i in range(0, len(body), 10_000))
        return environ["wsgi.file_wrapper"](environ["wsgi.input"]) if kind == "/nothing" else [body, b"!"]

    wanted = {"/whole": lambda body: body, "/pieces": lambda body: body, "/nothing": lambda body: b""}
    failed: list[str] = []

    def use(number: int) -> None:
        body = bytes([number]) * (number * 9000)
        with server.connect() as client:
            for i in range(20):
                kind = ("/whole", "/pieces", "/nothing", "/two")[(number + i) % 4]
                sent = request("POST", kind, body=body) if i % 2 else request("POST", kind, chunks=[body])
                if client.ask(sent).body != wanted.get(kind, lambda body: body + b"!")(body):
                    failed.append(f"{number} {kind}")

    limits = Limits(body_memory_bytes=50_000, high_watermark_bytes=64 * KIB, low_watermark_bytes=KIB)
    with serving(app, listen=SMALL, threads=4, limits=limits) as server:
        users = [threading.Thread(target=use, args=(number,)) for number in range(16)]
        for user in users:
            user.start()
        for user in users:
            user.join()
    assert failed == []
