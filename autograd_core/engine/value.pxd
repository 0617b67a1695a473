# The node as the compiled modules of this package share it.

cimport cython

include "../calculus/operations.pxi"

cdef extern from "operations.h" nogil:
    double ad_value1(int op, double a) noexcept
    double ad_value2(int op, double a, double b) noexcept
    double ad_value3(int op, double a, double b, double c) noexcept
    bint ad_partials1(int op, double a, double y, double *d) noexcept
    bint ad_partials2(int op, double a, double b, double y, double *d) noexcept
    bint ad_partials3(int op, double a, double b, double c, double y, double *d) noexcept
    void ad_fold(int op, long n, const double *x, double *m, double *s) noexcept
    double ad_finish(int op, double m, double s, double n, double x) noexcept
    void ad_parts(int op, long n, const double *x, double m, double s, double y, long index, double *d) noexcept
    int ad_arity(int op) noexcept
    int ad_selecting(int op) noexcept
    double d0_pow(double a, double b, double y) noexcept

cdef extern from "layout.h":
    ctypedef struct Node "ad_node":
        double _data, _grad
        Node *_p0
        Node *_p1
        double _d0, _d1
        unsigned char _op_id, _known
        unsigned short _flags
        unsigned int _count, _mark
        unsigned short _scope, _stamp
    Node *node_of(object value) noexcept
    object value_of(Node *node)
    Node *keep(object value) noexcept
    Py_ssize_t read_numbers(list nodes, object type, int flags, double *to, bint gradients) noexcept
    int write_numbers(list nodes, const double *numbers, bint gradients, int flag) noexcept
    Py_ssize_t references(object value) noexcept
    Node **parents_of(Node *node) except NULL
    Node **slots_of(Node *node) noexcept
    bint has_plain_operand(Node *node) noexcept
    bint operands_made(Node *node) noexcept
    int make_operands(Node *node) except -1
    int place_of(Node *node) noexcept
    double *partials_of(Node *node) noexcept

@cython.final
@cython.no_gc
@cython.auto_pickle(False)
cdef class Value:  # layout.h repeats these fields
    cdef double _data
    cdef double _grad
    cdef void *_p0
    cdef void *_p1
    cdef double _d0
    cdef double _d1
    cdef object _extra
    cdef object __weakref__
    cdef unsigned char _op_id
    cdef unsigned char _known
    cdef unsigned short _flags
    cdef unsigned int _count
    cdef unsigned int _mark
    cdef unsigned short _scope
    cdef unsigned short _stamp

cdef Value new_node(int op, double y)
cdef Value make_unary(int op, Value a)
cdef Value make_binary(int op, Value a, Value b)
cdef Value constant(double number)
cdef finish_node(Value node)
cdef note_made(Value node)
cpdef Value as_value(number)
cpdef unsigned long long assignments() noexcept
cdef void count_assignment() noexcept
cpdef int thread_mode() noexcept
cpdef void set_thread_mode(int mode) noexcept
cpdef void put_in_force(int mode, unsigned int scope, bint held) noexcept
cpdef unsigned int thread_scope() noexcept
cpdef enter_scope(unsigned int number)
cpdef void leave_scope() noexcept
cpdef size_t open_scopes() noexcept
