cdef extern from "frames.h":
    bint is_plain_call(int later, object name, object other) noexcept
