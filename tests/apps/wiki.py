"""A Bottle application: routes, forms, uploads, signed cookies, templates, files."""

import hashlib
import os

from bottle import Bottle, HTTPResponse, abort, redirect, request, response, static_file, template

SECRET = "not one: this wiki lives as long as a test"
PAGE = "<!doctype html><title>{{name}}</title><p>{{text}}</p><p>by {{author}}</p>"

app = Bottle()
pages: dict[str, str] = {}


@app.get("/wiki/<name>")
def show(name: str) -> str:
    if name not in pages:
        abort(404, f"no page {name}")
    author = request.get_cookie("author", secret=SECRET) or "nobody"
    return str(template(PAGE, name=name, text=pages[name], author=author))


@app.post("/wiki/<name>")
def save(name: str) -> None:
    pages[name] = request.forms.text
    response.set_cookie("author", request.forms.author, secret=SECRET, path="/")
    redirect(f"{request.script_name}wiki/{name}")


@app.post("/upload")
def upload() -> dict[str, object]:
    file = request.files.get("file")
    content = file.file.read()
    return {"name": file.raw_filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@app.get("/source")
def source() -> HTTPResponse:
    """This file, whole or the range that was asked for."""
    folder, name = os.path.split(os.path.abspath(__file__))
    return static_file(name, root=folder, mimetype="text/x-python")


@app.get("/fail")
def fail() -> None:
    raise RuntimeError("the wiki fails on purpose")
