"""An nginx in front of the server under measurement: one process on the same core, connections to the server kept."""

from __future__ import annotations

import shutil
from pathlib import Path

TEMPLATE = """\
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream server {{
        server 127.0.0.1:{upstream};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
{location}
        }}
    }}
}}
"""

# The stock parameter files of nginx's own package, as an administrator would use them.
LOCATIONS = {
    "http": ["proxy_pass http://server;", "proxy_http_version 1.1;", 'proxy_set_header Connection "";'],
    "fcgi": ["include /etc/nginx/fastcgi_params;", "fastcgi_pass server;", "fastcgi_keep_conn {kept};"],
    "uwsgi": ["include /etc/nginx/uwsgi_params;", "uwsgi_pass server;"],
}


def command(folder: Path, *, protocol: str, kept: bool, port: int, upstream: int) -> list[str]:
    """Writes the configuration into the folder; the command that runs nginx with it in the foreground."""
    lines = (line.replace("{kept}", "on" if kept else "off") for line in LOCATIONS[protocol])
    location = "\n".join(" " * 12 + line for line in lines)
    config = folder / "nginx.conf"
    config.write_text(TEMPLATE.format(folder=folder, port=port, upstream=upstream, location=location))
    return [shutil.which("nginx") or "nginx", "-p", str(folder), "-c", str(config)]
