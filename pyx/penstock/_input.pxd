cdef class Input:
    cdef bytes _body       # None once there is a reader
    cdef object _stream
    cdef bint _all_read    # without one

    cdef object _reader(self)
