/* The memory of nodes and the state of threads. The node's module alone includes this file: all state in it is static. */
#ifndef AUTOGRAD_NODE_H
#define AUTOGRAD_NODE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "layout.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#endif
#if defined(_MSC_VER)
#include <intrin.h>
#endif

/* --- the state of a thread ---------------------------------------------------------------------------------- */

/* initial-exec is the quickest access to a thread's own variables; glibc keeps room for such modules, musl refuses them. */
#if defined(_MSC_VER)
#define AD_THREAD __declspec(thread)
#elif defined(__GNUC__) && defined(__GLIBC__)
#define AD_THREAD __thread __attribute__((tls_model("initial-exec")))
#else
#define AD_THREAD __thread
#endif

/* One struct, so that an operation looks its thread up once. Scopes are a thread's own, so that threads may share a
   model's scope objects. */
#define AD_FEW 8
static AD_THREAD struct {
    int mode;
    unsigned int scope;
    size_t depth;                /* how many scopes there are around the present one: */
    unsigned int few[AD_FEW];    /* the outermost */
    unsigned int *more;          /* and the others */
} ad_thread;

static inline int raw_mode(void) { return ad_thread.mode; }
static inline void set_mode(int mode) { ad_thread.mode = mode; }
static inline unsigned int get_scope(void) { return ad_thread.scope; }
static inline void set_scope(unsigned int scope) { ad_thread.scope = scope; }
static inline size_t scope_depth(void) { return ad_thread.depth; }

static inline int push_scope(unsigned int scope) {
    if (AD_LIKELY(ad_thread.depth < AD_FEW)) ad_thread.few[ad_thread.depth] = ad_thread.scope;
    else {
        size_t beyond = ad_thread.depth - AD_FEW;
        if (beyond % 32 == 0) {
            void *grown = realloc(ad_thread.more, (beyond + 32) * sizeof(unsigned int));
            if (grown == NULL) { PyErr_NoMemory(); return -1; }
            ad_thread.more = (unsigned int *)grown;
        }
        ad_thread.more[beyond] = ad_thread.scope;
    }
    ad_thread.depth++;
    ad_thread.scope = scope;
    return 0;
}
static inline void pop_scope(void) {
    if (ad_thread.depth == 0) return;
    ad_thread.depth--;
    if (AD_LIKELY(ad_thread.depth < AD_FEW)) ad_thread.scope = ad_thread.few[ad_thread.depth];
    else {
        ad_thread.scope = ad_thread.more[ad_thread.depth - AD_FEW];
        if (ad_thread.depth == AD_FEW) { free(ad_thread.more); ad_thread.more = NULL; }
    }
}

/* --- memory ------------------------------------------------------------------------------------------------- */

/* Nodes live in a pool of places, as many as a training step of 100,000 operations wants (12 MB, of which the system gives
   what is touched); those that do not fit come from Python's allocator. A bit for each place tells whether it is free, and
   the lowest free place of a group is taken first. So nodes that are made one after the other lie side by side, however
   the graphs before them died: walks over them do not wait for memory. (A list of free places, last in and first out,
   shuffles the addresses from one training step to the next until a sweep takes four times as long.) */
#define AD_PLACE sizeof(ad_node)
#if defined(__SANITIZE_ADDRESS__)  /* which sees the use of a dead node where each has memory of its own */
#define AD_WATCHED 1
#else
#define AD_WATCHED 0
#endif
#define AD_GROUPS 2048   /* of 64 places each */
#define AD_POOL (AD_GROUPS * 64 * AD_PLACE)
static char *ad_pool = NULL;
static uint64_t ad_free_places[AD_GROUPS];       /* a bit for each free place */
static uint64_t ad_free_groups[AD_GROUPS / 64];  /* a bit for each group that may have a free place */
static size_t ad_group = 0;                      /* places are taken from this one */
static int ad_full = 0;                          /* no group has a free place */
static ad_node *ad_last = NULL;                  /* a free place out of the order */
static PyObjectArenaAllocator ad_system;

static inline size_t ad_lowest_bit(uint64_t bits) {
#if defined(__GNUC__)
    return (size_t)__builtin_ctzll(bits);
#elif defined(_MSC_VER) && defined(_WIN64)
    unsigned long place;
    _BitScanForward64(&place, bits);
    return place;
#else
    size_t place = 0;
    while (!(bits & 1)) { bits >>= 1; place++; }
    return place;
#endif
}

/* Go to the lowest group with a free place; return 0 where there is none. */
static AD_SLOW int ad_next_group(void) {
    size_t word;
    if (ad_pool == NULL) {
        if (AD_PLACE != 96 || AD_WATCHED) return 0;  /* pointers of another size: Python's allocator will do */
        PyObject_GetArenaAllocator(&ad_system);
        ad_pool = (char *)ad_system.alloc(ad_system.ctx, AD_POOL);
        if (ad_pool == NULL) return 0;
        memset(ad_free_places, 0xff, sizeof ad_free_places);
        memset(ad_free_groups, 0xff, sizeof ad_free_groups);
    }
    for (word = 0; word < AD_GROUPS / 64; word++) {
        while (ad_free_groups[word]) {
            size_t bit = ad_lowest_bit(ad_free_groups[word]);
            ad_group = 64 * word + bit;
            if (ad_free_places[ad_group]) return 1;
            ad_free_groups[word] &= ~((uint64_t)1 << bit);
        }
    }
    ad_full = 1;
    return 0;
}

static AD_SLOW void *ad_other_memory(void) {
    void *memory = PyObject_Malloc(AD_PLACE);
    if (memory == NULL) PyErr_NoMemory();
    return memory;
}

/* Memory for a node; NULL and MemoryError where there is none. */
AD_ALWAYS ad_node *ad_take(void) {
    ad_node *node = ad_last;
    uint64_t bits;
    if (node != NULL) {
        ad_last = NULL;
        return node;
    }
    bits = ad_free_places[ad_group];
    if (AD_UNLIKELY(bits == 0)) {
        if (ad_full || !ad_next_group()) return (ad_node *)ad_other_memory();
        bits = ad_free_places[ad_group];
    }
    ad_free_places[ad_group] = bits & (bits - 1);
    return (ad_node *)(ad_pool + (64 * ad_group + ad_lowest_bit(bits)) * AD_PLACE);
}

AD_ALWAYS void ad_put(ad_node *node) {
    size_t at = (size_t)((char *)node - ad_pool), group;
    if (AD_UNLIKELY(ad_pool == NULL || at >= AD_POOL)) { PyObject_Free(node); return; }
    at /= AD_PLACE;
    group = at / 64;
    if (ad_free_places[group] == 0) {
        ad_free_groups[group / 64] |= (uint64_t)1 << group % 64;
        ad_full = 0;
    }
    ad_free_places[group] |= (uint64_t)1 << at % 64;
}

/* A dead node's place; one that comes alone is kept at hand, since the next operation often follows at once. */
AD_ALWAYS void ad_give(ad_node *node) {
    if (ad_last == NULL) ad_last = node;
    else ad_put(node);
}

static void ad_free(void *node) { ad_put((ad_node *)node); }

/* Give the memory of free places back to the system: all of it, or the pages without a node. */
static void ad_give_back(void) {
    size_t first = 0, last, start, end, used = 0;
    if (ad_last != NULL) { ad_put(ad_last); ad_last = NULL; }
    if (ad_pool == NULL) return;
    for (last = 0; last < AD_GROUPS; last++) used += ad_free_places[last] != ~(uint64_t)0;
    if (used == 0) {
        ad_system.free(ad_system.ctx, ad_pool, AD_POOL);
        memset(ad_free_places, 0, sizeof ad_free_places);
        memset(ad_free_groups, 0, sizeof ad_free_groups);
        ad_pool = NULL;
        ad_group = 0;
        return;
    }
#if defined(MADV_DONTNEED)
    {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), base = (size_t)ad_pool;
        while (first < AD_GROUPS) {
            for (last = first; last < AD_GROUPS && ad_free_places[last] == ~(uint64_t)0; last++) continue;
            start = (base + first * 64 * AD_PLACE + page - 1) / page * page;
            end = (base + last * 64 * AD_PLACE) / page * page;
            if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
            first = last + 1;
        }
    }
#endif
    (void)first; (void)start; (void)end;
}

/* --- making a node ------------------------------------------------------------------------------------------ */

static PyTypeObject *ad_type;
static PyObject ad_header;  /* of a new node */

AD_ALWAYS void ad_start(ad_node *node) {
#if defined(Py_GIL_DISABLED) || defined(Py_TRACE_REFS) || defined(Py_REF_DEBUG)
    PyObject_Init((PyObject *)node, ad_type);
#else
    *(PyObject *)node = ad_header;
#endif
}

/* All fields but the operands: number, operation, scope. */
AD_ALWAYS ad_node *ad_begin(int op, double y, int flags, unsigned int count) {
    ad_node *node = ad_take();
    if (AD_UNLIKELY(node == NULL)) return NULL;
    ad_start(node);
    node->_data = y;
    node->_grad = 0.0;
    Py_INCREF(Py_None);
    node->_extra = Py_None;
    node->_weak_references = NULL;
    node->_op_id = (unsigned char)op;
    node->_known = 0;
    node->_flags = (unsigned short)flags;
    node->_count = count;
    node->_mark = 0;
    node->_scope = (unsigned short)ad_thread.scope;
    node->_stamp = 0;
    return node;
}

/* A new node without operands. */
static inline PyObject *ad_new(int op, double y, int flags) {
    ad_node *node = ad_begin(op, y, flags, 0);
    if (AD_UNLIKELY(node == NULL)) return NULL;
    node->_p0 = node->_p1 = NULL;
    node->_d0 = node->_d1 = 0.0;
    return (PyObject *)node;
}

static inline PyObject *ad_new1(int op, double y, int flags, PyObject *a, double d0) {
    ad_node *node = ad_begin(op, y, flags, 1);
    if (AD_UNLIKELY(node == NULL)) return NULL;
    node->_p0 = keep(a);
    node->_p1 = NULL;
    node->_d0 = d0;
    node->_d1 = 0.0;
    return (PyObject *)node;
}

static inline PyObject *ad_new2(int op, double y, int flags, PyObject *a, PyObject *b, double d0, double d1) {
    ad_node *node = ad_begin(op, y, flags, 2);
    if (AD_UNLIKELY(node == NULL)) return NULL;
    node->_p0 = keep(a);
    node->_p1 = keep(b);
    node->_d0 = d0;
    node->_d1 = d1;
    return (PyObject *)node;
}

/* What the type's constructor calls. */
static PyObject *ad_alloc(PyTypeObject *type, Py_ssize_t items) {
    ad_node *node = ad_take();
    (void)type; (void)items;
    if (node == NULL) return NULL;
    ad_start(node);
    node->_data = node->_grad = node->_d0 = node->_d1 = 0.0;
    node->_p0 = node->_p1 = NULL;
    node->_extra = node->_weak_references = NULL;
    node->_op_id = node->_known = 0;
    node->_flags = 0;
    node->_count = node->_mark = 0;
    node->_scope = node->_stamp = 0;
    return (PyObject *)node;
}

/* --- freeing ------------------------------------------------------------------------------------------------ */

/* Without recursion, since a chain may have any length: a node that dies gives up its parents, and those that die of it wait
   on a list which one loop drains. The list is linked through the gradients. A node with weak references may be revived
   through one while it waits, so such nodes wait with all their fields, on a list of cells. */
static ad_node *ad_pending = NULL;
static struct ad_cell { ad_node *node; struct ad_cell *next; } *ad_cells = NULL;
static int ad_draining = 0;

static AD_SLOW void ad_put_aside(ad_node *node) {
    struct ad_cell *cell = (struct ad_cell *)malloc(sizeof *cell);
    if (cell == NULL) { Py_DECREF((PyObject *)node); return; }
    cell->node = node;
    cell->next = ad_cells;
    ad_cells = cell;
}

static AD_SLOW int ad_free_put_aside(void) {
    struct ad_cell *cell = ad_cells;
    ad_node *node;
    if (cell == NULL) return 0;
    ad_cells = cell->next;
    node = cell->node;
    free(cell);
    Py_DECREF((PyObject *)node);
    return 1;
}

/* Give up one reference. */
AD_ALWAYS void ad_drop(ad_node *node) {
    if (Py_REFCNT((PyObject *)node) > 1) Py_DECREF((PyObject *)node);
    else if (AD_UNLIKELY(node->_weak_references != NULL)) ad_put_aside(node);
    else {
        memcpy(&node->_grad, &ad_pending, sizeof ad_pending);
        ad_pending = node;
    }
}

AD_ALWAYS void ad_drop_parents(ad_node *node) {
    unsigned int j, count = node->_count;
    if (count == 0) return;
    node->_count = 0;
    if (count > 2) {
        ad_node **parents = (ad_node **)node->_p0;
        for (j = 0; j < count; j++) ad_drop(parents[j]);
        free(parents);
        return;
    }
    if (!(node->_flags & AD_PLAIN_0)) ad_drop(node->_p0);
    if (count == 2 && !(node->_flags & AD_PLAIN_1)) ad_drop(node->_p1);
}

/* The end of a node that has given up its parents. */
AD_ALWAYS void ad_end(ad_node *node) {
    PyObject *extra = node->_extra;
    if (AD_UNLIKELY(node->_weak_references != NULL)) PyObject_ClearWeakRefs((PyObject *)node);
    node->_extra = NULL;
    Py_XDECREF(extra);
    ad_give(node);
}

/* Free the nodes that wait. */
static AD_APART void ad_drain(void) {
    if (ad_draining) return;
    ad_draining = 1;
    do {
        while (ad_pending != NULL) {
            ad_node *node = ad_pending;
            memcpy(&ad_pending, &node->_grad, sizeof ad_pending);
#if defined(Py_GIL_DISABLED) || defined(Py_TRACE_REFS) || defined(Py_REF_DEBUG)
            Py_DECREF((PyObject *)node);
#else
            ad_drop_parents(node);
            if (AD_LIKELY(node->_weak_references == NULL)) ad_end(node);
            else Py_DECREF((PyObject *)node);
#endif
        }
    } while (ad_free_put_aside());
    ad_draining = 0;
}

/* Give up the parents of a node, and free those that die of it. */
AD_ALWAYS void ad_release(ad_node *node) {
    ad_drop_parents(node);
    if (ad_pending != NULL || ad_cells != NULL) ad_drain();
}

/* Make a node a leaf. */
static void ad_cut(PyObject *value) {
    ad_node *node = (ad_node *)value;
    ad_release(node);
    node->_p0 = node->_p1 = NULL;
}

/* In the place of a __dealloc__ method, which would save and restore the exception state: nothing here raises. */
static void ad_dealloc(PyObject *value) {
    ad_release((ad_node *)value);
    ad_end((ad_node *)value);
}

/* --- the type ----------------------------------------------------------------------------------------------- */

static int ad_is_node_type(PyTypeObject *type) {
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_basicsize == (Py_ssize_t)sizeof(ad_node)
        && type->tp_weaklistoffset == (Py_ssize_t)offsetof(ad_node, _weak_references);
}

static int hook_type(PyObject *object) {
    PyTypeObject *type = (PyTypeObject *)object;
    if (!ad_is_node_type(type)) {
        PyErr_SetString(PyExc_ImportError, "layout.h and value.pxd describe different nodes");
        return -1;
    }
    ad_type = type;
    PyObject_Init(&ad_header, type);
    type->tp_dealloc = ad_dealloc;
    type->tp_alloc = ad_alloc;
    type->tp_free = ad_free;
    return 0;
}

static inline int is_finite(double x) { return x - x == 0.0; }

/* Make a function an attribute of a type: static types take none from Python. */
static int add_method(PyObject *type, PyObject *name, PyObject *function) {
    if (PyDict_SetItem(((PyTypeObject *)type)->tp_dict, name, function) < 0) return -1;
    PyType_Modified((PyTypeObject *)type);
    return 0;
}

#endif
