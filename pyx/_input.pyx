# wsgi.input of a body that is in memory; one in a file is read by io itself.
"""A request's body as a file-like object."""

from io import BufferedIOBase, BufferedReader, BytesIO

cimport cython

__all__ = ["Input"]


@cython.final
@cython.freelist(8)
cdef class Input:
    """io.BufferedReader over the body, made when it is needed: most bodies are empty or read as a whole, and it costs as much as
    the rest of an environ."""

    def __cinit__(self, bytes body not None):
        self._body = body

    cdef object _reader(self):
        if self._stream is None:
            self._stream = BufferedReader(BytesIO(self._body))
            self._stream.seek(len(self._body) if self._all_read else 0)
            self._body = None
        return self._stream

    def read(self, size=-1, /):
        cdef bytes body = self._body
        if body is not None and (size is None or (type(size) is int and (size == -1 or size >= len(body)))):
            self._all_read, was_read = True, self._all_read
            return b"" if was_read else body
        return self._reader().read(size)

    def readline(self, size=-1, /):
        return self._reader().readline(size)

    def readlines(self, hint=-1, /):
        return self._reader().readlines(hint)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._reader())

    def __enter__(self):
        self._reader().__enter__()
        return self

    def __exit__(self, *error):
        self._reader().close()

    def __getattr__(self, name):
        return getattr(self._reader(), name)


BufferedIOBase.register(Input)
