"""A Falcon application: JSON resources, errors, streams either way."""

import hashlib
import io

import falcon

BLOCK_BYTES = 1 << 16


class Things:
    """A collection and its members."""

    def __init__(self) -> None:
        self._things: dict[int, object] = {}

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"things": sorted(self._things), "uri": req.uri, "limit": req.get_param_as_int("limit")}

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        number = len(self._things) + 1
        self._things[number] = req.get_media()
        resp.status = falcon.HTTP_201
        resp.location = f"{req.root_path}/things/{number}"

    def on_get_one(self, req: falcon.Request, resp: falcon.Response, number: int) -> None:
        if number not in self._things:
            raise falcon.HTTPNotFound(description="no such thing")
        resp.media = self._things[number]
        resp.set_cookie("seen", str(number), secure=False)

    def on_delete_one(self, req: falcon.Request, resp: falcon.Response, number: int) -> None:
        self._things.pop(number, None)
        resp.status = falcon.HTTP_204


class Blob:
    """What is put is measured; what is got is a file."""

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        sha, size = hashlib.sha256(), 0
        while block := req.bounded_stream.read(BLOCK_BYTES):
            sha.update(block)
            size += len(block)
        resp.media = {"size": size, "sha256": sha.hexdigest()}

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        size = req.get_param_as_int("size", required=True)
        resp.content_type = falcon.MEDIA_TEXT
        resp.set_stream(io.BytesIO(b"b" * size), size)


app = falcon.App()
_things = Things()
app.add_route("/things", _things)
app.add_route("/things/{number:int}", _things, suffix="one")
app.add_route("/blob", Blob())
