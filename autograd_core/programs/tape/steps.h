/* The steps of a loop, one after the other: a lane for each, its results the next one's parameters. Part of `tape/module.c`. */

typedef struct {
    Py_buffer carry, passed_on, init, gradients, kept; /* gradients.buf is NULL going forward, kept.buf where nothing is kept */
    const int64_t *to, *from;    /* the parameter that takes number k of the carry; the output that it is */
    long n;                      /* numbers in the carry */
} Steps;

static void steps_release(Steps *s) {
    PyBuffer_Release(&s->carry); PyBuffer_Release(&s->passed_on); PyBuffer_Release(&s->init); PyBuffer_Release(&s->gradients);
    PyBuffer_Release(&s->kept);
}

static int take_places(PyObject *source, Py_buffer *view, long below, const char *what) {
    Py_ssize_t k;
    if (PyObject_GetBuffer(source, view, PyBUF_C_CONTIGUOUS) < 0) return -1;
    for (k = 0; view->itemsize == 8 && k < view->len / 8; k++)
        if (((const int64_t *)view->buf)[k] < 0 || ((const int64_t *)view->buf)[k] >= below) break;
    if (view->itemsize == 8 && k == view->len / 8) return 0;
    PyErr_Format(PyExc_ValueError, "%s: int64, each from 0 to less than %ld", what, below);
    return -1;
}

static int steps_take(Steps *s, const BoundObject *b, PyObject *const *args) {
    const Tape *t = b->tape->t;
    if (take_places(args[0], &s->carry, t->params, "carry") < 0 || take_places(args[1], &s->passed_on, t->outputs, "passed_on") < 0 ||
        doubles(args[2], &s->init, 0, "init") < 0 || (args[3] != Py_None && doubles(args[3], &s->gradients, 1, "gradients") < 0) ||
        (args[4] != Py_None && doubles(args[4], &s->kept, 1, "kept") < 0)) return -1;
    s->to = s->carry.buf; s->from = s->passed_on.buf;
    s->n = (long)(s->carry.len / 8);
    if (t->lanes || b->narrays == 0 || !b->has_outputs || b->outputs.len / 8 < b->lanes * t->outputs || s->passed_on.len != s->carry.len ||
        s->init.len != s->carry.len || (s->kept.buf && (b->in_place || s->kept.len / 8 < b->lanes * (t->nu + t->slots))) || (s->gradients.buf && (!b->has_totals || b->seeds != 1 || s->gradients.len / 8 < b->lanes * t->outputs))) {
        PyErr_SetString(PyExc_ValueError, "these parts do not make a loop");
        return -1;
    }
    return 0;
}

static long step(const Steps *s, BoundObject *b, long k) { /* 1: done; 0: not as recorded, or not finite */
    const long outputs = b->tape->t->outputs;
    const double *before = k ? (const double *)b->outputs.buf + (k - 1) * outputs : NULL, *init = s->init.buf;
    double *gradients = s->gradients.buf, *numbers = b->params.buf, *sums = b->totals.buf, seed = 1.0;
    long j;
    for (j = 0; j < s->n; j++) numbers[s->to[j]] = before ? before[s->from[j]] : init[j];
    if (!gradients) return bound_core(b, k, k + 1, NULL, &seed, 0, 0, 0, NULL) == k + 1;
    for (j = 0; j < s->n; j++) sums[s->to[j]] = 0.0;
    if (bound_core(b, k, k + 1, NULL, gradients, outputs, 1, 1, NULL) != k + 1) return 0;
    if (k) for (gradients += (k - 1) * outputs, j = 0; j < s->n; j++) gradients[s->from[j]] += sums[s->to[j]];
    return 1;
}

/* steps(carry, passed_on, init, gradients, kept) -> how many steps were done, from the first, or with gradients from the last.
 *
 * kept: None, or room for each step's values, (lanes, room[0] of the tape): going forward a step works there, with gradients
 * they are found there and not computed again. */
static PyObject *bound_steps(BoundObject *self, PyObject *const *args, Py_ssize_t nargs) {
    Steps s = {0};
    long k = 0, work = 0, each = self->tape->t->nfwd + self->tape->t->aux.n + 64;
    if (nargs != 5) { PyErr_SetString(PyExc_TypeError, "steps(carry, passed_on, init, gradients, kept)"); return NULL; }
    if (steps_take(&s, self, args) == 0) {
        self->kept = s.kept.buf;
        self->replays = s.gradients.buf != NULL;
        for (; k < self->lanes; k++) {
            if (!step(&s, self, s.gradients.buf ? self->lanes - 1 - k : k)) break;
            if ((work += each) >= PIECE) { work = 0; if (PyErr_CheckSignals() < 0) break; }
        }
    }
    self->kept = NULL;
    steps_release(&s);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(k);
}
