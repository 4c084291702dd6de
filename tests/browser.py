"""A browser for tests of whole applications: cookies, redirects, forms with files. Its HTTP is urllib's.

    browser = Browser(site.url)
    page = browser.post("/login", {"user": "me"})
    assert page.status == 200

It follows redirects; an error is a page like others.
"""

import json
import re
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin

from http_client import PATIENCE_SECONDS


class Page(NamedTuple):
    status: int
    url: str  # after redirects
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def hidden(self, name: str) -> str:
        """The value of a hidden field of its form."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, f"no hidden field {name!r} in:\n{self.text}"
        return found[1]


class Browser:
    """One visitor of one site, whose URL everything is relative to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )

    @property
    def cookie(self) -> dict[str, str | None]:
        return {cookie.name: cookie.value for cookie in self.cookies}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Page:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]] | None = None) -> Page:
        """Sends a form as browsers do; a file is a name and its content."""
        if files is None:
            body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = _multipart(fields, files)
        return self.send("POST", path, body, {"Content-Type": kind, "Origin": self.url})

    def send(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Page:
        url = urljoin(self.url, path)
        request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
        try:
            response = self._opener.open(request, timeout=PATIENCE_SECONDS)
        except urllib.error.HTTPError as error:  # an answer like others
            response = error
        with response:
            return Page(response.status, response.url, response.headers, response.read())


def _multipart(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    """A form's body and its type (RFC 7578)."""
    boundary = secrets.token_hex(16)
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [(f'name="{name}"; filename="{file}"', content) for name, (file, content) in files.items()]
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {names}\r\n\r\n".encode() + content + b"\r\n"
        for names, content in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
