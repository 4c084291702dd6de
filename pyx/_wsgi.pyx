# The WSGI gateway: environ from the waist, the application, the answer back. PEP 3333.
"""Runs a WSGI application for the requests that a server has ready."""

import os

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Copy
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.string cimport memcmp, memcpy
from posix.unistd cimport getpid

from penstock._input cimport Input
from penstock._server cimport Runner, Server
from c_base cimport *
from c_server cimport *
from convert cimport span_of

from penstock import __version__

__all__ = ["FileWrapper", "WsgiGateway"]


cdef extern from "Python.h":
    object PyUnicode_DecodeLatin1(const char *s, Py_ssize_t size, const char *errors)
    int PyUnicode_KIND(object s)
    void *PyUnicode_DATA(object s)
    Py_ssize_t PyUnicode_GET_LENGTH(object s)
    PyObject *PyIter_Next(object iterator) except? NULL
    PyObject *PyDict_SetDefault(object d, object key, object default) except NULL
    Py_ssize_t PyDict_Size(object d)
    int PyUnicode_1BYTE_KIND
    unsigned long PyThread_get_thread_ident()


# ---- text ----

cdef inline object text_of(ps_span s):
    return PyUnicode_DecodeLatin1(<const char *>s.ptr, s.len, NULL)


cdef inline bint equal(ps_span s, object text):
    """Whether a str of one byte a character (all of ours are) holds these bytes."""
    cdef Py_ssize_t n = PyUnicode_GET_LENGTH(text)
    if <size_t>n != s.len or PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND:
        return False
    return n == 0 or memcmp(PyUnicode_DATA(text), s.ptr, n) == 0


cdef ps_span latin1_span(object text, str what) except *:
    """The bytes of a str that tunnels bytes (PEP 3333, "Unicode Issues"). Borrowed from it."""
    cdef ps_span s
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}")
    if PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND:
        raise ValueError(f"{what} holds a character beyond latin-1: {text!r}")
    s.ptr = <const uint8_t *>PyUnicode_DATA(text)
    s.len = PyUnicode_GET_LENGTH(text)
    return s


# ---- the environ's keys ----

cdef enum:
    NAME_MAX = 40    # longer names are not kept
    VALUE_MAX = 512  # nor longer values
    SETS = 64        # a name has a place in one set, the ways of a set are searched one after the other
    WAYS = 4


cdef struct Name:
    # One name that was seen, of a header or a CGI variable, its key, and the last value it had. Clients repeat themselves: most values are found here and
    # need not be made again.
    uint8_t bytes[NAME_MAX]
    uint32_t len
    PyObject *key    # str; None: it does not enter the environ
    PyObject *value  # str, or NULL


cdef object variable_key(ps_span name):
    """The environ's key for a CGI variable; None for one that would pose as the server's own."""
    key = text_of(name)
    return None if not key or (<str>key).startswith("wsgi.") else key


cdef object header_key(ps_span name):
    """The environ's key for a header; None for one that must not enter it."""
    cdef bytes raw = PyBytes_FromStringAndSize(<const char *>name.ptr, name.len)
    if b"_" in raw or raw == b"proxy" or raw == b"transfer-encoding":
        # "_" would alias the dashed name; HTTP_PROXY is what programs take for a setting (httpoxy); the body's coding is undone.
        return None
    key = raw.decode("latin-1").upper().replace("-", "_")
    return key if raw in (b"content-type", b"content-length") else "HTTP_" + key


cdef inline unsigned set_of(ps_span name):
    """A few bytes tell the names in use apart well enough for sets; looking at all of them would cost more than it saves."""
    cdef const uint8_t *p = name.ptr
    cdef size_t n = name.len
    return <unsigned>(n + 7 * p[0] + 3 * p[n // 2] + 5 * p[n - 1] + 11 * p[(n + 1) // 4]) % SETS


@cython.final
cdef class NameCache:
    cdef Name _names[SETS * WAYS]
    cdef unsigned _next  # way to give up next when a set is full
    cdef object (*_key_of)(ps_span)

    def __dealloc__(self):
        for i in range(SETS * WAYS):
            self._forget(&self._names[i])

    cdef void _forget(self, Name *n) noexcept:
        if n.key != NULL:
            Py_DECREF(<object>n.key)
            n.key = NULL
        if n.value != NULL:
            Py_DECREF(<object>n.value)
            n.value = NULL

    cdef inline Name *find(self, ps_span name) except? NULL:
        """The entry of a name; NULL for one that is not kept."""
        cdef Name *n
        cdef int i
        if name.len == 0 or name.len > NAME_MAX:
            return NULL
        n = &self._names[set_of(name) * WAYS]
        for i in range(WAYS):
            if n[i].len == name.len and memcmp(n[i].bytes, name.ptr, name.len) == 0:
                return &n[i]
        return self._add(n, name)

    cdef inline object key(self, Name *n, ps_span name):
        return <object>n.key if n != NULL else self._key_of(name)

    cdef Name *_add(self, Name *n, ps_span name) except NULL:
        cdef int i = 0
        key = self._key_of(name)
        while i < WAYS and n[i].key != NULL:
            i += 1
        if i == WAYS:
            i = self._next = (self._next + 1) % WAYS
        n = &n[i]
        self._forget(n)
        memcpy(n.bytes, name.ptr, name.len)
        n.len = <uint32_t>name.len
        Py_INCREF(key)
        n.key = <PyObject *>key
        return n


cdef object value_of(Name *n, ps_span value):
    """The value as text; `n` is NULL for a name that is not kept."""
    if n != NULL and n.value != NULL and equal(value, <object>n.value):
        return <object>n.value
    text = text_of(value)
    if n != NULL and value.len <= VALUE_MAX:
        if n.value != NULL:
            Py_DECREF(<object>n.value)
        Py_INCREF(text)
        n.value = <PyObject *>text
    return text


cdef class Remembered:
    """A text that is nearly always the same from one request to the next."""
    cdef object _text

    def __cinit__(self):
        self._text = ""

    cdef object of(self, ps_span s):
        if not equal(s, self._text):
            self._text = text_of(s)
        return self._text


cdef dict METHODS = {m.encode(): m for m in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")}


# ---- wsgi.errors, wsgi.file_wrapper ----

cdef class ErrorStream:
    """wsgi.errors: what is written goes to the server's log, and to the front server where its protocol has a stream for it."""
    cdef object _log
    cdef ps_exchange *_exchange

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes a str, not {type(text).__name__}")
        cdef bytes raw
        if self._exchange != NULL and self._exchange.request.wants_errors:
            raw = text.encode("utf-8", "backslashreplace")
            ps_exchange_errors(self._exchange, span_of(raw))
        return self._log.write(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        self._log.flush()


cdef class FileWrapper:
    """wsgi.file_wrapper: a file-like object as an iterable of blocks (PEP 3333, "Optional Platform-Specific File Handling")."""
    cdef object _file, _read
    cdef readonly object close
    cdef Py_ssize_t _block

    def __init__(self, file, Py_ssize_t block_size=65536):
        self._file = file
        self._read = file.read
        self._block = block_size
        self.close = getattr(file, "close", None) or (lambda: None)

    def __iter__(self):
        return self

    def __next__(self):
        data = self._read(self._block)
        if not data:
            raise StopIteration
        return data


# ---- the answer ----

cdef enum:
    # Of one answer in a turn, however fast its peer reads; a piece of so many bytes more counts once more.
    TURN_PIECES = 128
    TURN_UNIT = 16 * 1024

cdef enum Progress:
    PARKED  # the peer has to read first, or it is the others' turn; the exchange comes back
    OVER


@cython.final
@cython.freelist(8)
cdef class Answer:
    """start_response of one request, and what is known of its answer."""
    cdef ps_exchange *_exchange
    cdef ps_response _head
    cdef WsgiRunner _runner
    cdef object _result, _iterator
    cdef object _file   # the body's temporary file, if there is one
    cdef bint _started  # start_response was called
    cdef bint _failed   # told of in the log already

    def __cinit__(self):
        ps_response_init(&self._head)

    def __dealloc__(self):
        ps_response_free(&self._head)

    cdef int _check_thread(self) except -1:
        """The core is not locked where one thread serves, and a parked answer is the loop's."""
        if self._exchange != NULL and PyThread_get_thread_ident() != self._runner.thread:
            raise RuntimeError("start_response and write belong to the thread that the application was called in")
        return 0

    def __call__(self, status, headers, exc_info=None):
        self._check_thread()
        if exc_info:
            try:
                if self._exchange == NULL or self._exchange.request.answer.status != 0:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._started:
            raise AssertionError("start_response was called twice; a second call needs exc_info")
        if self._exchange == NULL:
            raise RuntimeError("start_response was called after the request")
        self._started = False
        self._take_head(status, headers)
        self._started = True
        return self.write

    cdef _take_head(self, status, headers):
        cdef int rc = ps_response_begin(&self._head, latin1_span(status, "the status"))
        if rc < 0:
            raise_for(rc, status)
        if type(headers) is not list and not isinstance(headers, (list, tuple)):
            raise TypeError(f"the headers must be a list of (name, value), not {type(headers).__name__}")
        for item in headers:
            if type(item) is not tuple or len(<tuple>item) != 2:
                raise TypeError(f"a header must be a tuple of two str, not {item!r}")
            name = (<tuple>item)[0]
            value = (<tuple>item)[1]
            rc = ps_response_add(&self._head, latin1_span(name, "a header's name"), latin1_span(value, "a header's value"))
            if rc < 0:
                raise_for(rc, name)

    def write(self, data):
        """PEP 3333's imperative way: sent at once, and not before what was sent has found room."""
        self._check_thread()
        require_bytes(data)
        if self._exchange == NULL:
            raise RuntimeError("write was called after the request")
        if not self._started:
            raise AssertionError("write was called before start_response")
        if data:
            self._send(<bytes>data, True)
            self._block()

    cdef int _send(self, bytes data, bint more) except -1:
        """Hands bytes over, with the head if it is not out yet. True: somebody still wants more of them."""
        cdef c_bool kept = False
        cdef int rc
        cdef ps_span body = span_of(data)
        Py_INCREF(data)  # before another thread can give it back
        cdef void *owner = <void *>data
        if self._runner.server.threads > 1:
            with nogil:  # or everybody would wait with this thread for the loop's lock
                rc = self._write(body, more, owner, &kept)
        else:
            rc = self._write(body, more, owner, &kept)
        if not kept:
            Py_DECREF(data)
        self._runner.server._release_owners()  # or what a long answer has sent would stay to its end
        if rc == 0:
            return True
        if rc == PS_EGONE:
            return False
        raise ValueError(ps_err_text(rc).decode())

    cdef int _write(self, ps_span body, bint more, void *owner, c_bool *kept) noexcept nogil:
        if self._exchange.request.answer.status == 0:
            return ps_exchange_respond(self._exchange, &self._head, body, more, owner, kept)
        return ps_exchange_send(self._exchange, body, more, owner, kept)

    cdef int _block(self) except -1:
        cdef int rc = 0
        if ps_exchange_full(self._exchange):
            with nogil:
                rc = ps_exchange_block(self._exchange)
        return rc == 0

    # -- the application's iterable --

    cdef Progress start(self, result) except *:
        """The whole body where it is there already, else its first pieces."""
        cdef int64_t total = 0
        self._result = result
        if type(result) is list or type(result) is tuple:
            for item in result:
                require_bytes(item)
                total += PyBytes_GET_SIZE(item)
            self._require_head()
            if len(result) == 1 or total <= 65536:
                body = result[0] if len(result) == 1 else b"".join(result)
                self._send(<bytes>body, False)
                return OVER
            if self._head.content_length < 0:
                self._head.content_length = total  # nothing can be added any more: the length is known
        self._iterator = iter(result)
        return self.go_on()

    cdef _require_head(self):
        if not self._started:
            raise AssertionError("the application returned without having called start_response")

    cdef Progress go_on(self) except *:
        """Sends pieces until the body is over, the peer cannot take more, or it is the others' turn."""
        cdef PyObject *piece
        cdef Py_ssize_t left = TURN_PIECES
        while left > 0:
            piece = PyIter_Next(self._iterator)  # not `for`, which asks for an iterator anew: some would start again
            if piece == NULL:
                return self._end()
            data = <object>piece
            Py_DECREF(data)  # the reference that came with it; `data` holds its own
            require_bytes(data)
            left -= 1 + PyBytes_GET_SIZE(data) // TURN_UNIT
            if not <bytes>data:
                continue
            self._require_head()
            if not self._send(<bytes>data, True) or self._exchange.request.answer.bodyless:
                return self._end()
            if not self._make_room():
                return PARKED
        ps_exchange_yield(self._exchange)
        return PARKED

    cdef Progress _end(self) except *:
        self._require_head()
        self._send(b"", False)
        return OVER

    cdef bint _make_room(self) except -1:
        """False: others want this thread, so the answer waits on its ready queue, not here."""
        return not ps_exchange_wait(self._exchange)

    # -- its end --

    cdef void fail(self, BaseException error) noexcept:
        """A 500 where nothing was sent yet; else an answer that breaks off visibly."""
        try:
            if not self._failed:
                self._failed = True
                self._runner.log(describe(&self._exchange.request), error)
            if self._exchange.request.answer.status == 0:
                self._take_head("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
                self._started = True
                self._send(b"500 Internal Server Error\n", False)
        except BaseException as second:
            self._runner.log("answering 500", second)
        ps_exchange_fail(self._exchange)

    cdef void close(self) noexcept:
        """The iterable's close(), always, and whatever the request leaves open."""
        result, self._result, self._iterator = self._result, None, None
        try:
            if self._file is not None:
                self._file.close()
            if type(result) is not list:  # which has none, and is what most applications return
                close = getattr(result, "close", None)
                if close is not None:
                    close()
        except BaseException as error:
            self._runner.log(describe(&self._exchange.request), error)


cdef int require_bytes(data) except -1:
    if not isinstance(data, bytes):
        raise TypeError(f"the application must give bytes, not {type(data).__name__}")
    return 0


cdef int raise_for(int rc, subject) except -1:
    if rc == PS_ENOMEM:
        raise MemoryError
    raise ValueError(f"{ps_err_text(rc).decode()}: {subject!r}")


cdef str describe(ps_request *rq):
    """For the log: nothing in it can end a line."""
    target = text_of(rq.target) or text_of(rq.script_name) + text_of(rq.path_info)
    return ascii(f"{text_of(rq.method)} {target}")[1:-1]


# ---- the runner ----

cdef void leave_child(log, BaseException error) noexcept:
    """Ends a process that the application forked and that leaves it by an exception, sys.exit() mostly: it must not go on to serve
    its parent's connections."""
    code = 1
    if isinstance(error, SystemExit):
        code = 0 if error.code is None else error.code if isinstance(error.code, int) else 1
    else:
        log("in a process that the application forked", error)
    os._exit(code)


cdef class WsgiRunner(Runner):
    cdef object app, log
    cdef Server server
    cdef unsigned long thread
    cdef int pid
    cdef dict _template
    cdef NameCache _headers, _variables
    cdef ErrorStream _errors
    cdef Remembered _server_name, _server_port, _remote_addr, _protocol

    cdef void handle(self, ps_exchange *x, unsigned ready) noexcept:
        cdef Progress progress = OVER
        cdef Answer answer
        if x.gateway == NULL:
            answer = Answer.__new__(Answer)
            answer._exchange = x
            answer._runner = self
        else:
            answer = <Answer>x.gateway
            x.gateway = NULL
            Py_DECREF(answer)
        self._errors._exchange = x
        self.thread = PyThread_get_thread_ident()
        try:
            if ready & PS_READY_REQUEST:
                environ = self.environ_of(x, answer)
                progress = answer.start(self.app(environ, answer))
            elif not ready & PS_READY_GONE:
                progress = answer.go_on()
        except BaseException as error:
            if getpid() != self.pid:
                leave_child(self.log, error)
            answer.fail(error)
            progress = OVER
        if progress == PARKED:
            Py_INCREF(answer)
            x.gateway = <void *>answer
        else:
            answer.close()
            answer._exchange = NULL
            ps_exchange_finish(x)
        self._errors._exchange = NULL

    cdef dict environ_of(self, ps_exchange *x, Answer answer):
        cdef ps_request *rq = &x.request
        cdef dict environ = PyDict_Copy(self._template)
        cdef uint32_t i
        for i in range(rq.n_variables):
            self._add_variable(environ, &rq.variables[i])
        environ["REQUEST_METHOD"] = self._method(rq.method)
        if rq.script_name.len != 0:
            environ["SCRIPT_NAME"] = text_of(rq.script_name)
        environ["PATH_INFO"] = text_of(rq.path_info)
        environ["QUERY_STRING"] = text_of(rq.query)
        if rq.target.len != 0:
            environ["REQUEST_URI"] = text_of(rq.target)
        else:
            del environ["REQUEST_URI"]
        environ["SERVER_PROTOCOL"] = self._protocol.of(rq.protocol)
        environ["SERVER_NAME"] = self._server_name.of(rq.server_name)
        environ["SERVER_PORT"] = self._server_port.of(rq.server_port)
        environ["REMOTE_ADDR"] = self._remote_addr.of(rq.remote_addr)
        if rq.remote_port.len != 0:
            environ["REMOTE_PORT"] = text_of(rq.remote_port)
        else:
            del environ["REMOTE_PORT"]
        if rq.scheme.len == 5:
            environ["wsgi.url_scheme"] = "https"
        for i in range(rq.n_headers):
            self._add_header(environ, &rq.headers[i])
        if rq.content_length < 0 and x.body.size > 0:
            environ["CONTENT_LENGTH"] = str(x.body.size)  # all of it is here: what was not known beforehand is known now
        environ["wsgi.input"] = input_of(x, answer)
        return environ

    cdef int _add_variable(self, dict environ, ps_header *variable) except -1:
        cdef Name *n = self._variables.find(variable.name)
        key = self._variables.key(n, variable.name)
        if key is not None:  # sent twice: the last one counts
            environ[key] = value_of(n, variable.value)
        return 0

    cdef int _add_header(self, dict environ, ps_header *header) except -1:
        cdef Name *n = self._headers.find(header.name)
        cdef Py_ssize_t before = PyDict_Size(environ)
        key = self._headers.key(n, header.name)
        if key is None:
            return 0
        value = value_of(n, header.value)
        known = <object>PyDict_SetDefault(environ, key, value)
        if PyDict_Size(environ) == before:  # repeated: RFC 9110, section 5.3; RFC 6265, section 5.4
            environ[key] = known + ("; " if key == "HTTP_COOKIE" else ", ") + value
        return 0

    cdef object _method(self, ps_span method):
        if equal(method, "GET"):
            return "GET"
        cdef bytes raw = PyBytes_FromStringAndSize(<const char *>method.ptr, method.len)
        known = METHODS.get(raw)
        return known if known is not None else raw.decode("latin-1")


cdef object input_of(ps_exchange *x, Answer answer):
    """wsgi.input: the whole body, as io's own streams read it."""
    cdef int fd
    if x.body.fd < 0:
        return Input.__new__(Input, PyBytes_FromStringAndSize(<const char *>x.body.memory.data, x.body.memory.len))
    fd = ps_spool_take_file(&x.body)
    if fd < 0:
        raise OSError("the request body's temporary file cannot be read")
    answer._file = os.fdopen(fd, "rb")
    return answer._file


cdef tuple PER_REQUEST = (
    "REQUEST_METHOD",
    "PATH_INFO",
    "QUERY_STRING",
    "REQUEST_URI",
    "SERVER_PROTOCOL",
    "SERVER_NAME",
    "SERVER_PORT",
    "REMOTE_ADDR",
    "REMOTE_PORT",
)


cdef class WsgiGateway:
    cdef object _app, _log, _errors
    cdef bint _multithread, _multiprocess

    def __init__(self, application, *, bint multithread, bint multiprocess, log_exception, errors):
        self._app = application
        self._log = log_exception
        self._errors = errors
        self._multithread = multithread
        self._multiprocess = multiprocess

    def runner(self, Server server):
        cdef WsgiRunner r = WsgiRunner.__new__(WsgiRunner)
        r.app = self._app
        r.log = self._log
        r.server = server
        r.pid = getpid()
        r._headers = NameCache()
        r._headers._key_of = header_key
        r._variables = NameCache()
        r._variables._key_of = variable_key
        r._errors = ErrorStream()
        r._errors._log = self._errors
        r._server_name = Remembered()
        r._server_port = Remembered()
        r._remote_addr = Remembered()
        r._protocol = Remembered()
        r._template = self._template(r._errors)
        return r

    cdef dict _template(self, ErrorStream errors):
        """What every environ is a copy of: the constants, and a place for all that each request sets."""
        template = {
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": f"penstock/{__version__}",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": errors,
            "wsgi.multithread": self._multithread,
            "wsgi.multiprocess": self._multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
            "wsgi.input": None,
        }
        template.update(dict.fromkeys(PER_REQUEST))
        # A dict never shrinks: this leaves the copies room for the headers of most requests, so that they need not grow.
        template["HTTP_"] = None
        del template["HTTP_"]
        return template
