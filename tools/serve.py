"""Serves examples/hello over HTTP and FastCGI, and says what to open and what nginx needs to know. Started by `make serve`."""

import argparse
import os
import sys
from pathlib import Path

HELLO = Path(__file__).resolve().parent.parent / "examples" / "hello"

# What goes inside http { }. The parameters are nginx's own, untouched: Penstock finds the path in SCRIPT_NAME.
NGINX = """\
    upstream penstock {{
        server {fcgi};
        keepalive 8;
    }}
    server {{
        listen 127.0.0.1:8080;
        location / {{
            include /etc/nginx/fastcgi_params;
            fastcgi_pass penstock;
            fastcgi_keep_conn on;
        }}
    }}
"""

TEXT = """\
Penstock serves examples/hello.

  HTTP:     {open}
  FastCGI:  {fcgi}, for nginx with these lines (on Debian: /etc/nginx/conf.d/penstock.conf) and http://127.0.0.1:8080/

{nginx}
Control-C stops.
"""


def how_to_open(http: str) -> str:
    if http.startswith("unix:"):
        return f"curl --unix-socket {http.removeprefix('unix:')} http://localhost/"
    return f"open http://{http}/"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--http", default="127.0.0.1:8000", metavar="ADDRESS", help="HOST:PORT or unix:PATH")
    parser.add_argument("--fcgi", default="127.0.0.1:9000", metavar="ADDRESS", help="likewise, for FastCGI")
    chosen = parser.parse_args()
    nginx = NGINX.format(fcgi=chosen.fcgi)
    print(TEXT.format(open=how_to_open(chosen.http), fcgi=chosen.fcgi, nginx=nginx), flush=True)
    binds = [f"--bind=http://{chosen.http}", f"--bind=fcgi://{chosen.fcgi}"]
    os.execv(sys.executable, [sys.executable, "-m", "penstock", f"--chdir={HELLO}", *binds, "hello:app"])


if __name__ == "__main__":
    main()
