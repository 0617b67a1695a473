# What node.h holds. Only value.py may cimport this: the state in node.h is static, so a second module would get its own.

cdef extern from "node.h":
    int raw_mode() noexcept nogil
    void set_mode(int mode) noexcept nogil
    unsigned int get_scope() noexcept nogil
    void set_scope(unsigned int scope) noexcept nogil
    int push_scope(unsigned int scope) except -1
    void pop_scope() noexcept nogil
    size_t scope_depth() noexcept nogil
    object ad_new(int op, double y, int flags)
    object ad_new1(int op, double y, int flags, object a, double d0)
    object ad_new2(int op, double y, int flags, object a, object b, double d0, double d1)
    void ad_cut(object value) noexcept
    void ad_give_back() noexcept
    int hook_type(object type) except -1
    bint is_finite(double x) noexcept nogil
    int add_method(object type, object name, object function) except -1

cdef extern from "arithmetic.h":
    int hook_operators(object type) except -1
