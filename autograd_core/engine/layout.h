/* A node's fields, for modules that walk over nodes by pointer: those of the class in value.pxd, in its order. */
#ifndef AUTOGRAD_LAYOUT_H
#define AUTOGRAD_LAYOUT_H

#if defined(__GNUC__)
#define AD_ALIAS __attribute__((may_alias))
#else
#define AD_ALIAS
#endif

typedef struct ad_node ad_node;
struct AD_ALIAS ad_node {
    PyObject_HEAD
    double _data, _grad;
    ad_node *_p0, *_p1;   /* up to two parents; of more, _p0 is a block (parents, then partials) and _p1 the index */
    double _d0, _d1;      /* up to two partials */
    PyObject *_extra, *_weak_references;
    unsigned short _op_id, _flags;
    unsigned int _count, _mark, _scope;
};

static inline ad_node *node_of(PyObject *value) { return (ad_node *)value; }
static inline PyObject *value_of(ad_node *node) { Py_INCREF((PyObject *)node); return (PyObject *)node; }

static inline Py_ssize_t references(PyObject *value) { return Py_REFCNT(value); }

/* A parent's address, with a reference to it. */
static inline ad_node *keep(PyObject *value) { Py_INCREF(value); return (ad_node *)value; }

static inline ad_node **parents_of(ad_node *node) {
    return node->_count > 2 ? (ad_node **)node->_p0 : &node->_p0;
}

static inline double *partials_of(ad_node *node) {
    return node->_count > 2 ? (double *)((ad_node **)node->_p0 + node->_count) : &node->_d0;
}

#endif
