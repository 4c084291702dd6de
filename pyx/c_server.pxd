"""Mirrors the waist and the server: what the bindings use of csrc/base/request.h, protocol/protocol.h, server/*.h."""

from c_base cimport ps_buf, ps_header, ps_response, ps_span
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "<stdbool.h>":
    ctypedef bint c_bool "bool"


cdef extern from "base/request.h":
    struct ps_answer:
        int status
        bint ended
        bint bodyless
    struct ps_request:
        ps_span method
        ps_span target
        ps_span script_name
        ps_span path_info
        ps_span query
        ps_span protocol
        ps_span scheme
        ps_span remote_addr
        ps_span remote_port
        ps_span server_name
        ps_span server_port
        ps_header *headers
        ps_header *variables
        uint32_t n_headers
        uint32_t n_variables
        int64_t content_length
        bint is_head
        bint wants_errors
        ps_answer answer


cdef extern from "protocol/protocol.h":
    struct ps_limits:
        uint32_t line
        uint32_t field
        uint32_t fields
        uint32_t head
        int64_t body
        uint32_t drain
        uint32_t multiplex
        uint32_t connections
    struct ps_protocol:
        pass
    const ps_protocol *ps_protocol_find(ps_span name) nogil


cdef extern from "server/timers.h":
    enum:
        PS_WAIT_HEAD
        PS_WAIT_BODY
        PS_WAIT_IDLE
        PS_WAIT_WRITE
        PS_WAIT_LINGER
        PS_WAIT_DRAIN
        PS_WAIT_RESUME
        PS_WAITS


cdef extern from "server/spool.h":
    struct ps_spool:
        ps_buf memory
        int fd
        int64_t size
    int ps_spool_take_file(ps_spool *s) nogil


cdef extern from "server/scoreboard.h":
    enum ps_worker_state:
        PS_WORKER_EMPTY
        PS_WORKER_STARTING
        PS_WORKER_READY
        PS_WORKER_DRAINING
    struct ps_slot:
        pass
    struct ps_slot_reading:
        uint64_t pid
        uint64_t state
        uint64_t heartbeat_ms
        uint64_t connections
        uint64_t requests
        uint64_t running
        uint64_t waiting
    struct ps_scoreboard:
        ps_slot *slots
        uint32_t n_slots
    int ps_scoreboard_open(ps_scoreboard *board, uint32_t slots) nogil
    void ps_scoreboard_close(ps_scoreboard *board) nogil
    void ps_slot_claim(ps_slot *slot, uint64_t pid) nogil
    void ps_slot_set_state(ps_slot *slot, ps_worker_state state) nogil
    ps_slot_reading ps_slot_read(ps_slot *slot) nogil


cdef extern from "server/server.h":
    enum:
        PS_READY_REQUEST
        PS_READY_DRAINED
        PS_READY_GONE
    struct ps_server_config:
        ps_limits limits
        uint32_t *wait_ms
        size_t body_memory
        const char *body_folder
        size_t high_watermark
        size_t low_watermark
        uint32_t queue
        ps_span root_path
        bint has_root_path
        bint threaded
    struct ps_exchange:
        ps_request request
        ps_spool body
        void *gateway
    struct ps_taker:
        pass
    struct ps_server:
        uint64_t n_requests
        int failure
    int ps_server_init(ps_server *s, const ps_server_config *config, ps_slot *slot) nogil
    void ps_server_close(ps_server *s) nogil
    int ps_server_take_failure(ps_server *s, int *error_number) nogil
    void ps_server_free(ps_server *s) nogil
    int ps_server_listen(ps_server *s, int fd, const ps_protocol *protocol) nogil
    bint ps_server_turn(ps_server *s, int max_wait_ms) nogil
    int ps_server_wake_fd(const ps_server *s) nogil
    void ps_server_drain(ps_server *s) nogil
    bint ps_server_idle(ps_server *s) nogil
    void ps_server_stop(ps_server *s) nogil
    ps_exchange *ps_server_take(ps_server *s, ps_taker *taker, unsigned *ready) nogil
    uint32_t ps_server_ready(const ps_server *s) nogil
    void *ps_server_take_owner(ps_server *s) nogil
    bint ps_server_has_owners(const ps_server *s) nogil
    int ps_exchange_respond(ps_exchange *x, const ps_response *head, ps_span body, bint more, void *owner, c_bool *kept) nogil
    int ps_exchange_send(ps_exchange *x, ps_span body, bint more, void *owner, c_bool *kept) nogil
    void ps_exchange_errors(ps_exchange *x, ps_span text) nogil
    bint ps_exchange_full(ps_exchange *x) nogil
    bint ps_exchange_wait(ps_exchange *x) nogil
    void ps_exchange_yield(ps_exchange *x) nogil
    int ps_exchange_block(ps_exchange *x) nogil
    void ps_exchange_fail(ps_exchange *x) nogil
    void ps_exchange_finish(ps_exchange *x) nogil
