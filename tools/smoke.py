"""Tries the Penstock installed beside this interpreter: one request over HTTP, one over FastCGI, a graceful stop.

Needs nothing but the standard library, so that it runs in an empty environment. Exit status 0 where all went well.
"""

import http.client
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT = 30.0

APPLICATION = """
def app(environ, start_response):
    body = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
"""

FCGI_BEGIN, FCGI_END, FCGI_PARAMS, FCGI_STDIN, FCGI_STDOUT = 1, 3, 4, 5, 6
FCGI_RESPONDER = 1


def listening() -> socket.socket:
    """Bound here, so that a connection waits in its queue until the server takes it: nobody polls for a port."""
    return socket.create_server(("127.0.0.1", 0))


def ask_http(address: tuple[str, int]) -> str:
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT)
    connection.request("GET", "/http")
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer


def record(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def params(pairs: dict[str, str]) -> bytes:
    """FastCGI's name-value pairs; all of these are shorter than 128 bytes."""
    return b"".join(bytes([len(name), len(value)]) + (name + value).encode() for name, value in pairs.items())


def ask_fcgi(address: tuple[str, int]) -> str:
    variables = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/fcgi", "SCRIPT_NAME": "/fcgi", "QUERY_STRING": ""}
    variables |= {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1"}
    request = record(FCGI_BEGIN, struct.pack("!HB5x", FCGI_RESPONDER, 0))
    request += record(FCGI_PARAMS, params(variables)) + record(FCGI_PARAMS) + record(FCGI_STDIN)
    with socket.create_connection(address, timeout=TIMEOUT) as connection, connection.makefile("rb") as answer:
        connection.sendall(request)
        return stdout(answer).partition(b"\r\n\r\n")[2].decode()


def stdout(answer) -> bytes:
    output = b""
    while True:
        _, kind, _, length, padding = struct.unpack("!BBHHBx", answer.read(8))
        content = answer.read(length)
        answer.read(padding)
        if kind == FCGI_END:
            return output
        if kind == FCGI_STDOUT:
            output += content


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, listening() as web, listening() as fcgi:
        Path(folder, "smoke.py").write_text(APPLICATION)
        binds = [f"--bind=http://fd:{web.fileno()}", f"--bind=fcgi://fd:{fcgi.fileno()}"]
        server = subprocess.Popen(
            [sys.executable, "-m", "penstock", f"--chdir={folder}", *binds, "smoke:app"],
            pass_fds=[web.fileno(), fcgi.fileno()],
        )
        try:
            answers = [ask_http(web.getsockname()), ask_fcgi(fcgi.getsockname())]
            server.send_signal(signal.SIGTERM)
            status = server.wait(TIMEOUT)
        finally:
            server.kill()
            server.wait()
    print(f"answers: {answers}, exit status {status}")
    return 0 if answers == ["GET /http", "GET /fcgi"] and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
