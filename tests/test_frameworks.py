"""Applications of real frameworks, started as docs/frameworks.md says, over HTTP and over FastCGI behind nginx."""

import contextlib
import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import documents
import pytest
from browser import Browser
from nginx import Nginx, changed, documented
from process import PATIENCE_SECONDS, Penstock

APPS = Path(__file__).parent / "apps"

# More than Django keeps in memory (2.5 MB), than Werkzeug and Bottle do, and than Penstock does.
LARGE = bytes(range(256)) * (12 << 10)

PROTOCOLS = ["http", "fcgi"]

Sites = Mapping[str, str]  # protocol -> URL


def command(framework: str) -> list[str]:
    """The arguments of the documented command; where it listens is the test's to say."""
    lines = documents.block("frameworks.md", framework, "console").splitlines()
    (line,) = [line for line in lines if line.startswith("$ penstock ")]
    arguments = shlex.split(line)[2:]
    at = arguments.index("--bind")
    return arguments[:at] + arguments[at + 2 :]


@contextlib.contextmanager
def deployed(
    framework: str,
    tmp_path: Path,
    *,
    folder: Path = APPS,
    page: str = "At another port",
    env: Mapping[str, str] | None = None,
) -> Iterator[Sites]:
    """One server at both protocols, nginx in front of FastCGI as on a page of docs/nginx.md, ready for uploads."""
    binds = ("--bind", "127.0.0.1:0", "--bind", "fcgi://127.0.0.1:0")
    with Penstock(*command(framework), *binds, folder=folder, env=env) as server:
        nginx = Nginx(tmp_path / "nginx")
        configuration = changed(documented(page), {"server {": "server { client_max_body_size 100m;"})
        site = nginx.add(configuration, fcgi=server.address("fcgi"))
        with nginx:
            yield {"http": f"http://127.0.0.1:{server.port}", "fcgi": site.url}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# ---- Django ----

ADMINISTRATOR = {"username": "admin", "password": "a password for a test"}


def manage(*arguments: str, env: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=APPS / "mysite",
        env={**os.environ, **env},
        check=True,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )


@pytest.fixture(scope="module")
def mysite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    tmp_path = tmp_path_factory.mktemp("mysite")
    env = {"MYSITE_DATA": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    manage("migrate", env=env)
    secret = {"DJANGO_SUPERUSER_PASSWORD": ADMINISTRATOR["password"]}
    administrator = ("--username", ADMINISTRATOR["username"], "--email", "admin@example.org")
    manage("createsuperuser", "--noinput", *administrator, env={**env, **secret})
    with deployed("Django", tmp_path, folder=APPS / "mysite", env=env) as sites:
        yield sites


def sign(browser: Browser, name: str, text: str, attachment: bytes = b"") -> str:
    """Signs the guestbook; the URL of the entry."""
    form = browser.get("/")
    fields = {"name": name, "text": text, "csrfmiddlewaretoken": form.hidden("csrfmiddlewaretoken")}
    page = browser.post("/", fields, {"attachment": ("file.bin", attachment)} if attachment else {})
    assert page.status == 200
    assert f"<title>{name}</title>" in page.text
    return page.url


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_django_takes_a_form(mysite, protocol):
    browser = Browser(mysite[protocol])
    url = sign(browser, f"Zoë of {protocol}", "Grüße & <b>")
    page = browser.get(url)
    assert "Grüße &amp; &lt;b&gt;" in page.text
    assert url in page.text  # build_absolute_uri: scheme, host, port and path are right
    assert f"Zoë of {protocol}" in browser.get("/").text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_django_refuses_a_form_without_its_token(mysite, protocol):
    assert Browser(mysite[protocol]).post("/", {"name": "x", "text": "y"}).status == 403


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_django_takes_a_large_file(mysite, protocol):
    """Uploaded to disk, stored, and given back through wsgi.file_wrapper."""
    browser = Browser(mysite[protocol])
    url = sign(browser, "a file", "see there", LARGE)
    assert f"{len(LARGE)} bytes, on disk" in browser.get(url).text
    assert sha256(browser.get(f"{url}attachment").body) == sha256(LARGE)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_django_keeps_sessions(mysite, protocol):
    browser, other = Browser(mysite[protocol]), Browser(mysite[protocol])
    for visits in range(1, 5):
        assert f"Visits: {visits}<" in browser.get("/").text
    assert "Visits: 1<" in other.get("/").text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_django_streams(mysite, protocol):
    browser = Browser(mysite[protocol])
    sign(browser, f"exported {protocol}", "line")
    page = browser.get("/export")
    assert page.headers["Content-Type"] == "text/csv"
    assert f";exported {protocol};line\n" in page.text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_django_administration(mysite, protocol):
    """Django's own application: login, a form, a redirect with a message."""
    browser = Browser(mysite[protocol])
    login = browser.get("/admin/")
    assert login.url.endswith("/admin/login/?next=/admin/")
    token = {"csrfmiddlewaretoken": login.hidden("csrfmiddlewaretoken")}
    assert browser.post(login.url, ADMINISTRATOR | token | {"next": "/admin/"}).url == f"{mysite[protocol]}/admin/"
    form = browser.get("/admin/guestbook/entry/add/")
    token = {"csrfmiddlewaretoken": form.hidden("csrfmiddlewaretoken")}
    page = browser.post(form.url, {"name": "by admin", "text": "text"} | token, {})
    assert page.url.endswith("/admin/guestbook/entry/")
    assert "was added successfully" in page.text


# ---- Flask, mounted ----


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with deployed("Flask", tmp_path_factory.mktemp("shop"), page="Below a path") as sites:
        yield sites


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_flask_knows_where_it_is_mounted(shop, protocol):
    host = "127.0.0.1" if protocol == "fcgi" else shop[protocol].removeprefix("http://")
    assert Browser(shop[protocol]).get("/shop/", {"Host": host}).json == {
        "item": "/shop/items/3",
        "full": f"http://{host}/shop/items/3",
        "root": f"http://{host}/shop/",
        "path": "/",
        "address": "127.0.0.1",
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_flask_routes(shop, protocol):
    browser = Browser(shop[protocol])
    answer = {"number": 3, "method": "GET", "colour": "grün"}
    assert browser.get("/shop/items/3?colour=gr%C3%BCn").json == answer
    assert browser.send("DELETE", "/shop/items/3").json["method"] == "DELETE"
    assert browser.get("/shop/items/10").status == 404
    assert browser.get("/shop/nothing").status == 404
    assert browser.send("PUT", "/shop/items/3", b"").status == 405


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_flask_keeps_cookies(shop, protocol):
    browser = Browser(shop[protocol])
    for item in ("apple", "pear & plum"):
        page = browser.post("/shop/basket", {"item": item})
        assert page.url.endswith("/shop/basket")  # redirected there
    assert page.json == {"basket": ["apple", "pear & plum"], "last": "pear & plum"}
    assert browser.cookie["items"] == "2"
    assert set(browser.cookie) == {"session", "last", "items"}  # three headers of one name, each time


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_flask_takes_a_file(shop, protocol):
    page = Browser(shop[protocol]).post("/shop/upload", {"a": "b"}, {"file": ("ä.bin", LARGE)})
    assert page.json == {"name": "ä.bin", "size": len(LARGE), "sha256": sha256(LARGE)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_flask_streams(shop, protocol):
    page = Browser(shop[protocol]).get("/shop/stream?who=me")
    assert page.text == "".join(f"{number} for me\n" for number in range(1000))


# ---- Falcon ----


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with deployed("Falcon", tmp_path_factory.mktemp("api")) as sites:
        yield sites


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_falcon_serves_resources(api, protocol):
    browser = Browser(api[protocol])
    thing = f'{{"name": "Zoë", "by": "{protocol}"}}'.encode()
    created = browser.send("POST", "/things", thing, {"Content-Type": "application/json"})
    assert created.status == 201
    place = created.headers["Location"]
    assert browser.get(place).body == thing
    assert browser.cookie["seen"] == place.rpartition("/")[2]
    assert browser.get("/things?limit=5").json["uri"] == f"{api[protocol]}/things?limit=5"
    gone = browser.send("DELETE", place)
    assert (gone.status, gone.body) == (204, b"")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_falcon_says_what_is_wrong(api, protocol):
    browser = Browser(api[protocol])
    assert browser.get("/things/99").json == {"title": "404 Not Found", "description": "no such thing"}
    assert browser.send("POST", "/things", b"{", {"Content-Type": "application/json"}).status == 400
    assert browser.get("/blob").status == 400
    assert browser.send("PATCH", "/things", b"").status == 405


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("size", [0, 1, len(LARGE)])
def test_falcon_streams_both_ways(api, protocol, size):
    browser = Browser(api[protocol])
    assert browser.send("PUT", "/blob", LARGE[:size]).json == {"size": size, "sha256": sha256(LARGE[:size])}
    assert browser.get(f"/blob?size={size}").body == b"b" * size


# ---- Bottle ----


@pytest.fixture(scope="module")
def wiki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with deployed("Bottle", tmp_path_factory.mktemp("wiki")) as sites:
        yield sites


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_bottle_takes_a_form(wiki, protocol):
    """A page with a name of any letters, a signed cookie, a redirect to what was saved."""
    browser = Browser(wiki[protocol])
    path = f"/wiki/H%C3%B6lle%20{protocol}"
    assert browser.get(path).status == 404
    page = browser.post(path, {"text": "Grüße & <b>", "author": "Zoë"})
    assert page.status == 200
    assert f"<title>Hölle {protocol}</title>" in page.text
    assert "<p>Grüße &amp; &lt;b&gt;</p><p>by Zoë</p>" in page.text
    assert "by nobody" in Browser(wiki[protocol]).get(path).text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_bottle_takes_a_file(wiki, protocol):
    page = Browser(wiki[protocol]).post("/upload", {}, {"file": ("file.bin", LARGE)})
    assert page.json == {"name": "file.bin", "size": len(LARGE), "sha256": sha256(LARGE)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_bottle_gives_a_file(wiki, protocol):
    browser = Browser(wiki[protocol])
    source = (APPS / "wiki.py").read_bytes()
    whole = browser.get("/source")
    assert whole.body == source
    part = browser.get("/source", {"Range": "bytes=10-99"})
    assert (part.status, part.body) == (206, source[10:100])
    assert part.headers["Content-Range"] == f"bytes 10-99/{len(source)}"
    unchanged = browser.get("/source", {"If-None-Match": whole.headers["ETag"]})
    assert (unchanged.status, unchanged.body) == (304, b"")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_bottle_fails(wiki, protocol):
    assert Browser(wiki[protocol]).get("/fail").status == 500
