"""Starts the servers that have no command line of use: python -m bench.server.embed SERVER MODULE:CALLABLE PORT."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

HOST = "127.0.0.1"


def serve(server: str, app: Any, port: int) -> None:
    if server == "flup":
        import_module("flup.server.fcgi").WSGIServer(app, bindAddress=(HOST, port)).run()
    else:  # bjoern, fastpysgi, fastwsgi
        import_module(server).run(app, HOST, port)


def main() -> None:
    server, target, port = sys.argv[1:]
    module, _, name = target.partition(":")
    serve(server, getattr(import_module(module), name), int(port))


if __name__ == "__main__":
    main()
