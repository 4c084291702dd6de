# The server as one type: owns the C server, turns it, and hands what is ready to a gateway.
"""The event loop, listeners and connections of one worker, and the page that workers report through."""

import contextlib
import errno
import os
import tempfile
import threading
import time
from collections import namedtuple

from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.ref cimport Py_DECREF, PyObject

from c_base cimport *
from c_server cimport *
from convert cimport span_of

EMPTY = PS_WORKER_EMPTY
STARTING = PS_WORKER_STARTING
READY = PS_WORKER_READY
DRAINING = PS_WORKER_DRAINING

cdef enum:
    # The longest a loop sleeps: its heartbeat is at most this old while it is well.
    TURN_MS = 1000
    LINGER_MS = 1000
    DRAIN_MS = 500
    RESUME_MS = 500
    STOP_MS = 250
    DRAIN_BYTES = 64 * 1024
    MULTIPLEX = 100

SlotReading = namedtuple("SlotReading", "pid state heartbeat connections requests running waiting")


cdef class Scoreboard:
    def __cinit__(self, int slots):
        if slots < 1:
            raise ValueError("a scoreboard needs a slot")
        if ps_scoreboard_open(&self._board, slots) < 0:
            raise OSError(errno.ENOMEM, "no shared memory for the scoreboard")

    def __dealloc__(self):
        ps_scoreboard_close(&self._board)

    @property
    def slots(self):
        return self._board.n_slots

    cdef ps_slot *_at(self, int slot) except NULL:
        if not 0 <= slot < <int>self._board.n_slots:
            raise IndexError("no such slot")
        return &self._board.slots[slot]

    def claim(self, int slot, int pid):
        ps_slot_claim(self._at(slot), pid)

    def release(self, int slot):
        ps_slot_claim(self._at(slot), 0)

    def set_state(self, int slot, int state):
        ps_slot_set_state(self._at(slot), <ps_worker_state>state)

    def read(self, int slot):
        cdef ps_slot_reading r = ps_slot_read(self._at(slot))
        seconds = r.heartbeat_ms / 1000.0
        return SlotReading(r.pid, r.state, seconds, r.connections, r.requests, r.running, r.waiting)


cdef uint32_t milliseconds(seconds) except? 0xFFFFFFFF:
    """0 stays "no limit"; anything above it is at least one."""
    return 0 if seconds == 0 else min(max(1, round(seconds * 1000)), 0x7FFFFFFF)


cdef class Runner:
    cdef void handle(self, ps_exchange *x, unsigned ready) noexcept:
        ps_exchange_fail(x)
        ps_exchange_finish(x)


cdef class Server:
    def __cinit__(self, *, limits, timeouts, root_path, int threads, scoreboard=None, int slot=0, log_failure=None):
        cdef ps_server_config config
        cdef ps_slot *page = NULL
        if threads < 1:
            raise ValueError("a server needs a thread")
        self.threads = threads
        self._graceful = timeouts.graceful
        self._folder = os.fsencode(tempfile.gettempdir())
        self._root_path = root_path
        self._scoreboard = scoreboard
        self._log_failure = log_failure
        self._slot = slot
        config.limits.line = limits.request_line_bytes
        config.limits.field = limits.field_bytes
        config.limits.fields = limits.fields
        config.limits.head = limits.head_bytes
        config.limits.body = limits.body_bytes
        config.limits.drain = DRAIN_BYTES
        config.limits.multiplex = MULTIPLEX
        config.limits.connections = limits.connections
        config.wait_ms[<int>PS_WAIT_HEAD] = milliseconds(timeouts.head)
        config.wait_ms[<int>PS_WAIT_BODY] = milliseconds(timeouts.body)
        config.wait_ms[<int>PS_WAIT_IDLE] = milliseconds(timeouts.keep_alive)
        config.wait_ms[<int>PS_WAIT_WRITE] = milliseconds(timeouts.write)
        config.wait_ms[<int>PS_WAIT_LINGER] = LINGER_MS
        config.wait_ms[<int>PS_WAIT_DRAIN] = DRAIN_MS
        config.wait_ms[<int>PS_WAIT_RESUME] = RESUME_MS
        config.body_memory = limits.body_memory_bytes
        config.body_folder = <bytes>self._folder
        config.high_watermark = limits.high_watermark_bytes
        config.low_watermark = limits.low_watermark_bytes
        config.queue = limits.queue
        config.has_root_path = root_path is not None
        config.root_path = span_of(<bytes>root_path if root_path is not None else b"")
        config.threaded = threads > 1
        if scoreboard is not None:
            page = (<Scoreboard?>scoreboard)._at(slot)
        if threads > 1:
            self._takers = <ps_taker *>PyMem_Calloc(threads, sizeof(ps_taker))
            if self._takers == NULL:
                raise MemoryError()
        cdef int rc = ps_server_init(&self._server, &config, page)
        self._initialised = True
        if rc < 0:
            raise MemoryError() if rc == PS_ENOMEM else OSError("the event loop could not be made")

    def __dealloc__(self):
        if self._initialised:
            ps_server_close(&self._server)
            self._release_owners()
            ps_server_free(&self._server)
        PyMem_Free(self._takers)

    @property
    def wakeup_fd(self):
        return ps_server_wake_fd(&self._server)

    @property
    def requests(self):
        return self._server.n_requests

    def add_listener(self, int fd, str protocol):
        cdef const ps_protocol *p = ps_protocol_find(span_of(protocol.encode()))
        if p == NULL:
            raise ValueError(f"no protocol {protocol!r}")
        cdef int rc = ps_server_listen(&self._server, fd, p)
        if rc < 0:
            raise OSError(f"descriptor {fd} cannot be listened on")

    def drain(self):
        if self._drain_until is None:
            self._drain_until = time.monotonic() + self._graceful if self._graceful else float("inf")
            ps_server_drain(&self._server)
            self._mark(PS_WORKER_DRAINING)  # only now: the supervisor closes the listeners when every worker says so

    def stop(self):
        self._stopping = True
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self.wakeup_fd, b"\1")  # as a signal would: serve() looks up

    cdef _mark(self, int state):
        if self._scoreboard is not None:
            self._scoreboard.set_state(self._slot, state)

    def serve(self, gateway):
        if self._drain_until is None and not self._stopping:
            self._mark(PS_WORKER_READY)
        if self.threads == 1:
            self._serve_one_thread(gateway.runner(self))
        else:
            self._serve_threads(gateway)

    cdef bint _finished(self) except -1:
        """Also runs Python's signal handlers, which may ask for the end."""
        PyErr_CheckSignals()
        if self._server.failure != 0:
            self._tell_failure()
        if self._stopping:
            return True
        if self._drain_until is None:
            return False
        return ps_server_idle(&self._server) or time.monotonic() >= self._drain_until

    cdef _tell_failure(self):
        cdef int number = 0
        cdef int rc = ps_server_take_failure(&self._server, &number)
        reason = os.strerror(number) if rc == PS_EIO else ps_err_text(rc).decode()
        if self._log_failure is not None:
            self._log_failure(f"a request body cannot be kept in {os.fsdecode(self._folder)}: {reason}")

    cdef int _max_wait(self) except -1:
        if self._drain_until is None:
            return TURN_MS
        seconds = min(self._drain_until - time.monotonic(), TURN_MS / 1000)  # there may be no end to it
        return max(0, <int>(seconds * 1000) + 1)

    cdef void _release_owners(self) noexcept:
        cdef PyObject *owner
        while ps_server_has_owners(&self._server):
            owner = <PyObject *>ps_server_take_owner(&self._server)
            if owner == NULL:
                return
            Py_DECREF(<object>owner)

    cdef void _serve_one_thread(self, Runner runner) except *:
        cdef int wait
        while not self._finished():
            wait = TURN_MS if self._drain_until is None else self._max_wait()
            with nogil:
                ps_server_turn(&self._server, wait)
            self._handle_ready(runner)
        ps_server_close(&self._server)
        self._handle_ready(runner)  # what was parked

    cdef void _handle_ready(self, Runner runner) noexcept:
        cdef ps_exchange *x
        cdef unsigned ready = 0
        for _ in range(ps_server_ready(&self._server)):
            x = ps_server_take(&self._server, NULL, &ready)
            if x == NULL:
                break
            runner.handle(x, ready)
        self._release_owners()

    cdef void _serve_threads(self, gateway) except *:
        """This thread turns the loop and takes the GIL only after a signal or once a second; the others run the application."""
        cdef bint woken
        cdef int wait
        threads = [
            threading.Thread(target=self._run, args=(gateway.runner(self), i), name=f"penstock-{i}", daemon=True)
            for i in range(self.threads)
        ]
        for thread in threads:
            thread.start()
        while not self._finished():
            wait = TURN_MS if self._drain_until is None else self._max_wait()
            with nogil:
                woken = False
                while not woken:
                    woken = ps_server_turn(&self._server, wait)
            self._release_owners()  # of answers whose threads have nothing else to do
        ps_server_close(&self._server)
        ps_server_stop(&self._server)
        # Stopping is for now, but not so fast that what was parked could not be closed.
        until = time.monotonic() + STOP_MS / 1000 if self._stopping else self._drain_until
        for thread in threads:
            thread.join(min(max(0, until - time.monotonic()), threading.TIMEOUT_MAX))

    def _run(self, Runner runner, int number):
        cdef ps_exchange *x
        cdef unsigned ready = 0
        while True:
            with nogil:
                x = ps_server_take(&self._server, &self._takers[number], &ready)
            if x == NULL:
                return
            runner.handle(x, ready)
            self._release_owners()
