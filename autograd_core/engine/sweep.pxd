cdef list nodes_up_to(tuple roots, int stop)
cdef long long *array_pointer(values)
