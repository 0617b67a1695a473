cdef extern from "dot.h":
    int fill_dot(object node, list weights, list inputs, object bias) except -1
