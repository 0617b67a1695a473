/* The operands of a dot product, written where they stay. */
#ifndef AUTOGRAD_DOT_H
#define AUTOGRAD_DOT_H

#include <stdlib.h>
#include "layout.h"

/* Make a new node the dot product of two lists of n items, its sum started with `bias` unless that is None.
   Return 1; 0 where one of them is no Value: the node is as it was; -1 and MemoryError where there is no memory. */
static int fill_dot(PyObject *value, PyObject *weights, PyObject *inputs, PyObject *bias) {
    ad_node *node = node_of(value), **parents = &node->_p0;
    PyTypeObject *type = Py_TYPE(value);
    PyObject **w = ((PyListObject *)weights)->ob_item, **x = ((PyListObject *)inputs)->ob_item;
    Py_ssize_t n = PyList_GET_SIZE(weights), count = 2 * n + (bias != Py_None), j;
    double y = 0.0, *partials = &node->_d0;
    if (bias != Py_None && Py_TYPE(bias) != type) return 0;
    for (j = 0; j < n; j++) if (Py_TYPE(w[j]) != type || Py_TYPE(x[j]) != type) return 0;
    if (count > 2) {
        parents = (ad_node **)malloc((size_t)count * (sizeof *parents + sizeof *partials));
        if (parents == NULL) { PyErr_NoMemory(); return -1; }
        partials = (double *)(parents + count);
        node->_p0 = (ad_node *)parents;
    }
    if (bias != Py_None) {
        parents[2 * n] = keep(bias);
        partials[2 * n] = 1.0;
        y = node_of(bias)->_data;
    }
    for (j = 0; j < n; j++) {
        parents[j] = keep(w[j]);
        parents[n + j] = keep(x[j]);
        partials[n + j] = parents[j]->_data;
        partials[j] = parents[n + j]->_data;
        y = j == 0 && bias == Py_None ? partials[n] * partials[0] : y + partials[n + j] * partials[j];
    }
    node->_count = (unsigned int)count;
    node->_data = y;
    return 1;
}

#endif
