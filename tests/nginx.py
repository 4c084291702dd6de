"""A real nginx under test: in a temporary folder, never a daemon, at ports nobody else can have, with what docs/nginx.md says.

    front = Nginx(tmp_path)
    site = front.add(documented("The configuration"), fcgi=server.address("fcgi"))
    with front:
        assert site.get("/").status == 200

Every `add` is a server of its own in the same nginx. The listening sockets are made here, at port 0, and handed over as nginx
hands its own to a new binary: there is no moment at which another process could take the port, nor one at which a client
comes too early.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self

import documents
import pytest
from http_client import PATIENCE_SECONDS, Client, Ended, Response, request

CERTIFICATE = Path(__file__).parent / "tls.pem"

# Debian keeps it where only root's PATH leads.
_MORE_PATH = ":/usr/sbin:/usr/local/sbin"

# Nothing outside the folder is written: an ordinary user may not, and two runs must not meet. There is a master process, for
# without one nginx crashes on sockets that it takes over.
_FRAME = """\
daemon off;
{user}
pid {folder}/nginx.pid;
lock_file {folder}/nginx.lock;
error_log {folder}/error.log notice;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
{servers}
}}
"""


def documented(heading: str) -> str:
    """The configuration under a heading of docs/nginx.md."""
    return documents.block("nginx.md", heading, "nginx")


def changed(text: str, changes: Mapping[str, str]) -> str:
    """`text` with each of the strings replaced; every one of them must be there."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in:\n{text}"
        text = text.replace(old, new)
    return text


class Site:
    """One server of an nginx, as a client sees it."""

    def __init__(self, port: int, *, tls: bool) -> None:
        self.port = port
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self._tls = ssl.create_default_context(cafile=CERTIFICATE) if tls else None

    def connect(self) -> Client:
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        return Client(self._tls.wrap_socket(connection, server_hostname="127.0.0.1") if self._tls else connection)

    def ask(self, data: bytes, method: str = "GET") -> Response:
        """One answer on a connection of its own."""
        with self.connect() as client:
            return client.ask(data, method)

    def get(self, target: str, **more: Any) -> Response:
        return self.ask(request("GET", target, **more))


class Nginx:
    """One nginx, from `with` to the end of the block."""

    def __init__(self, folder: Path) -> None:
        """`folder` is its own: configuration, log, temporary files."""
        self.folder = folder
        self._binary = _binary()
        self._listeners: list[socket.socket] = []
        self._servers: list[str] = [_ready_server(self._listen())]
        self._log_read = 0

    def add(self, configuration: str, *, fcgi: tuple[str, int] | str | None = None, tls: bool = False) -> Site:
        """A server block as documented, with its upstream if it has one, in front of the FastCGI server at an address.

        Without an address the configuration names it already.
        """
        listener = self._listen()
        text, listens = re.subn(r"\blisten (127\.0\.0\.1:)?\d+\b", f"listen 127.0.0.1:{_port(listener)}", configuration)
        assert listens == 1, configuration
        if fcgi is not None:
            backend = f"unix:{fcgi}" if isinstance(fcgi, str) else f"{fcgi[0]}:{fcgi[1]}"
            text, addresses = re.subn(r"127\.0\.0\.1:9000|unix:/run/[\w./]+", backend, text)
            assert addresses == 1, configuration
        if upstream := re.search(r"\bupstream (\w+)", text):  # it has one name in each of the documents
            text = re.sub(rf"\b(upstream|fastcgi_pass) {upstream[1]}\b", rf"\1 app{len(self._servers)}", text)
        text = re.sub(r"\binclude \S*fastcgi_params;", "include fastcgi_params;", text)
        text = re.sub(r"\b(ssl_certificate(?:_key)?) \S+;", rf"\1 {CERTIFICATE};", text)
        self._servers.append(text)
        return Site(_port(listener), tls=tls)

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        # "include fastcgi_params" is looked for beside the configuration.
        shutil.copy(_stock_params(self._binary), self.folder / "fastcgi_params")
        frame = _FRAME.format(folder=self.folder, user=_user(), servers="\n".join(self._servers))
        (self.folder / "nginx.conf").write_text(frame)
        descriptors = [listener.fileno() for listener in self._listeners]
        self._process = subprocess.Popen(
            [self._binary, "-e", "stderr", "-p", self.folder, "-c", self.folder / "nginx.conf"],
            env={**os.environ, "NGINX": "".join(f"{descriptor};" for descriptor in descriptors)},
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        # From here on only nginx holds them: when it ends, clients are refused instead of waiting for ever.
        ready = self._listeners[0].getsockname()
        for listener in self._listeners:
            listener.close()
        self._wait_ready(ready)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        status, said = self._end()
        if kind is None:
            assert status == 0, f"nginx ended with status {status}: {said}\n{self.log}"
            assert not re.search(r"\[(alert|emerg|crit)\]", self.log), self.log

    @property
    def log(self) -> str:
        """Its error log so far. What an answer brought about stands there before the answer has ended."""
        file = self.folder / "error.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def new_log(self) -> str:
        """What came to the error log since this was last asked."""
        text = self.log
        news, self._log_read = text[self._log_read :], len(text)
        return news

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listeners.append(listener)
        return listener

    def _wait_ready(self, address: tuple[str, int]) -> None:
        try:
            with Client(socket.create_connection(address, PATIENCE_SECONDS)) as client:
                assert client.ask(request()).status == 204
        except (OSError, Ended) as error:
            self._kill()
            raise AssertionError(f"nginx does not serve: {self._end()[1]}\n{self.log}") from error

    def _end(self) -> tuple[int, str]:
        """Waits until its last process is gone: its status and what it said."""
        try:
            said, _ = self._process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            raise
        return self._process.returncode, said

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _ready_server(listener: socket.socket) -> str:
    return f"server {{ listen 127.0.0.1:{_port(listener)}; return 204; }}"


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _user() -> str:
    """As root its workers would be somebody else, whom the test's folder does not let in."""
    return f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""


@cache
def _binary() -> str:
    found = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + _MORE_PATH)
    if found is None:
        pytest.fail("nginx is missing; on Debian and its like: apt-get install -y nginx", pytrace=False)
    return found


@cache
def _stock_params(binary: str) -> Path:
    """The fastcgi_params that came with nginx: beside the configuration it was built to read."""
    built = subprocess.run([binary, "-V"], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS).stderr
    found = re.search(r"--conf-path=(\S+)", built)
    assert found, built
    return Path(found[1]).parent / "fastcgi_params"
