"""A Flask application that its factory makes: routes, URLs, cookies, a session, uploads, streams."""

import hashlib
from collections.abc import Iterator

from flask import Flask, Response, abort, redirect, request, session, stream_with_context, url_for
from werkzeug.wrappers import Response as AnyResponse


def create_app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "not one: this shop lives as long as a test"
    app.get("/")(index)
    app.route("/items/<int:number>", methods=["GET", "DELETE"])(item)
    app.post("/basket")(put_into_basket)
    app.get("/basket")(basket)
    app.post("/upload")(upload)
    app.get("/stream")(stream)
    return app


def index() -> dict[str, str]:
    return {
        "item": url_for("item", number=3),
        "full": url_for("item", number=3, _external=True),
        "root": request.root_url,
        "path": request.path,
        "address": str(request.remote_addr),
    }


def item(number: int) -> tuple[dict[str, object], int]:
    if number > 9:
        abort(404)
    return {"number": number, "method": request.method, "colour": request.args.get("colour")}, 200


def put_into_basket() -> AnyResponse:
    session["basket"] = [*session.get("basket", []), request.form["item"]]
    answer = redirect(url_for("basket"))
    answer.set_cookie("last", request.form["item"], httponly=True)
    answer.set_cookie("items", str(len(session["basket"])))
    return answer


def basket() -> dict[str, object]:
    return {"basket": session.get("basket", []), "last": request.cookies.get("last")}


def upload() -> dict[str, object]:
    file = request.files["file"]
    content = file.read()
    return {"name": file.filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def stream() -> Response:
    def lines() -> Iterator[str]:
        for number in range(1000):
            yield f"{number} for {request.args['who']}\n"

    return Response(stream_with_context(lines()), mimetype="text/plain")
