"""Applications that do what they should not, or what servers often get wrong: nobody else suffers."""

import http.client
import re
import signal
import socket
from pathlib import Path

import pytest
from process import Penstock

APPLICATION = """
import os, sys, threading

class Text(str):
    pass

class Data(bytes):
    pass

def answer(start_response, *body):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return list(body)

def fork(environ, start_response):
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
    return answer(start_response, b"parent")

def foreign(environ, start_response):
    write = start_response("200 OK", [])
    said = []
    def elsewhere():
        try:
            write(b"x")
        except RuntimeError as error:
            said.append(str(error).encode())
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    return said

def subclasses(environ, start_response):
    environ["wsgi.errors"].write(Text("a subclass of str\\n"))
    return answer(start_response, Data(b"a subclass of bytes"))

class Endless:
    def __iter__(self):
        return self
    def __next__(self):
        return b"x" * 65536
    def close(self):
        sys.stderr.write("close() was called\\n")

def endless(environ, start_response):
    start_response("200 OK", [])
    return Endless()

def upload(environ, start_response):
    return answer(start_response, str(len(environ["wsgi.input"].read())).encode())

def app(environ, start_response):
    return globals()[environ["PATH_INFO"].strip("/")](environ, start_response)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mod.py").write_text(APPLICATION)
    return tmp_path


def test_a_forked_child_that_exits_serves_nobody(folder: Path) -> None:
    with Penstock("mod:app", folder=folder) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for _ in range(3):  # a second answer to the first request would be read as that to the second
            connection.request("GET", "/fork")
            assert connection.getresponse().read() == b"parent"
        connection.close()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_write_belongs_to_the_thread_of_the_request(folder: Path, threads: str) -> None:
    with Penstock("mod:app", "--threads", threads, folder=folder) as server:
        assert b"belong to the thread" in server.get("/foreign").body


def test_subclasses_are_what_they_derive_from(folder: Path) -> None:
    with Penstock("mod:app", folder=folder) as server:
        mark = server.mark()
        assert server.get("/subclasses").body == b"a subclass of bytes"
        server.wait_line("a subclass of str", since=mark)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_parked_answer_is_closed_when_its_worker_stops(folder: Path, threads: str) -> None:
    with Penstock("mod:app", "--threads", threads, folder=folder) as server, socket.socket() as reader:
        reader.connect(("127.0.0.1", server.port))
        reader.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reader.recv(1)
        mark = server.mark()
        server.send(signal.SIGQUIT)
        server.wait_line(re.escape("close() was called"), since=mark)


def test_a_body_that_cannot_be_kept_is_told_of(folder: Path) -> None:
    gone = folder / "gone"
    gone.mkdir()
    with Penstock("mod:app", "--body-memory", "1K", folder=folder, env={"TMPDIR": str(gone)}) as server:
        assert server.request("POST", "/upload", body=b"x" * 4096).body == b"4096"
        gone.rmdir()
        mark = server.mark()
        assert server.request("POST", "/upload", body=b"x" * 4096).status == 500
        server.wait_line("a request body cannot be kept in .*gone: No such file or directory", since=mark)
        assert server.get("/subclasses").status == 200
