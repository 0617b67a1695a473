# What walking.h holds. Only sweep.py may cimport this: the state in walking.h is static.

cdef extern from "walking.h":
    void begin_walk() noexcept
    void end_walk() noexcept
    void let_others_run() noexcept
    bint interrupt_waits() noexcept
    int handle_interrupt() except -1
