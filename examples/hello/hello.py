"""The smallest application worth serving: it answers any request with what it was asked.

From this folder: penstock hello:app --bind 127.0.0.1:8000 --bind fcgi://unix:hello.sock
"""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    line = f"Hello, {environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}{environ['PATH_INFO']}\n"
    body = line.encode("latin-1")  # as PEP 3333 carries the bytes of a path
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
