"""The programs of docs/library.md, run as they stand there."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from penstock.errors import ProtocolError
from process import Penstock

DOCUMENT = Path(__file__).parent.parent / "docs" / "library.md"


@pytest.fixture(scope="module")
def programs() -> SimpleNamespace:
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL):
        exec(compile(block, DOCUMENT.name, "exec"), names)
    return SimpleNamespace(**names)


APPLICATION = """
def app(environ, start_response):
    environ["wsgi.errors"].write("seen\\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode(), b" ", environ["wsgi.input"].read()]
"""


def test_the_client_asks_a_server(programs: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text(APPLICATION)
    with Penstock("mod:app", "--bind", "fcgi://127.0.0.1:0", folder=tmp_path) as server:
        host, port = server.address("fcgi")
        params = {"REQUEST_METHOD": "POST", "SCRIPT_NAME": "/form", "CONTENT_LENGTH": "5"}
        out, err = programs.ask(host, port, params, b"hello")
    head, _, body = out.partition(b"\r\n\r\n")
    assert head.endswith(b"Status: 200 OK")
    assert (body, err) == (b"/form hello", b"seen\n")


def test_requests_are_read(programs: SimpleNamespace) -> None:
    wire = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    assert programs.requests_in(wire) == [(b"GET", b"/a", b""), (b"POST", b"/b", b"hi")]


def test_a_malformed_request_is_an_error(programs: SimpleNamespace) -> None:
    with pytest.raises(ProtocolError) as caught:
        programs.requests_in(b"GET /a HTTP/1.1\r\nHost : x\r\n\r\n")
    assert (caught.value.code, caught.value.status) == ("PS_EFIELD", 400)
