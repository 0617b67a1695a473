/* The code that called: what can be told of it without a call of Python. */
#ifndef AUTOGRAD_FRAMES_H
#define AUTOGRAD_FRAMES_H

/* Tell whether the nearest Python code is a plain function, of none of two names (interned): 0, 1. */
static inline int is_plain_call(int later, PyObject *name, PyObject *other) {
    PyFrameObject *frame = PyEval_GetFrame();
    PyCodeObject *code;
    int plain;
    if (frame == NULL) return 1;
    code = PyFrame_GetCode(frame);
    plain = !(code->co_flags & later) && code->co_name != name && code->co_name != other;
    Py_DECREF(code);
    return plain;
}

#endif
