/* The short way of one row: a one-lane tape with its arrays, kept from call to call. Part of `tape/module.c`.
 *
 * What a call of one small row costs is what goes on around the tape, so all of it is done here: the arguments are
 * checked and copied, the parameters read, results made.  Whatever is out of the ordinary (another shape or type, a
 * guard left, a number that is not finite, a second thread) is left to the caller, with nothing changed. */

enum { FEW_PARAMETERS = 16 };    /* so many are read sooner one by one */

typedef struct {
    PyObject_HEAD
    BoundObject *bound;
    PyObject *parameters, *reader; /* a list of Values; a function that reads their numbers into an array */
    PyObject *values, *gradients, *sums; /* methods that copy results, one and a tuple; what makes an array for sums, or None */
    PyTypeObject *array;         /* the type of the arguments */
    Py_buffer *rows;             /* one for each argument, in the shape of a batch of one row */
    Py_buffer order;             /* the place of each sum in the caller's order */
    int has_sums, busy;
} RowObject;

static PyObject *data_name;

static int same_shape(const Py_buffer *a, const Py_buffer *b) {
    int k;
    if (a->ndim != b->ndim || !a->format || strcmp(a->format, "d") != 0) return 0;
    for (k = 0; k < a->ndim; k++) if (a->shape[k] != b->shape[k]) return 0;
    return 1;
}

/* 1: they are copied; 0: they are not what this way is for. */
static int take_arguments(RowObject *self, PyObject *batches) {
    long k, n = self->bound->narrays;
    if (PyTuple_GET_SIZE(batches) != n) return 0;
    for (k = 0; k < n; k++) {
        PyObject *batch = PyTuple_GET_ITEM(batches, k);
        Py_buffer view;
        int fits;
        if (Py_TYPE(batch) != self->array) return 0;
        if (PyObject_GetBuffer(batch, &view, PyBUF_FORMAT | PyBUF_ND | PyBUF_C_CONTIGUOUS) < 0) { PyErr_Clear(); return 0; }
        if ((fits = same_shape(&view, self->rows + k))) memcpy(self->rows[k].buf, view.buf, (size_t)view.len);
        PyBuffer_Release(&view);
        if (!fits) return 0;
    }
    return 1;
}

static int read_parameters(RowObject *self) {
    double *to = self->bound->params.buf;
    Py_ssize_t k, n = PyList_GET_SIZE(self->parameters);
    if (n > FEW_PARAMETERS) {
        PyObject *numbers = PyObject_CallFunctionObjArgs(self->reader, self->parameters, Py_False, self->bound->params.obj, NULL);
        Py_XDECREF(numbers);
        return numbers ? 0 : -1;
    }
    for (k = 0; k < n; k++) {
        PyObject *number = PyObject_GetAttr(PyList_GET_ITEM(self->parameters, k), data_name);
        if (!number) return -1;
        to[k] = PyFloat_AsDouble(number);
        Py_DECREF(number);
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* (values, the arguments' gradients, the parameters' or None). */
static PyObject *row_results(RowObject *self) {
    Py_ssize_t k, n = PyTuple_GET_SIZE(self->gradients);
    PyObject *values = PyObject_CallNoArgs(self->values), *gradients = PyTuple_New(n), *sums = NULL, *all = NULL;
    for (k = 0; gradients && k < n; k++) {
        PyObject *own = PyObject_CallNoArgs(PyTuple_GET_ITEM(self->gradients, k));
        if (!own) Py_CLEAR(gradients);
        else PyTuple_SET_ITEM(gradients, k, own);
    }
    if (self->has_sums) {
        const double *totals = self->bound->totals.buf;
        const int64_t *place = self->order.buf;
        Py_buffer to;
        sums = PyObject_CallNoArgs(self->sums);
        if (!sums || doubles(sums, &to, 1, "sums") < 0) Py_CLEAR(sums);
        else {
            if (to.len / 8 < self->bound->tape->t->params) { PyErr_SetString(PyExc_ValueError, "sums: too short"); Py_CLEAR(sums); }
            for (k = 0; sums && k < self->bound->tape->t->params; k++) ((double *)to.buf)[place[k]] = totals[k];
            PyBuffer_Release(&to);
        }
    } else sums = Py_NewRef(Py_None);
    if (values && gradients && sums) all = PyTuple_Pack(3, values, gradients, sums);
    Py_XDECREF(values); Py_XDECREF(gradients); Py_XDECREF(sums);
    return all;
}

/* run(batches, seed) -> the results, or None: the long way is wanted. */
static PyObject *row_run(RowObject *self, PyObject *const *args, Py_ssize_t nargs) {
    PyObject *found = NULL;
    double seed;
    int fits;
    if (nargs != 2 || !PyTuple_Check(args[0]) || !PyFloat_Check(args[1])) { PyErr_SetString(PyExc_TypeError, "run(batches, seed)"); return NULL; }
    if (self->busy) Py_RETURN_NONE;
    self->busy = 1;
    seed = PyFloat_AS_DOUBLE(args[1]);
    fits = take_arguments(self, args[0]);
    if (!fits || read_parameters(self) < 0) goto done;
    if (self->bound->has_totals) memset(self->bound->totals.buf, 0, (size_t)self->bound->tape->t->params * sizeof(double));
    fits = bound_core(self->bound, 0, 1, NULL, &seed, 0, 0, 1, NULL) == 1;
    if (fits) found = row_results(self);
done:
    self->busy = 0;
    if (fits || PyErr_Occurred()) return found;
    Py_RETURN_NONE;
}

static void row_dealloc(RowObject *self) {
    long k;
    if (self->rows) for (k = 0; k < self->bound->narrays; k++) if (self->rows[k].obj) PyBuffer_Release(self->rows + k);
    free(self->rows);
    if (self->order.obj) PyBuffer_Release(&self->order);
    Py_XDECREF(self->bound); Py_XDECREF(self->parameters); Py_XDECREF(self->reader); Py_XDECREF(self->array);
    Py_XDECREF(self->values); Py_XDECREF(self->gradients); Py_XDECREF(self->sums);
    PyObject_Free(self);
}

static PyMethodDef row_methods[] = {
    {"run", (PyCFunction)(void (*)(void))row_run, METH_FASTCALL, "run(batches, seed) -> (values, gradients, sums) or None"},
    {NULL, NULL, 0, NULL},
};

TYPE(Row, row, "A one-lane tape with the arrays of one row.", .tp_itemsize = 0);

/* row(bound, rows, parameters, reader, values, gradients, sums, order, array): sums and order None without sums. */
static PyObject *module_row(PyObject *module, PyObject *args) {
    PyObject *bound, *rows, *parameters, *reader, *values, *gradients, *sums, *order, *array;
    RowObject *self;
    const Tape *t;
    long k;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!OOO!OOO!", &BoundType, &bound, &PyTuple_Type, &rows, &PyList_Type, &parameters, &reader, &values,
                          &PyTuple_Type, &gradients, &sums, &order, &PyType_Type, &array)) return NULL;
    if (!(self = blank(&RowType))) return NULL;
    self->bound = (BoundObject *)Py_NewRef(bound);
    self->parameters = Py_NewRef(parameters); self->reader = Py_NewRef(reader); self->values = Py_NewRef(values);
    self->gradients = Py_NewRef(gradients); self->sums = Py_NewRef(sums); self->array = (PyTypeObject *)Py_NewRef(array);
    self->has_sums = sums != Py_None;
    t = self->bound->tape->t;
    if (!(self->rows = calloc((size_t)self->bound->narrays + 1, sizeof *self->rows))) { PyErr_NoMemory(); goto fail; }
    for (k = 0; k < self->bound->narrays && k < PyTuple_GET_SIZE(rows); k++) {
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(rows, k), self->rows + k, PyBUF_FORMAT | PyBUF_ND | PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) goto fail;
        if (self->rows[k].buf != self->bound->arrays[k].buf || self->rows[k].len != self->bound->arrays[k].len) goto unfit;
    }
    if (t->lanes || k < self->bound->narrays || !self->bound->has_outputs || PyList_GET_SIZE(parameters) != t->params || self->bound->seeds != 1 ||
        (self->bound->narrays && self->bound->lanes != 1) || (self->has_sums && !self->bound->has_totals)) goto unfit;
    if (self->has_sums) {
        if (PyObject_GetBuffer(order, &self->order, PyBUF_C_CONTIGUOUS) < 0) goto fail;
        if (self->order.len != t->params * 8 || self->order.itemsize != 8) goto unfit;
        for (k = 0; k < t->params; k++) {
            int64_t place = ((const int64_t *)self->order.buf)[k];
            if (place < 0 || place >= t->params) goto unfit;
        }
    }
    return (PyObject *)self;
unfit:
    PyErr_SetString(PyExc_ValueError, "these parts do not make a row");
fail:
    row_dealloc(self);
    return NULL;
}
