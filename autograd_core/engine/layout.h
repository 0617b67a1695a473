/* A node's fields, for modules that walk over nodes by pointer: those of the class in value.pxd, in its order. */
#ifndef AUTOGRAD_LAYOUT_H
#define AUTOGRAD_LAYOUT_H

#include <string.h>

#if defined(__GNUC__)
#define AD_ALIAS __attribute__((may_alias))
#define AD_LIKELY(x) __builtin_expect(!!(x), 1)
#define AD_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AD_SLOW __attribute__((noinline, cold, unused))
#define AD_APART __attribute__((noinline, unused))
#define AD_ALWAYS static inline __attribute__((always_inline))
#else
#define AD_ALIAS
#define AD_LIKELY(x) (x)
#define AD_UNLIKELY(x) (x)
#define AD_SLOW
#define AD_APART
#if defined(_MSC_VER)
#define AD_ALWAYS static __forceinline
#else
#define AD_ALWAYS static inline
#endif
#endif

/* Flags that C code uses; the numbers are those of flags.py. */
#define AD_CONSTANT 1
#define AD_INDEX_1 16
#define AD_PLAIN_0 4096   /* operand 0 is a plain number, whose node nobody has asked for: _p0 holds its bits */
#define AD_PLAIN_1 8192   /* operand 1, in _p1 */

typedef struct ad_node ad_node;
struct AD_ALIAS ad_node {
    PyObject_HEAD
    double _data, _grad;
    ad_node *_p0, *_p1;   /* up to two parents; of more, _p0 is a block (parents, then partials) and _p1 the index */
    double _d0, _d1;      /* up to two partials */
    PyObject *_extra, *_weak_references;
    unsigned char _op_id, _known;   /* _known: of derivatives.py */
    unsigned short _flags;
    unsigned int _count, _mark;
    unsigned short _scope, _stamp;  /* _stamp: of derivatives.py */
};

static inline ad_node *node_of(PyObject *value) { return (ad_node *)value; }
static inline PyObject *value_of(ad_node *node) { Py_INCREF((PyObject *)node); return (PyObject *)node; }

/* Item i of a list, borrowed. */
static inline ad_node *item_of(PyObject *list, Py_ssize_t i) { return (ad_node *)PyList_GET_ITEM(list, i); }

/* Put the numbers of a list's nodes, or their gradients, into `to`, or look at them only. Returns how many come before the first
 * item that is not of this type, or has one of these flags. */
static inline Py_ssize_t read_numbers(PyObject *list, PyObject *type, int flags, double *to, int gradients) {
    Py_ssize_t i, n = PyList_GET_SIZE(list);
    for (i = 0; i < n; i++) {
        const ad_node *node = item_of(list, i);
        if ((PyObject *)Py_TYPE((PyObject *)node) != type || node->_flags & flags) break;
        if (to) to[i] = gradients ? node->_grad : node->_data;
    }
    return i;
}

/* Set them, and a flag of each; returns the flags that any of them had. */
static inline int write_numbers(PyObject *list, const double *from, int gradients, int flag) {
    Py_ssize_t i, n = PyList_GET_SIZE(list);
    int had = 0;
    for (i = 0; i < n; i++) {
        ad_node *node = item_of(list, i);
        had |= node->_flags;
        if (gradients) node->_grad = from[i];
        else node->_data = from[i];
        node->_flags |= (unsigned short)flag;
    }
    return had;
}

static inline Py_ssize_t references(PyObject *value) { return Py_REFCNT(value); }

/* A parent's address, with a reference to it. */
static inline ad_node *keep(PyObject *value) { Py_INCREF(value); return (ad_node *)value; }

static inline int has_plain_operand(ad_node *node) { return (node->_flags & (AD_PLAIN_0 | AD_PLAIN_1)) != 0; }

/* Make the node of a plain operand: a constant, as the arithmetic would have made it. No exception is set. */
static AD_SLOW int ad_make_operand(ad_node *node, ad_node **slot, int flag) {
    PyTypeObject *type = Py_TYPE((PyObject *)node);
    ad_node *constant = (ad_node *)type->tp_alloc(type, 0);
    if (constant == NULL) { PyErr_Clear(); return -1; }
    memcpy(&constant->_data, slot, sizeof(double));
    Py_INCREF(Py_None);
    constant->_extra = Py_None;
    constant->_flags = AD_CONSTANT;
    constant->_scope = node->_scope;
    *slot = constant;
    node->_flags &= (unsigned short)~flag;
    return 0;
}

/* Make the nodes of plain operands; return whether there was memory for them. */
static inline int operands_made(ad_node *node) {
    if (AD_LIKELY(!has_plain_operand(node))) return 1;
    if (node->_flags & AD_PLAIN_0 && ad_make_operand(node, &node->_p0, AD_PLAIN_0) < 0) return 0;
    return !(node->_flags & AD_PLAIN_1) || ad_make_operand(node, &node->_p1, AD_PLAIN_1) == 0;
}

/* The same; -1 and MemoryError where there was none. */
static inline int make_operands(ad_node *node) {
    if (AD_LIKELY(operands_made(node))) return 0;
    PyErr_NoMemory();
    return -1;
}

/* The parents of a node, as they stand: for code that passes over plain operands, or has called make_operands. */
static inline ad_node **slots_of(ad_node *node) {
    return node->_count > 2 ? (ad_node **)node->_p0 : &node->_p0;
}

/* The parents of a node, plain operands made nodes: NULL and MemoryError where there is no memory for them. */
static inline ad_node **parents_of(ad_node *node) { return make_operands(node) < 0 ? NULL : slots_of(node); }

/* Which output of softmax or log_softmax a node is; INDEX_1 of flags.py is the bit for those of two parents. */
static inline int place_of(ad_node *node) {
    return node->_count > 2 ? (int)(size_t)node->_p1 : (node->_flags & AD_INDEX_1) != 0;
}

static inline double *partials_of(ad_node *node) {
    return node->_count > 2 ? (double *)((ad_node **)node->_p0 + node->_count) : &node->_d0;
}

#endif
