# What node.h holds. Only value.py may cimport this: the state in node.h is static, so a second module would get its own.

cdef extern from "node.h":
    int raw_mode() noexcept nogil
    void set_mode(int mode) noexcept nogil
    unsigned int get_scope() noexcept nogil
    void set_scope(unsigned int scope) noexcept nogil
    int push_scope(unsigned int scope) except -1
    void pop_scope() noexcept nogil
    size_t scope_depth() noexcept nogil
    void incref(void *object) noexcept
    void decref(void *object) noexcept
    Py_ssize_t refcount(void *object) noexcept
    void put_link(double *slot, void *link) noexcept nogil
    void *get_link(double *slot) noexcept nogil
    bint has_weak_reference(void *node) noexcept
    void put_aside(void *node) noexcept
    void *take_back() noexcept
    void ad_tidy() noexcept
    void ad_give_back() noexcept
    void hook_type(object type, void (*release)(void *) noexcept) noexcept
    bint is_finite(double x) noexcept nogil
    int add_method(object type, object name, object function) except -1
