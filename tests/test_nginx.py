"""Penstock behind a real nginx, through fastcgi_pass, with the configurations of docs/nginx.md.

One worker of Penstock and one of nginx serve the whole file; what would disturb the others has its own.
"""

import contextlib
import hashlib
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from apps.checks import digest, pattern
from http_client import PATIENCE_SECONDS, Client, Ended, Response, request
from load import Load
from nginx import Nginx, Site, changed, documented
from process import Penstock

ROOT = Path(__file__).parent.parent
APPS = ROOT / "tests" / "apps"
MIB = 1 << 20
BODIES = [0, 1, 32 << 10, MIB, 64 * MIB]

# How far the worker's memory may go up for an answer of any size: the high watermark and what the allocator keeps, generously.
FLAT_BYTES = 16 * MIB


class Way(NamedTuple):
    """How nginx and Penstock meet."""

    socket: str
    keep: bool
    buffered: bool = True  # the request's body

    def __str__(self) -> str:
        return f"{self.socket}-{'kept' if self.keep else 'each'}-{'buffered' if self.buffered else 'streamed'}"


WAYS = [
    Way(socket, keep, buffered) for socket in ("tcp", "unix") for keep in (True, False) for buffered in (True, False)
]
ANSWER_WAYS = [way for way in WAYS if way.buffered]  # where only the answer matters
THE_WAY = Way("unix", keep=True)

every_way = pytest.mark.parametrize("site", WAYS, ids=str, indirect=True)
every_answer_way = pytest.mark.parametrize("site", ANSWER_WAYS, ids=str, indirect=True)


def configuration(way: Way) -> str:
    """The documented one, and what is different on this way."""
    text = documented("The configuration" if way.socket == "tcp" else "Over a unix socket")
    if not way.keep:
        text = changed(text, {"fastcgi_keep_conn on;": "", "keepalive 16;": ""})
    more = "client_max_body_size 0;" if way.buffered else "client_max_body_size 0; fastcgi_request_buffering off;"
    return changed(text, {"location / {": f"location / {{ {more}"})


class Front:
    """One nginx in front of one Penstock: a site for each way, and one for each other page of the document."""

    def __init__(self, folder: Path, server: Penstock) -> None:
        fcgi = {"tcp": server.address("fcgi"), "unix": str(folder / "app.sock")}
        self.nginx = Nginx(folder / "nginx")
        self.ways = {way: self.nginx.add(configuration(way), fcgi=fcgi[way.socket]) for way in WAYS}
        self.pages = {
            heading: self.nginx.add(documented(heading), fcgi=fcgi["tcp"], tls="TLS" in heading)
            for heading in (
                "Below a path that nginx splits",
                "At another port",
                "Over TLS",
                "Uploads",
                "Streaming",
                "Large headers",
            )
        }


def penstock(folder: Path, *arguments: str) -> Penstock:
    """The checks at both kinds of socket."""
    binds = ("--bind", "fcgi://127.0.0.1:0", "--bind", f"fcgi://unix:{folder / 'app.sock'}")
    return Penstock("checks:app", "--app-dir", str(APPS), *binds, *arguments, folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Penstock]:
    with penstock(folder) as server:
        yield server


@pytest.fixture(scope="module")
def front(folder: Path, server: Penstock) -> Iterator[Front]:
    front = Front(folder, server)
    with front.nginx:
        yield front


@pytest.fixture
def site(front: Front, request: pytest.FixtureRequest) -> Site:
    return front.ways[getattr(request, "param", THE_WAY)]


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A named pipe: how the application tells a test something, and the other way round."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def told(response: Response) -> Any:
    """What the echo says."""
    assert response.status == 200, response
    return json.loads(response.body)


def environ_of(response: Response) -> dict[str, str]:
    environ: dict[str, str] = told(response)["environ"]
    return environ


def chunks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        yield b"%x\r\n%b\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


def upload(site: Site, target: str, size: int, *, chunked: bool = False) -> Response:
    """Posts `size` bytes of the pattern."""
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(size))
    with site.connect() as client:
        client.send(request("POST", target, headers=[framing]))
        for block in chunks(pattern(size)) if chunked else pattern(size):
            client.send(block)
        return client.response()


# ---- requests ----


@every_way
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"])
def test_methods(site, method):
    assert environ_of(site.ask(request(method, "/a")))["REQUEST_METHOD"] == method


@every_way
@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", b"/"),
        ("/a%20b/c+d", b"/a b/c+d"),
        ("/%C3%A9", "/é".encode()),
        ("/%E9%FF", b"/\xe9\xff"),
        ("/a%2Fb", b"/a/b"),
        ("/a%3Fb%23c%25d", b"/a?b#c%d"),
        ("/a;b=c:d@e", b"/a;b=c:d@e"),
        ("/a%0Ab", b"/a\nb"),
        ("/x/../y/./z//w", b"/y/z/w"),
        ("/end/", b"/end/"),
        ("/" + "long" * 1500, b"/" + b"long" * 1500),
    ],
)
def test_paths(site, target, path):
    """The stock parameters carry it decoded, in SCRIPT_NAME; REQUEST_URI stays as the client sent it."""
    environ = environ_of(site.get(f"{target}?a=b"))
    assert environ["PATH_INFO"].encode("latin-1") == path
    assert environ["SCRIPT_NAME"] == ""
    assert environ["REQUEST_URI"] == f"{target}?a=b"


@every_way
@pytest.mark.parametrize("query", ["", "a=1&b=%20+&c", "?", "a=%zz%", "a=/?b", "%C3%A9=%00", "long=" + "q" * 6000])
def test_queries(site, query):
    assert environ_of(site.get(f"/a?{query}"))["QUERY_STRING"] == query


@every_way
def test_headers(site):
    environ = environ_of(
        site.get(
            "/",
            headers=[
                ("Host", "example.org"),
                ("User-Agent", "a test"),
                ("X-Twice", "1"),
                ("x-twice", "2"),
                ("Cookie", "a=1"),
                ("Cookie", "b=2"),
                ("X-Bytes", "na\xefve \xff"),
                ("X-Empty", ""),
                ("X_Under", "spoofed"),
                ("Proxy", "http://evil.example"),
                ("Authorization", "Basic dXNlcjpwYXNz"),
                ("Content-Type", "text/plain"),
                ("Accept", "text/*, */*;q=0.1"),
            ],
        )
    )
    headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    assert headers == {
        "HTTP_HOST": "example.org",
        "HTTP_USER_AGENT": "a test",
        "HTTP_X_TWICE": "1, 2",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_BYTES": "na\xefve \xff",
        "HTTP_X_EMPTY": "",
        "HTTP_AUTHORIZATION": "Basic dXNlcjpwYXNz",
        "HTTP_ACCEPT": "text/*, */*;q=0.1",
    }
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert "CONTENT_LENGTH" not in environ


@pytest.mark.parametrize("line", ["", 'fastcgi_param REMOTE_USER "";'])
def test_a_user_that_nginx_has_not_checked(tmp_path, server, line):
    """The stock parameters pass on what the client claims; a line behind them does not."""
    nginx = Nginx(tmp_path / "nginx")
    text = changed(documented("The configuration"), {"include fastcgi_params;": f"include fastcgi_params; {line}"})
    site = nginx.add(text, fcgi=server.address("fcgi"))
    with nginx:
        environ = environ_of(site.get("/", headers=[("Authorization", "Basic dXNlcjpwYXNz")]))
    assert environ["REMOTE_USER"] == ("" if line else "user")


@every_way
def test_many_headers(site):
    """As many bytes as nginx lets through: its four buffers of 8 KiB."""
    headers = [(f"X-Name-{i}", "v" * 950) for i in range(30)]
    environ = environ_of(site.get("/", headers=headers))
    assert [environ[f"HTTP_X_NAME_{i}"] for i in range(30)] == ["v" * 950] * 30


@every_way
def test_who_asks_whom(site, front):
    with site.connect() as client:
        environ = environ_of(client.ask(request("GET", "/")))
        assert (environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])) == client.socket.getsockname()
    assert environ["SERVER_PORT"] == str(site.port)
    assert environ["SERVER_NAME"] == "penstock.test"  # there is no server_name
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["wsgi.url_scheme"] == environ["REQUEST_SCHEME"] == "http"
    assert environ["SERVER_SOFTWARE"].startswith("nginx/")
    assert "HTTPS" not in environ


@every_way
@pytest.mark.parametrize("size", BODIES)
def test_bodies(site, size):
    answer = told(upload(site, "/", size))
    assert (answer["length"], answer["sha256"]) == (size, digest(pattern(size)))
    assert answer["environ"]["CONTENT_LENGTH"] == str(size)
    assert "HTTP_CONTENT_LENGTH" not in answer["environ"]


@every_way
@pytest.mark.parametrize("size", BODIES)
def test_chunked_uploads(site, size):
    """Streamed they come without a length; Penstock knows it when it calls the application."""
    answer = told(upload(site, "/", size, chunked=True))
    assert (answer["length"], answer["sha256"]) == (size, digest(pattern(size)))
    assert answer["environ"].get("CONTENT_LENGTH", "0") == str(size)
    assert "HTTP_TRANSFER_ENCODING" not in answer["environ"]


@every_way
def test_an_upload_that_nobody_reads(site):
    assert upload(site, "/status?code=403", MIB).status == 403


@every_way
def test_a_client_that_waits_for_leave_to_send(site):
    with site.connect() as client:
        client.send(request("POST", "/", headers=[("Content-Length", "4"), ("Expect", "100-continue")]))
        assert client.head().status == 100
        client.send(b"body")
        assert told(client.response())["length"] == 4


# ---- answers ----


@every_answer_way
def test_head(site):
    answer = site.ask(request("HEAD", "/hello?you"), "HEAD")
    assert (answer.status, answer.body, answer.get("Content-Length")) == (200, b"", "10")


@every_answer_way
@pytest.mark.parametrize("code", [200, 201, 203, 400, 401, 404, 418, 422, 451, 500, 503, 599])
def test_statuses(site, code):
    answer = site.get(f"/status?code={code}")
    assert (answer.status, answer.body) == (code, str(code).encode())


@every_answer_way
def test_no_content(site):
    answer = site.get("/status?code=204")
    assert (answer.status, answer.body, answer.get("Transfer-Encoding")) == (204, b"", None)


@every_answer_way
def test_not_modified(site):
    with site.connect() as client:
        answer = client.ask(request("GET", "/not_modified"))
        assert (answer.status, answer.get("ETag"), answer.body) == (304, '"1"', b"")
        assert client.ask(request("GET", "/hello")).status == 200  # on the same connection: no body was left over


@every_answer_way
@pytest.mark.parametrize("code", [201, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["/there?a=b", "https://example.org/there"])
def test_redirects(site, code, to):
    """Not resolved by anybody, and the status is the application's even though nginx knows a default for Location."""
    answer = site.get(f"/redirect?code={code}&to={to}")
    assert (answer.status, answer.get("Location")) == (code, to)


@every_answer_way
def test_answer_headers(site):
    answer = site.get("/cookies")
    assert answer.all("Set-Cookie") == ["a=1; Path=/", "b=2"]
    assert answer.get("X-Name") == "na\xefve"


@every_answer_way
def test_a_large_header_block(site):
    """As large as nginx takes without being told to."""
    assert len(site.get("/headers?bytes=3800").fields) > 38


@every_answer_way
def test_the_imperative_way_to_write(site):
    assert site.get("/write").body == b"written, returned"


@every_answer_way
@pytest.mark.parametrize("size", [0, 1, MIB + 1])
def test_the_file_wrapper(site, size):
    assert digest([site.get(f"/file?bytes={size}").body]) == digest(pattern(size))


def peak_bytes(pid: int) -> int:
    """The most memory a process has held since forget_peak, or ever."""
    return 1024 * int(re.findall(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0])


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def body_digest(client: Client, head: Any) -> str:
    sha = hashlib.sha256()
    for piece in client.pieces(head):
        sha.update(piece)
    return sha.hexdigest()


@every_answer_way
def test_a_large_answer_takes_no_memory(site, server):
    (worker,) = server.workers()
    forget_peak(worker)
    before = peak_bytes(worker)
    with site.connect() as client:
        client.send(request("GET", f"/stream?bytes={100 * MIB}"))
        assert body_digest(client, client.head()) == digest(pattern(100 * MIB))
    assert peak_bytes(worker) - before < FLAT_BYTES


def test_a_slow_reader_pauses_the_application(front, server):
    """Nothing is read behind the head; the worker answers others meanwhile, and does not run ahead."""
    site = front.pages["Streaming"]
    (worker,) = server.workers()
    forget_peak(worker)
    before = peak_bytes(worker)
    with site.connect() as client:
        client.send(request("GET", f"/stream?bytes={100 * MIB}"))
        head = client.head()
        assert int(site.get("/produced").body) < 50 * MIB  # what all the sockets between hold
        assert body_digest(client, head) == digest(pattern(100 * MIB))
    assert peak_bytes(worker) - before < FLAT_BYTES


@pytest.mark.parametrize("how", ["by configuration", "by header"])
def test_streaming(front, fifo, how):
    """The first piece is there while the application is still at work."""
    configured = how == "by configuration"
    site = front.pages["Streaming"] if configured else front.ways[THE_WAY]
    with site.connect() as client:
        client.send(request("GET", f"/steps?gate={fifo}" + ("" if configured else "&buffering=no")))
        pieces = client.pieces(client.head())
        assert next(pieces) == b"first\n"
        with fifo.open("w") as gate:
            gate.write("go on")
        assert b"".join(pieces) == b"second\n"


# ---- connections ----


def test_fifty_clients_at_once(site):
    """Each on a connection it keeps, all of them open, their requests in flight at the same time."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(site.connect()) for _ in range(50)]
        for turn in range(10):
            for number, client in enumerate(clients):
                client.send(request("GET", f"/hello?{turn}-{number}"))
            for number, client in enumerate(clients):
                assert client.response().body == f"hello {turn}-{number}\n".encode()


@every_answer_way
def test_a_client_that_leaves(site, server, fifo):
    """The application is closed, the worker goes on."""
    workers = server.workers()
    with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as closed:
        with site.connect() as client:
            client.send(request("GET", f"/endless?told={fifo}"))
            client.read(MIB)
            client.reset()
        assert select.select([closed], [], [], PATIENCE_SECONDS)[0], "close() was not called"
        assert closed.read() == b"closed"
    assert site.get("/hello").status == 200
    assert server.workers() == workers


@every_way
def test_a_client_that_leaves_amid_its_upload(site, server):
    workers = server.workers()
    with site.connect() as client:
        client.send(request("POST", "/", headers=[("Content-Length", str(MIB))]) + b"some of it")
        client.reset()
    assert site.get("/hello").status == 200
    assert server.workers() == workers


def sockets_of(pid: int) -> set[str]:
    links = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.add(os.readlink(descriptor))
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize("way", [way for way in ANSWER_WAYS if way.keep], ids=str)
def test_a_connection_is_kept(tmp_path, way):
    """Whatever the answers were: with a body and without, of known length and not, failed and redirected."""
    targets = [
        "/hello",
        "/",
        "/stream?bytes=1000000",
        "/fail",
        "/status?code=404",
        "/redirect?code=302&to=/",
        "/log?text=",
    ]
    with penstock(tmp_path) as server:
        front = Front(tmp_path, server)
        (worker,) = server.workers()
        listeners = sockets_of(worker)
        with front.nginx:
            front.ways[way].get("/hello")
            kept = sockets_of(worker) - listeners
            assert len(kept) == 1
            for target in targets:
                front.ways[way].get(target)
                upload(front.ways[way], target, MIB)
            assert sockets_of(worker) - listeners == kept


def test_twenty_thousand_requests(site):
    with Load(site.connect, clients=20, requests=20_000) as load:
        pass
    assert load.failures == []
    assert load.answered == 20_000


@every_answer_way
def test_two_thousand_requests(site):
    with Load(site.connect, clients=20, requests=2_000) as load:
        pass
    assert load.failures == []


@pytest.fixture(scope="module")
def reloading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Penstock, Front]]:
    folder = tmp_path_factory.mktemp("reloading")
    with penstock(folder, "--workers", "2") as server:
        front = Front(folder, server)
        with front.nginx:
            yield server, front


@pytest.mark.parametrize("way", ANSWER_WAYS, ids=str)
def test_a_reload_under_load_loses_no_request(reloading, way):
    server, front = reloading
    front.nginx.new_log()
    with Load(front.ways[way].connect, clients=8) as load:
        for _ in range(3):
            load.wait_for(200)
            mark, before = server.mark(), server.workers()
            server.send(signal.SIGHUP)
            server.wait_line("reloaded", since=mark)
            server.wait_line("worker .* ended", since=mark, count=2)
            load.wait_for(200)
            assert server.workers().isdisjoint(before)
    assert load.failures == []
    assert "[error]" not in front.nginx.new_log()  # nor did nginx have to try again


# ---- what goes wrong ----


@every_answer_way
def test_an_application_that_fails(site, server):
    mark = server.mark()
    assert site.get("/fail").status == 500
    server.wait_line("RuntimeError: fails on purpose", since=mark)


@every_answer_way
@pytest.mark.parametrize("target", ["/break_off?bytes=10", f"/break_off?bytes={MIB}", "/short"])
def test_an_answer_that_breaks_off(site, target):
    """The client can see that it is not whole."""
    with pytest.raises(Ended):
        site.get(target)
    assert site.get("/hello").status == 200


@pytest.mark.parametrize("target", ["/break_off?bytes=10", f"/break_off?bytes={MIB}", "/short"])
def test_a_streamed_answer_that_breaks_off(front, target):
    with pytest.raises(Ended):
        front.pages["Streaming"].get(target)


@every_answer_way
def test_the_error_stream(site, front, server):
    """What the application writes to it, before and within its answer, stands in both logs."""
    mark = server.mark()
    front.nginx.new_log()
    assert site.get(f"/log?text=from-{site.port}").body == b"ab"
    news = front.nginx.new_log()
    for word in ("one", "two", "three"):
        assert f'FastCGI sent in stderr: "from-{site.port} {word}"' in news
        server.wait_line(f"from-{site.port} {word}", since=mark)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("size", [(64 << 10) + 1, 4 * MIB])
def test_an_upload_beyond_the_limit(small, way, size):
    """Refused before it has come, and the refusal arrives."""
    assert upload(small.ways[way], "/", size).status == 413


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("small")
    with penstock(folder, "--limit-request-body", "64K") as server:
        front = Front(folder, server)
        with front.nginx:
            yield front


# ---- the other pages of the document ----


@pytest.mark.parametrize(
    ("target", "path"), [("/shop/", "/"), ("/shop/a%20b/%C3%A9?c", "/a b/\xc3\xa9"), ("/shop/shop/x", "/shop/x")]
)
def test_a_path_that_nginx_splits(front, target, path):
    environ = environ_of(front.pages["Below a path that nginx splits"].get(target))
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["REQUEST_URI"]) == ("/shop", path, target)


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """Below --root-path, with and without a split of nginx's own."""
    folder = tmp_path_factory.mktemp("mounted")
    headings = ("Below a path", "Below a path that nginx splits")
    with penstock(folder, "--root-path", "/shop") as server:
        nginx = Nginx(folder / "nginx")
        sites = {heading: nginx.add(documented(heading), fcgi=server.address("fcgi")) for heading in headings}
        with nginx:
            yield sites


@pytest.mark.parametrize("heading", ["Below a path", "Below a path that nginx splits"])
@pytest.mark.parametrize(
    ("target", "path"), [("/shop/", "/"), ("/shop/a%20b/%C3%A9?c", "/a b/\xc3\xa9"), ("/shop/shop/x", "/shop/x")]
)
def test_a_root_path(mounted, heading, target, path):
    environ = environ_of(mounted[heading].get(target))
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["REQUEST_URI"]) == ("/shop", path, target)


def test_a_root_path_without_its_slash(mounted):
    site = mounted["Below a path"]
    answer = site.get("/shop", headers=[("Host", site.host)])
    assert (answer.status, answer.get("Location")) == (301, f"{site.url}/shop/")


def test_a_host_with_its_port(front):
    """The stock parameters of Debian leave the port away; the line that adds it comes second, and counts."""
    site = front.pages["At another port"]
    environ = environ_of(site.get("/", headers=[("Host", "example.org:1")]))
    assert environ["HTTP_HOST"] == f"example.org:{site.port}"
    assert environ["SERVER_NAME"] == "example.org"


def test_tls(front):
    environ = environ_of(front.pages["Over TLS"].get("/"))
    assert environ["wsgi.url_scheme"] == environ["REQUEST_SCHEME"] == "https"
    assert environ["HTTPS"] == "on"


def test_uploads_page(front):
    assert told(upload(front.pages["Uploads"], "/", 99 * MIB))["sha256"] == digest(pattern(99 * MIB))


def test_large_headers_page(front):
    site = front.pages["Large headers"]
    assert len(site.get("/headers?bytes=31000").fields) > 310
    headers = [("X-Large", "v" * 16000), ("X-Other", "v" * 16000)]
    assert environ_of(site.get("/", headers=headers))["HTTP_X_OTHER"] == "v" * 16000


def test_too_many_headers(front):
    """Penstock's limit; nginx has none."""
    site = front.ways[THE_WAY]
    assert site.get("/", headers=[(f"X-{i}", "v") for i in range(98)]).status == 200  # and Host
    assert site.get("/", headers=[(f"X-{i}", "v") for i in range(101)]).status == 431


# ---- make serve ----


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[str]:
    """What tools/serve.py says, while it serves."""
    binds = [f"--http=unix:{tmp_path / 'http.sock'}", f"--fcgi=unix:{tmp_path / 'app.sock'}"]
    process = subprocess.Popen(
        [sys.executable, ROOT / "tools" / "serve.py", *binds],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stderr
        try:
            said = "".join(takewhile(lambda line: line != "Control-C stops.\n", process.stdout))
            assert any("info: ready" in line for line in process.stderr)
            yield said
        finally:
            process.terminate()
            process.stderr.read()


def test_the_lines_that_make_serve_prints(printed, tmp_path):
    lines = re.search(r"^    upstream .*^    }\n", printed, re.MULTILINE | re.DOTALL)
    assert lines, printed
    nginx = Nginx(tmp_path / "nginx")
    site = nginx.add(lines[0])
    with nginx:
        assert site.get("/there?a=b").body == b"Hello, GET /there\n"
