from .value cimport Value

cdef hold_operands(Value node, list operands, double *partials, int index)
cpdef dot(weights, inputs, bias=*)
cdef bint same_number(double a, double b) noexcept
cdef make_many(int op, list operands, int index)
