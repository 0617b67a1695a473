cdef list nodes_up_to(tuple roots, int stop, unsigned int before=*, tuple inputs=*)
cdef bint is_older(unsigned int stamp, unsigned int before) noexcept
cdef long long *array_pointer(values)
cdef double *double_pointer(values)
cdef void begin_marking() noexcept
cdef void end_marking() noexcept
