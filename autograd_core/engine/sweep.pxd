cdef list nodes_up_to(tuple roots, int stop)
cdef long long *array_pointer(values)
cdef void begin_marking() noexcept
cdef void end_marking() noexcept
