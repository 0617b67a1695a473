/* The memory of nodes and the state of threads. The node's module alone includes this file: all state in it is static. */
#ifndef AUTOGRAD_NODE_H
#define AUTOGRAD_NODE_H

#include <string.h>
#include <stdlib.h>
#include <math.h>

/* initial-exec is the quickest access to a thread's own variables; glibc keeps room for such modules, musl refuses them. */
#if defined(_MSC_VER)
#define AD_THREAD __declspec(thread)
#elif defined(__GNUC__) && defined(__GLIBC__)
#define AD_THREAD __thread __attribute__((tls_model("initial-exec")))
#else
#define AD_THREAD __thread
#endif

#if defined(__GNUC__)
/* A new node is cleared by plain stores: for 96 bytes gcc would emit "rep stos", which takes longer than all the rest. */
typedef long long ad_pair __attribute__((vector_size(16), aligned(8), may_alias));
static inline __attribute__((always_inline)) void *ad_clear(void *memory, int byte, size_t size) {
    ad_pair *pairs = (ad_pair *)memory, zero = {0, 0};
    if (!__builtin_constant_p(size) || byte != 0 || size != 96) return __builtin_memset(memory, byte, size);
    pairs[0] = zero; pairs[1] = zero; pairs[2] = zero; pairs[3] = zero; pairs[4] = zero; pairs[5] = zero;
    return memory;
}
#define memset(memory, byte, size) ad_clear(memory, byte, size)
#endif

static AD_THREAD int ad_thread_mode = 0;
static AD_THREAD unsigned int ad_thread_scope = 0;

static inline int raw_mode(void) { return ad_thread_mode; }
static inline void set_mode(int mode) { ad_thread_mode = mode; }
static inline unsigned int get_scope(void) { return ad_thread_scope; }
static inline void set_scope(unsigned int scope) { ad_thread_scope = scope; }

/* The scopes around the present one; a thread's own, so that threads may share a model's scope objects. */
static AD_THREAD unsigned int *ad_outer_scopes = NULL;
static AD_THREAD size_t ad_scope_depth = 0;
static inline int push_scope(unsigned int scope) {
    if (ad_scope_depth % 32 == 0) {
        void *grown = realloc(ad_outer_scopes, (ad_scope_depth + 32) * sizeof(unsigned int));
        if (grown == NULL) { PyErr_NoMemory(); return -1; }
        ad_outer_scopes = grown;
    }
    ad_outer_scopes[ad_scope_depth++] = ad_thread_scope;
    ad_thread_scope = scope;
    return 0;
}
static inline void pop_scope(void) {
    if (ad_scope_depth == 0) return;
    ad_thread_scope = ad_outer_scopes[--ad_scope_depth];
    if (ad_scope_depth == 0) { free(ad_outer_scopes); ad_outer_scopes = NULL; }
}

static inline size_t scope_depth(void) { return ad_scope_depth; }

static inline void incref(void *object) { Py_INCREF((PyObject *)object); }
static inline void decref(void *object) { Py_DECREF((PyObject *)object); }
static inline Py_ssize_t refcount(void *object) { return Py_REFCNT((PyObject *)object); }

/* A dying node's gradient field holds the link to the next node that waits to be freed. */
static inline void put_link(double *slot, void *link) { memcpy(slot, &link, sizeof link); }
static inline void *get_link(double *slot) { void *link; memcpy(&link, slot, sizeof link); return link; }

/* Dying nodes that wait with all their fields. */
struct ad_cell { void *node; struct ad_cell *next; };
static struct ad_cell *ad_cells = NULL;
static inline int has_weak_reference(void *node) {
    return *(PyObject **)((char *)node + Py_TYPE((PyObject *)node)->tp_weaklistoffset) != NULL;
}
static inline void put_aside(void *node) {
    struct ad_cell *cell = malloc(sizeof *cell);
    if (cell == NULL) { Py_DECREF((PyObject *)node); return; }
    cell->node = node;
    cell->next = ad_cells;
    ad_cells = cell;
}
static inline void *take_back(void) {
    struct ad_cell *cell = ad_cells;
    void *node;
    if (cell == NULL) return NULL;
    ad_cells = cell->next;
    node = cell->node;
    free(cell);
    return node;
}

/* A __dealloc__ method would save and restore the exception state around every node's end; nothing here can raise. */
static destructor ad_type_dealloc;
static void (*ad_release)(void *);
static void ad_dealloc(PyObject *node) { ad_release(node); ad_type_dealloc(node); }

/* Dead nodes are kept for reuse, up to AD_SPARE of them (12 MB): giving a training step's pages back and taking new ones at
   every step would cost more than the step itself. They come back in the order in which graphs die, which from one
   training step to the next shuffles addresses until walks wait for memory; so every AD_TIDY reuses they are sorted. */
#define AD_SPARE 131072
#define AD_TIDY (1 << 20)
static void *ad_spare[AD_SPARE];
static Py_ssize_t ad_spare_count = 0;
static Py_ssize_t ad_reused = 0;

static PyObject *ad_alloc(PyTypeObject *type, Py_ssize_t items) {
    PyObject *node;
    if (ad_spare_count == 0) return PyType_GenericAlloc(type, items);
    node = (PyObject *)ad_spare[--ad_spare_count];
    ad_reused++;
    memset(node, 0, 96);
    return PyObject_Init(node, type);
}

static void ad_free(void *node) {
    if (ad_spare_count < AD_SPARE) ad_spare[ad_spare_count++] = node;
    else PyObject_Free(node);
}

/* Give the spare nodes back to the system. */
static void ad_give_back(void) {
    while (ad_spare_count > 0) PyObject_Free(ad_spare[--ad_spare_count]);
}

/* Sort the spare nodes so that the lowest address is taken first: a radix sort, 11 bits at a time. */
static void ad_tidy(void) {
    Py_ssize_t i, n = ad_spare_count;
    size_t low = (size_t)-1, high = 0, shift;
    void **from = ad_spare, **to, **other;
    if (ad_reused < AD_TIDY || n < AD_SPARE / 32) return;
    ad_reused = 0;
    to = (void **)malloc(n * sizeof(void *));
    if (to == NULL) return;
    other = to;
    for (i = 0; i < n; i++) {
        size_t at = (size_t)ad_spare[i];
        if (at < low) low = at;
        if (at > high) high = at;
    }
    for (shift = 4; shift < 8 * sizeof(size_t) && (high - low) >> shift; shift += 11) {
        Py_ssize_t starts[2048] = {0}, total = 0;
        void **swap;
        for (i = 0; i < n; i++) starts[2047 - (((size_t)from[i] - low) >> shift & 2047)]++;
        for (i = 0; i < 2048; i++) { Py_ssize_t count = starts[i]; starts[i] = total; total += count; }
        for (i = 0; i < n; i++) to[starts[2047 - (((size_t)from[i] - low) >> shift & 2047)]++] = from[i];
        swap = from; from = to; to = swap;
    }
    if (from != ad_spare) memcpy(ad_spare, from, n * sizeof(void *));
    free(other);
}

static void hook_type(PyObject *object, void (*release)(void *)) {
    PyTypeObject *type = (PyTypeObject *)object;
    ad_release = release;
    ad_type_dealloc = type->tp_dealloc;
    type->tp_dealloc = ad_dealloc;
    if (type->tp_basicsize != 96) return;  /* pointers of another size: the system's allocator will do */
    type->tp_alloc = ad_alloc;
    type->tp_free = ad_free;
}

static inline int is_finite(double x) { return x - x == 0.0; }

/* Make a function an attribute of a type: static types take none from Python. */
static int add_method(PyObject *type, PyObject *name, PyObject *function) {
    if (PyDict_SetItem(((PyTypeObject *)type)->tp_dict, name, function) < 0) return -1;
    PyType_Modified((PyTypeObject *)type);
    return 0;
}

#endif
