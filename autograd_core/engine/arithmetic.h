/* The operators of two nodes, or of a node and a plain number, in the common case: no mode is set in this thread, the
   result is finite, both are exactly what they seem. Every other case, errors too, goes to the operators in value.py,
   of which these are the quick way. A plain number gets no node of its own before somebody asks for it (layout.h). */
#ifndef AUTOGRAD_ARITHMETIC_H
#define AUTOGRAD_ARITHMETIC_H

#include "node.h"
#include "operations.h"

static PyNumberMethods ad_operators;  /* those of value.py */

static inline int ad_is_node(PyObject *x) { return Py_TYPE(x) == ad_type; }

/* The double that Python's float makes of a float or int; 0 for other objects and for ints too large. */
static AD_APART int ad_integer(PyObject *x, double *number) {
    if (!PyLong_CheckExact(x)) return 0;
    *number = PyLong_AsDouble(x);
    if (*number == -1.0 && PyErr_Occurred()) { PyErr_Clear(); return 0; }
    return 1;
}
AD_ALWAYS int ad_number(PyObject *x, double *number) {
    if (!PyFloat_CheckExact(x)) return ad_integer(x, number);
    *number = PyFloat_AS_DOUBLE(x);
    return 1;
}

/* A pointer's field holds the bits of a plain operand. */
AD_ALWAYS ad_node *ad_bits_of(double number) {
    ad_node *bits = NULL;
    if (sizeof bits >= sizeof number) memcpy(&bits, &number, sizeof number);
    return bits;
}

/* The partials of an operation; 0 where they must be found in another way. A plain exponent takes no gradient. */
AD_ALWAYS int ad_partials(int op, double a, double b, double y, int plain, double *d) {
    if (op == OP_POW && plain == AD_PLAIN_1) {
        d[0] = d0_pow(a, b, y);
        d[1] = 0.0;
        return 1;
    }
    return ad_partials2(op, a, b, y, d);
}

/* The node of an operation of two operands, one of which may be a plain number, as `plain` says. NULL without an error where
   this is a case for value.py. */
AD_ALWAYS PyObject *ad_combine(int op, PyObject *left, double a, PyObject *right, double b, int plain) {
    double d[2], y = ad_value2(op, a, b);
    ad_node *node;
    if (op != OP_ADD && op != OP_SUB && op != OP_MUL && !is_finite(y)) return NULL;
    if (!ad_partials(op, a, b, y, plain, d)) return NULL;
    node = ad_begin(op, y, plain, 2);
    if (AD_UNLIKELY(node == NULL)) { PyErr_Clear(); return NULL; }
    node->_p0 = plain == AD_PLAIN_0 ? ad_bits_of(a) : keep(left);
    node->_p1 = plain == AD_PLAIN_1 ? ad_bits_of(b) : keep(right);
    node->_d0 = d[0];
    node->_d1 = d[1];
    return (PyObject *)node;
}

AD_ALWAYS PyObject *ad_operate(int op, PyObject *left, PyObject *right) {
    double number;
    if (AD_UNLIKELY(ad_thread.mode != 0)) return NULL;
    if (ad_is_node(left)) {
        double a = ((ad_node *)left)->_data;
        if (ad_is_node(right)) {
            if (op == OP_POW) return NULL;  /* the exponent may be a constant */
            return ad_combine(op, left, a, right, ((ad_node *)right)->_data, 0);
        }
        if (sizeof(void *) >= sizeof(double) && ad_number(right, &number))
            return ad_combine(op, left, a, right, number, AD_PLAIN_1);
    }
    else if (op == OP_POW && ((ad_node *)right)->_flags & AD_CONSTANT) return NULL;
    else if (sizeof(void *) >= sizeof(double) && ad_number(left, &number))
        return ad_combine(op, left, number, right, ((ad_node *)right)->_data, AD_PLAIN_0);
    return NULL;
}

#define AD_OPERATOR(NAME, OP, SLOT)                                            \
static PyObject *ad_##NAME(PyObject *left, PyObject *right) {                  \
    PyObject *made = ad_operate(OP, left, right);                              \
    return AD_LIKELY(made != NULL) ? made : ad_operators.SLOT(left, right);    \
}
AD_OPERATOR(plus, OP_ADD, nb_add)
AD_OPERATOR(minus, OP_SUB, nb_subtract)
AD_OPERATOR(times, OP_MUL, nb_multiply)
AD_OPERATOR(over, OP_DIV, nb_true_divide)

static PyObject *ad_power(PyObject *left, PyObject *right, PyObject *modulus) {
    PyObject *made = modulus == Py_None && (ad_is_node(left) || ad_is_node(right)) ? ad_operate(OP_POW, left, right) : NULL;
    return AD_LIKELY(made != NULL) ? made : ad_operators.nb_power(left, right, modulus);
}

static PyObject *ad_negative(PyObject *value) {
    double a = ((ad_node *)value)->_data;
    if (ad_thread.mode != 0 || !is_finite(a)) return ad_operators.nb_negative(value);
    return ad_new1(OP_NEG, v_neg(a), 0, value, d0_neg(a, v_neg(a)));
}

static int hook_operators(PyObject *object) {
    PyNumberMethods *operators = ((PyTypeObject *)object)->tp_as_number;
    ad_operators = *operators;
    operators->nb_add = ad_plus;
    operators->nb_subtract = ad_minus;
    operators->nb_multiply = ad_times;
    operators->nb_true_divide = ad_over;
    operators->nb_power = ad_power;
    operators->nb_negative = ad_negative;
    return 0;
}

#endif
