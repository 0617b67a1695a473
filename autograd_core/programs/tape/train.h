/* Training on the tape's arrays: minibatch gradient, penalty, norm, clipping and the optimizer's rule, update by update.
 *
 * The rules are those of calculus/updates.py.  What is around them stands in nn/optimizers.py and nn/training; the same
 * operations in the same order stand here, and the tests of nn compare the bits.  An update changes the parameters only once all of it is known to be finite; anything
 * irregular leaves them as they were and hands the minibatch back, to be done on Values. */

#include "updates.h"
#include "recorded.h"

enum { LANES_OF_NORM = 8 };

typedef struct {
    const Update *update;        /* NULL: a recorded one */
    Recorded recorded;
    PyObject *code;
    double *settings;
    long missed;                 /* updates that were made before its parameters thawed: they do not count */
} Rule;

typedef struct {
    PyObject_HEAD
    BoundObject *loss, *penalty; /* penalty may be NULL */
    Py_buffer params, grads, place, buffers[BUFFERS];
    long n, used_buffers;        /* n: parameters */
    Rule *rules;                 /* one for each group of parameters */
    Py_buffer stretches;         /* (start, stop, group) of parameters that follow each other; group -1: frozen */
    long groups, nstretches;
    double clip_value, clip_norm; /* negative: none */
    double largest_loss;         /* a larger one counts as not finite */
    double *fresh;               /* the proposed parameters, buffers and clipped gradient */
    uint8_t *side_by_side;       /* of each eight parameters in the caller's order: do they stand so in the arrays too? */
    double loss_sum, penalty_sum, norm_sum, rate;
    long updates;                /* made so far, by the optimizer: k of the next one is one more */
} TrainerObject;

/* |g|: eight running sums of squares, added pairwise; as gradient_norm in nn/optimizers.py. Negative: use hypot. */
CLONES static double norm_of(const double *g, const int64_t *place, const uint8_t *side_by_side, long n) {
    double s[LANES_OF_NORM] = {0.0}, total;
    long k = 0, r;
    for (; k + LANES_OF_NORM <= n; k += LANES_OF_NORM) {
        if (side_by_side[k / LANES_OF_NORM]) {
            const double *x = g + place[k];
            for (r = 0; r < LANES_OF_NORM; r++) s[r] = s[r] + x[r] * x[r];
        } else
            for (r = 0; r < LANES_OF_NORM; r++) { double x = g[place[k + r]]; s[r] = s[r] + x * x; }
    }
    for (r = 0; k < n; k++, r++) { double x = g[place[k]]; s[r] = s[r] + x * x; }
    total = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
    if (total == 0.0) { /* where all of it is 0, so is the norm; else squares have vanished */
        for (k = 0; k < n && g[k] == 0.0;) k++;
        if (k == n) return 0.0;
    }
    return total > 1e-200 && total < 1e200 ? sqrt(total) : -1.0;
}

/* g / m; where m is a power of two, g times its reciprocal is the same number. */
CLONES static void divide(double *g, long n, long m) {
    double by = (double)m, inverse = 1.0 / by;
    long k;
    if ((m & (m - 1)) == 0) for (k = 0; k < n; k++) g[k] = g[k] * inverse;
    else for (k = 0; k < n; k++) g[k] = g[k] / by;
}

/* The rule on parameters of one group that follow each other; what is frozen, and a buffer that a rule does not know, stays. */
static int apply_to_stretch(TrainerObject *s, const double *rates, const double *g, long start, long n, long group) {
    const double *b[BUFFERS], *x = (const double *)s->params.buf + start;
    double *c[BUFFERS], *y = s->fresh + start;
    const Rule *rule = group < 0 ? NULL : s->rules + group;
    long k;
    for (k = 0; k < s->used_buffers; k++) {
        b[k] = (const double *)s->buffers[k].buf + start;
        c[k] = s->fresh + (k + 1) * s->n + start;
        if (!rule || (rule->update && k >= rule->update->buffers)) memcpy(c[k], b[k], (size_t)n * sizeof(double));
    }
    if (!rule) memcpy(y, x, (size_t)n * sizeof(double));
    else {
        double count = (double)(s->updates + 1 - rule->missed);
        if (!rule->update) return apply_recorded(&rule->recorded, rule->settings, rates[group], count, n, x, g + start, b, y, c, s->used_buffers);
        rule->update->apply(rule->settings, rates[group], count, n, x, g + start, b, y, c);
    }
    return 0;
}

static int apply_rules(TrainerObject *s, const double *rates, const double *g) {
    const int64_t *at = s->stretches.buf;
    long k;
    for (k = 0; k < s->nstretches; k++, at += 3) if (apply_to_stretch(s, rates, g, at[0], at[1] - at[0], at[2])) return 1;
    return 0;
}

/* The gradient of what is frozen is 0. */
static void clear_frozen(const TrainerObject *s, double *g) {
    const int64_t *at = s->stretches.buf;
    long k;
    for (k = 0; k < s->nstretches; k++, at += 3) if (at[2] < 0) memset(g + at[0], 0, (size_t)(at[1] - at[0]) * sizeof *g);
}

/* Fetch rows that the next minibatch will want from memory, a few dozen kilobytes at most. */
static void fetch_rows(const BoundObject *b, const int64_t *rows, long count) {
#ifdef __GNUC__
    long k, l, at, lines = 0;
    for (k = 0; k < b->narrays; k++) {
        long width = columns(b->arrays + k);
        for (l = 0; l < count && lines < 1024; l++)
            for (at = 0; at < width; at += 8, lines++) __builtin_prefetch((const double *)b->arrays[k].buf + rows[l] * width + at);
    }
#else
    (void)b; (void)rows; (void)count;
#endif
}

/* What a minibatch gives besides its gradient. */
typedef struct { double total, penalty, norm; } Result;

/* The gradient of the minibatch of m rows, followed by so many rows `ahead`: 0 done, 1 irregular, -1 an exception is set. */
static int gradient_of(TrainerObject *s, const int64_t *rows, long m, long ahead, Result *result) {
    double *g = s->grads.buf, seed = 1.0, total = 0.0, penalty = 0.0;
    const double *losses = s->loss->outputs.buf;
    long k, lane;
    memset(g, 0, (size_t)s->n * sizeof *g);
    lane = bound_core(s->loss, 0, m, rows, &seed, 0, 0, 0, NULL);
    if (lane == -2) return -1;
    if (lane != m) return 1;
    fetch_rows(s->loss, rows + m, ahead);
    for (k = 0; k < m; k++) {
        if (!(fabs(losses[k]) <= s->largest_loss)) return 1;
        total = total + losses[k];
    }
    divide(g, s->n, m);
    if (s->penalty) {
        lane = bound_core(s->penalty, 0, 1, NULL, &seed, 0, 0, 0, NULL);
        if (lane == -2) return -1;
        if (lane != 1) return 1;
        penalty = *(const double *)s->penalty->outputs.buf;
    }
    clear_frozen(s, g);
    result->total = total;
    result->penalty = penalty;
    result->norm = norm_of(g, s->place.buf, s->side_by_side, s->n);
    return result->norm < 0.0; /* a component that is not finite, too */
}

/* One update from the minibatch of m rows, followed by so many rows `ahead`: 0 done, 1 irregular and nothing changed, -1 an exception is set. */
static int one_update(TrainerObject *s, const int64_t *rows, long m, long ahead, const double *rates) {
    double *g = s->grads.buf;
    Result result;
    long k;
    int status = gradient_of(s, rows, m, ahead, &result);
    if (status) return status;
    if (s->clip_value >= 0.0 || s->clip_norm >= 0.0) {
        double *clipped = s->fresh + (s->used_buffers + 1) * s->n, limit = s->clip_value;
        memcpy(clipped, g, (size_t)s->n * sizeof *g);
        if (limit >= 0.0)
            for (k = 0; k < s->n; k++) { /* min(max(g, -limit), limit), as Python's */
                double x = -limit > clipped[k] ? -limit : clipped[k];
                clipped[k] = limit < x ? limit : x;
            }
        if (s->clip_norm >= 0.0) {
            double length = norm_of(clipped, s->place.buf, s->side_by_side, s->n), scale;
            if (length < 0.0) return 1;
            scale = s->clip_norm / (length + 1e-6);
            if (scale < 1.0) for (k = 0; k < s->n; k++) clipped[k] = clipped[k] * scale;
        }
        g = clipped;
    }
    if (apply_rules(s, rates, g)) return 1;
    if (!all_finite(s->fresh, s->n)) return 1;
    memcpy(s->params.buf, s->fresh, (size_t)s->n * sizeof(double));
    for (k = 0; k < s->used_buffers; k++) memcpy(s->buffers[k].buf, s->fresh + (k + 1) * s->n, (size_t)s->n * sizeof(double));
    s->loss_sum = s->loss_sum + result.total / (double)m * (double)m;
    s->penalty_sum = s->penalty_sum + result.penalty;
    s->norm_sum = s->norm_sum + result.norm;
    s->rate = rates[0];
    s->updates++;
    return 0;
}

/* run(rows, batch, rates): an update for each `batch` of the row numbers, at the rates, one a group, that stand beside it; returns how
 * many were made: fewer than there are rates if the next one has to be done on Values. */
static PyObject *trainer_run(TrainerObject *self, PyObject *args) {
    PyObject *rows_object, *rates_object;
    Py_buffer rows, rates;
    long batch, count, n, k, done = 0;
    int status = 0;
    Watch watch = {.last = seconds()};
    if (!PyArg_ParseTuple(args, "OlO", &rows_object, &batch, &rates_object)) return NULL;
    if (PyObject_GetBuffer(rows_object, &rows, PyBUF_C_CONTIGUOUS) < 0) return NULL;
    if (doubles(rates_object, &rates, 0, "rates") < 0) { PyBuffer_Release(&rows); return NULL; }
    n = (long)rows.len / 8;
    count = (long)rates.len / 8 / self->groups;
    if (rows.itemsize != 8 || batch < 1 || batch * (count - 1) >= n || n > batch * count || self->loss->outputs.len / 8 < batch) {
        PyErr_SetString(PyExc_ValueError, "rows: int64, and one rate for each minibatch of them");
        status = -1;
    }
    while (!status && done < count) {
        long start = done * batch, m = n - start < batch ? n - start : batch, ahead = n - start - m < batch ? n - start - m : batch;
        for (k = start; k < start + m + ahead; k++)
            if (((const int64_t *)rows.buf)[k] < 0 || ((const int64_t *)rows.buf)[k] >= self->loss->lanes) status = -1;
        if (status) { PyErr_SetString(PyExc_IndexError, "a row number is outside the arrays"); break; }
        status = one_update(self, (const int64_t *)rows.buf + start, m, ahead, (const double *)rates.buf + done * self->groups);
        done += status == 0;
        if (!status && interrupted(&watch, self->loss->tape->t->nfwd * m)) status = -1;
    }
    PyBuffer_Release(&rows);
    PyBuffer_Release(&rates);
    return status < 0 ? NULL : PyLong_FromLong(done);
}

/* gradient(rows) -> (sum of the losses, penalty, norm), the gradient in its array; None where it becomes irregular. */
static PyObject *trainer_gradient(TrainerObject *self, PyObject *args) {
    PyObject *rows_object;
    Py_buffer rows;
    Result result;
    long n, k;
    int status = 0;
    if (!PyArg_ParseTuple(args, "O", &rows_object)) return NULL;
    if (PyObject_GetBuffer(rows_object, &rows, PyBUF_C_CONTIGUOUS) < 0) return NULL;
    n = (long)rows.len / 8;
    if (rows.itemsize != 8 || n < 1 || self->loss->outputs.len / 8 < n) {
        PyErr_SetString(PyExc_ValueError, "rows: int64, at most a minibatch of them");
        status = -1;
    }
    for (k = 0; !status && k < n; k++)
        if (((const int64_t *)rows.buf)[k] < 0 || ((const int64_t *)rows.buf)[k] >= self->loss->lanes) {
            PyErr_SetString(PyExc_IndexError, "a row number is outside the arrays");
            status = -1;
        }
    if (!status) status = gradient_of(self, rows.buf, n, 0, &result);
    PyBuffer_Release(&rows);
    if (status < 0) return NULL;
    if (status) Py_RETURN_NONE;
    return Py_BuildValue("ddd", result.total, result.penalty, result.norm);
}

static void trainer_dealloc(TrainerObject *self) {
    long k;
    Py_XDECREF(self->loss);
    Py_XDECREF(self->penalty);
    if (self->params.obj) PyBuffer_Release(&self->params);
    if (self->grads.obj) PyBuffer_Release(&self->grads);
    if (self->place.obj) PyBuffer_Release(&self->place);
    if (self->stretches.obj) PyBuffer_Release(&self->stretches);
    for (k = 0; k < BUFFERS; k++) if (self->buffers[k].obj) PyBuffer_Release(self->buffers + k);
    free(self->fresh);
    for (k = 0; self->rules && k < self->groups; k++) {
        forget_recorded(&self->rules[k].recorded);
        free(self->rules[k].settings);
        Py_XDECREF(self->rules[k].code);
    }
    free(self->rules);
    free(self->side_by_side);
    PyObject_Free(self);
}

static PyMemberDef trainer_members[] = {
    {"loss", T_DOUBLE, offsetof(TrainerObject, loss_sum), 0, "sum of the minibatches' losses, each times its size"},
    {"penalty", T_DOUBLE, offsetof(TrainerObject, penalty_sum), 0, "sum of the penalties"},
    {"norm", T_DOUBLE, offsetof(TrainerObject, norm_sum), 0, "sum of the gradients' norms"},
    {"rate", T_DOUBLE, offsetof(TrainerObject, rate), 0, "the rate of the last update"},
    {"updates", T_LONG, offsetof(TrainerObject, updates), 0, "updates that the optimizer has made"},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef trainer_methods[] = {
    {"run", (PyCFunction)trainer_run, METH_VARARGS, "run(rows, batch, rates) -> how many updates were made"},
    {"gradient", (PyCFunction)trainer_gradient, METH_VARARGS, "gradient(rows) -> (sum of the losses, penalty, norm), or None"},
    {NULL, NULL, 0, NULL},
};

TYPE(Trainer, trainer, "Updates on arrays: a bound tape of the loss, perhaps one of the penalty, and an optimizer's rule.", .tp_members = trainer_members);

/* ((name, settings, missed updates), ...): for each group a rule, which wants no more buffers than there are; a recorded one has its text
 * in the place of the name. */
static int take_rules(TrainerObject *s, PyObject *rules) {
    long k, j;
    s->groups = (long)PyTuple_GET_SIZE(rules);
    if (!(s->rules = calloc((size_t)s->groups + 1, sizeof *s->rules))) { PyErr_NoMemory(); return -1; }
    for (k = 0; k < s->groups; k++) {
        Rule *rule = s->rules + k;
        PyObject *name, *settings;
        long count, fits;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(rules, k), "OO!l", &name, &PyTuple_Type, &settings, &rule->missed)) return -1;
        count = (long)PyTuple_GET_SIZE(settings);
        if (PyBytes_Check(name)) {
            rule->code = name;
            Py_INCREF(name);
            fits = take_recorded(&rule->recorded, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name), s->used_buffers, count) == 0;
        } else {
            for (j = 0; j < (long)(sizeof updates / sizeof *updates); j++)
                if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, updates[j].name) == 0) rule->update = updates + j;
            fits = rule->update && count == rule->update->settings && rule->update->buffers <= s->used_buffers;
        }
        if (!fits) {
            PyErr_Format(PyExc_ValueError, "there is no rule %R of %ld buffers and %ld settings", name, s->used_buffers, count);
            return -1;
        }
        if (!(rule->settings = malloc((size_t)(count + 1) * sizeof(double)))) { PyErr_NoMemory(); return -1; }
        for (j = 0; j < count; j++) rule->settings[j] = PyFloat_AsDouble(PyTuple_GET_ITEM(settings, j));
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

/* trainer(loss, penalty or None, params, grads, place, rules, stretches, buffers, clip_value, clip_norm, largest_loss) */
static PyObject *module_trainer(PyObject *module, PyObject *args) {
    PyObject *loss, *penalty, *params, *grads, *place, *rules, *stretches, *buffers;
    TrainerObject *s;
    double clip_value, clip_norm, largest_loss;
    long k;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOO!OO!ddd", &BoundType, &loss, &penalty, &params, &grads, &place, &PyTuple_Type, &rules,
                          &stretches, &PyTuple_Type, &buffers, &clip_value, &clip_norm, &largest_loss)) return NULL;
    if (!(s = blank(&TrainerType))) return NULL;
    Py_INCREF(loss);
    s->loss = (BoundObject *)loss;
    if (penalty != Py_None) {
        if (!PyObject_TypeCheck(penalty, &BoundType)) { PyErr_SetString(PyExc_TypeError, "penalty: a Bound or None"); goto fail; }
        Py_INCREF(penalty);
        s->penalty = (BoundObject *)penalty;
    }
    s->clip_value = clip_value; s->clip_norm = clip_norm; s->largest_loss = largest_loss;
    if (doubles(params, &s->params, 1, "params") < 0 || doubles(grads, &s->grads, 1, "grads") < 0) goto fail;
    if (PyObject_GetBuffer(place, &s->place, PyBUF_C_CONTIGUOUS) < 0) goto fail;
    if (PyObject_GetBuffer(stretches, &s->stretches, PyBUF_C_CONTIGUOUS) < 0) goto fail;
    s->n = (long)s->place.len / 8;
    s->nstretches = (long)s->stretches.len / 24;
    for (k = 0; k < PyTuple_GET_SIZE(buffers) && k < BUFFERS; k++) {
        if (doubles(PyTuple_GET_ITEM(buffers, k), s->buffers + k, 1, "a buffer") < 0) goto fail;
        if (s->buffers[k].len / 8 != s->n) { PyErr_SetString(PyExc_ValueError, "a buffer of another length"); goto fail; }
        s->used_buffers++;
    }
    if (take_rules(s, rules) < 0) goto fail;
    if (PyTuple_GET_SIZE(buffers) > BUFFERS || s->groups < 1 || s->stretches.itemsize != 8 || s->params.len / 8 < s->n || s->grads.len / 8 < s->n ||
        s->place.itemsize != 8 || !s->loss->has_outputs || !s->loss->has_totals || s->loss->totals.buf != s->grads.buf ||
        s->loss->tape->t->outputs != 1 || (s->penalty && (!s->penalty->has_outputs || s->penalty->totals.buf != s->grads.buf))) {
        PyErr_SetString(PyExc_ValueError, "these parts do not make a trainer");
        goto fail;
    }
    for (k = 0; k < s->n; k++) {
        int64_t at = ((const int64_t *)s->place.buf)[k];
        if (at < 0 || at >= s->n) { PyErr_SetString(PyExc_IndexError, "place"); goto fail; }
    }
    for (k = 0; k < s->nstretches; k++) {
        const int64_t *at = (const int64_t *)s->stretches.buf + 3 * k;
        if (at[0] != (k ? at[-2] : 0) || at[1] < at[0] || at[1] > s->n || at[2] < -1 || at[2] >= s->groups || (k == s->nstretches - 1 && at[1] != s->n)) {
            PyErr_SetString(PyExc_IndexError, "stretches");
            goto fail;
        }
    }
    if (!s->nstretches) { PyErr_SetString(PyExc_IndexError, "stretches"); goto fail; }
    s->fresh = malloc((size_t)(s->n ? s->n : 1) * (size_t)(s->used_buffers + 2) * sizeof(double));
    s->side_by_side = malloc((size_t)(s->n / LANES_OF_NORM + 1));
    if (!s->fresh || !s->side_by_side) { PyErr_NoMemory(); goto fail; }
    for (k = 0; k < s->n / LANES_OF_NORM; k++) {
        const int64_t *at = (const int64_t *)s->place.buf + k * LANES_OF_NORM;
        long r;
        s->side_by_side[k] = 1;
        for (r = 1; r < LANES_OF_NORM; r++) if (at[r] != at[0] + r) s->side_by_side[k] = 0;
    }
    return (PyObject *)s;
fail:
    trainer_dealloc(s);
    return NULL;
}

/* permutation(n, seed): 0 .. n - 1 shuffled, as little-endian int64 bytes; Fisher and Yates with splitmix64. */
static PyObject *module_permutation(PyObject *module, PyObject *args) {
    long n, i;
    unsigned long long state;
    PyObject *bytes;
    int64_t *v;
    (void)module;
    if (!PyArg_ParseTuple(args, "lK", &n, &state)) return NULL;
    if (n < 0) { PyErr_SetString(PyExc_ValueError, "n is negative"); return NULL; }
    if (!(bytes = PyByteArray_FromStringAndSize(NULL, n * 8))) return NULL;
    v = (int64_t *)PyByteArray_AS_STRING(bytes);
    for (i = 0; i < n; i++) v[i] = i;
    for (i = n - 1; i > 0; i--) {
        uint64_t z = (state += 0x9e3779b97f4a7c15ull), j;
        int64_t kept;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        z ^= z >> 31;
        j = ((z >> 32) * (uint64_t)(i + 1)) >> 32; /* n below 2^32 */
        kept = v[i]; v[i] = v[j]; v[j] = kept;
    }
    return bytes;
}

/* The next entry of a dictionary whose key is not hidden: 0 at its end. */
static int next_shown(PyObject *dict, Py_ssize_t *at, PyObject *hidden, PyObject **key, PyObject **value) {
    while (PyDict_Next(dict, at, key, value)) {
        int is_hidden = hidden == Py_None ? 0 : PySet_Contains(hidden, *key);
        if (is_hidden <= 0) return is_hidden < 0 ? -1 : 1;
    }
    return 0;
}

/* Do two containers hold the very same objects in the same order? -1: an exception is set. */
static int are_alike(PyObject *thing, PyObject *copy, PyObject *hidden) {
    Py_ssize_t i = 0, j = 0;
    PyObject *key, *value, *other_key, *other;
    int more;
    if (PyList_CheckExact(thing) && PyList_CheckExact(copy)) {
        Py_ssize_t n = PyList_GET_SIZE(thing);
        return n == PyList_GET_SIZE(copy) &&
            (n == 0 || memcmp(((PyListObject *)thing)->ob_item, ((PyListObject *)copy)->ob_item, (size_t)n * sizeof(PyObject *)) == 0);
    }
    if (!PyDict_CheckExact(thing) || !PyDict_CheckExact(copy)) return 0;
    if (hidden == Py_None && PyDict_GET_SIZE(thing) != PyDict_GET_SIZE(copy)) return 0;
    while ((more = next_shown(thing, &i, hidden, &key, &value)) > 0)
        if (!PyDict_Next(copy, &j, &other_key, &other) || key != other_key || value != other) return 0;
    return more < 0 ? -1 : !PyDict_Next(copy, &j, &other_key, &other);
}

/* alike(things, copies, hidden): does each list and dictionary hold the very objects that its copy holds, in that order? `hidden` has, for
 * each dictionary, the set of keys to pass over, or None. */
static PyObject *module_alike(PyObject *module, PyObject *args) {
    PyObject *things, *copies, *hidden;
    Py_ssize_t k;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyList_Type, &things, &PyList_Type, &copies, &PyList_Type, &hidden)) return NULL;
    if (PyList_GET_SIZE(things) != PyList_GET_SIZE(copies) || PyList_GET_SIZE(things) != PyList_GET_SIZE(hidden)) Py_RETURN_FALSE;
    for (k = 0; k < PyList_GET_SIZE(things); k++) {
        int same = are_alike(PyList_GET_ITEM(things, k), PyList_GET_ITEM(copies, k), PyList_GET_ITEM(hidden, k));
        if (same < 0) return NULL;
        if (!same) Py_RETURN_FALSE;
    }
    Py_RETURN_TRUE;
}
