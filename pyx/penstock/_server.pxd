# What a gateway sees of the server (pyx/_wsgi.pyx cimports it).
from c_server cimport ps_exchange, ps_scoreboard, ps_server, ps_slot, ps_taker


cdef class Scoreboard:
    cdef ps_scoreboard _board

    cdef ps_slot *_at(self, int slot) except NULL


cdef class Server:
    cdef ps_server _server
    cdef ps_taker *_takers  # one for each thread; NULL where the loop's is the only one
    cdef bint _initialised, _stopping
    cdef readonly int threads
    cdef double _graceful
    cdef object _folder, _root_path, _scoreboard, _log_failure
    cdef int _slot
    cdef object _drain_until

    cdef void _serve_one_thread(self, Runner runner) except *
    cdef void _serve_threads(self, gateway) except *
    cdef void _release_owners(self) noexcept
    cdef void _handle_ready(self, Runner runner) noexcept
    cdef _tell_failure(self)
    cdef _mark(self, int state)
    cdef bint _finished(self) except -1
    cdef int _max_wait(self) except -1


cdef class Runner:
    """Runs the application for one thread; a gateway makes one for each (`Gateway.runner(server)`)."""

    cdef void handle(self, ps_exchange *x, unsigned ready) noexcept
