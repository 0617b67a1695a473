/* The compiled side of Programs: compile a recorded graph to a tape, replay it over lanes.
 *
 * A tape is immutable and may be run by several threads at once; each run works in a space of its own.  A run stops at
 * the first lane that it cannot vouch for (a guard left, a domain error, a number that is not finite): the caller
 * evaluates that lane eagerly and goes on behind it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if !defined(_WIN32) && !defined(__APPLE__) /* neither has pthread barriers */
#include <pthread.h>
#define HAVE_THREADS 1
#endif

#include "operations.h"

#include "compile.h"

typedef struct { /* what one thread works in */
    long L, room;                /* lanes side by side in the present block; at most so many */
    double *val, *adj;           /* value and adjoint of index i: [(i - nu) * L], or [i] in a one-lane tape */
    double *own_val, *own_adj;   /* where these are, but for a one-lane tape that works in its caller's arrays */
    double *block;               /* the memory of both, and of what follows */
    const double *uni;
    double *poison, *scratch, *transposed, *kept, *gt, *xt;
    const double **pointers;
    uint8_t *first, *silent;     /* silent: of a contribution to a parameter, whether it does not come in this block */
    PyObject *callables;
    size_t bytes;
    long good;                   /* lanes of the present block that are good, counted from its first */
    long lane, count;
    int prepared;                /* is what no lane changes computed? */
    int partials;                /* are partials of the operations that Python computes wanted? */
} Workspace;

static double call_forward(Workspace *sp, const int32_t *ax, long nu, double *y, long L);
static void call_backward(Workspace *sp, const int32_t *ax, long nu, const double *g, long L);

#if defined(__x86_64__) && defined(__GNUC__) /* clang says so, too */
#define HAVE_X86 1
#include <immintrin.h>
#endif

#include "exp.h"
#include "power.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define K(name) PASTE(name, BUILD)
#ifdef __GNUC__
#define APART __attribute__((noinline))
#else
#define APART
#endif

#if defined(HAVE_X86) && !defined(ONE_BUILD) /* which tests/sanitize.py defines: a sanitizer takes minutes for each build */
#define X86_BUILDS 1
#endif

#define BUILD _base
#if defined(ONE_BUILD) && defined(__AVX2__)
#define VL 4
#else
#define VL 2
#endif
#include "kernel.h"
#undef BUILD
#undef VL

#ifdef X86_BUILDS
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define BUILD _avx2
#define VL 4
#include "kernel.h"
#undef BUILD
#undef VL
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,prefer-vector-width=512")
#endif
#define BUILD _avx512
#define VL 8
#include "kernel.h"
#undef BUILD
#undef VL
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

typedef struct {
    const char *name;
    void (*forward)(const Tape *, Workspace *, long, long);
    long (*backward)(const Tape *, Workspace *, long, long);
    void (*forward_one)(const Tape *, Workspace *, long, long);
    long (*backward_one)(const Tape *, Workspace *, long, long);
    void (*layer_outer)(double *, long, long, const double *, const double *const *, long, long, long);
    void (*bias_sum)(double *, long, const double *, long, long, long);
    void (*turn)(const double *const *, long, long, double *, long);
} InstructionSet;

#define BUILD_ROW(s) {#s, forward_##s, backward_##s, forward_one_##s, backward_one_##s, layer_outer_##s, bias_sum_##s, turn_##s}
static const InstructionSet builds[] = {
    BUILD_ROW(base),
#ifdef X86_BUILDS
    BUILD_ROW(avx2), BUILD_ROW(avx512),
#endif
};

/* Take the short way of powers where it gives what the library's pow gives, for numbers of all sizes. */
static void choose_powers(void) {
#ifdef __GLIBC__
    static const double exponents[] = {2.0, 3.0, -1.0, -2.0, 0.5};
    double x[POWERS], y[POWERS];
    uint64_t state = 1;
    long k, l, round;
    for (round = 0; round < 32; round++)
        for (k = 0; k < 5; k++) {
            for (l = 0; l < POWERS; l++) {
                state = state * 6364136223846793005ull + 1442695040888963407ull;
                x[l] = ldexp((double)(state >> 11) * 0x1p-53 + 0.5, (int)(state % 131) - 66) * (exponents[k] == 0.5 || state >> 63 ? 1.0 : -1.0);
            }
            power_base(x, exponents[k], y, POWERS);
            for (l = 0; l < POWERS; l++) if (y[l] != pow(x[l], exponents[k])) return;
        }
    for (l = 0; l < POWERS; l++) if (pow(x[l], 1.0) != x[l]) return;
    powers_agree = 1;
#endif
}

static int build_runs(long k) {
#ifdef X86_BUILDS
    if (k == 1) return __builtin_cpu_supports("avx2");
    if (k == 2) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    return k == 0;
}

/* AVX2 where it runs: 512-bit vectors were 0.5 to 1 times as fast on layers of 16 to 64 (two 256-bit halves on Zen 4, and
 * short rows fill them badly). */
static const InstructionSet *best_build(void) { return builds + (build_runs(1) ? 1 : 0); }

/* --- Python objects --- */

enum { POOL = 4, MAX_THREADS = 64 };
enum { SHORT = 4096 };           /* a one-lane tape of so few numbers is done before another thread could take the GIL */

typedef struct {
    PyObject_HEAD
    Tape *t;
    PyObject *callables;         /* a list of (value, partials, selecting) of the operations that Python computes */
    Workspace *pool[POOL];
} TapeObject;

typedef struct {
    PyObject_HEAD
    TapeObject *tape;
    const InstructionSet *build;
    long block, threads, narrays, lanes;
    Py_buffer params, outputs, totals, *arrays, *igrads; /* arrays and igrads: one for each argument, in one block */
    int has_outputs, has_totals, nigrads;
    long seeds;                  /* reverse passes for each lane: gradients are (seeds, lanes, columns), seeds (seeds, lanes, outputs) */
    double *kept;                /* each lane's values while the steps of a loop run, (lanes, nu + slots); or NULL */
    int replays;                 /* are they there already? */
    int in_place;                   /* constants follow the parameters, in a one-lane tape its slots too: nothing is copied */
} BoundObject;

static long round_up(long n, long m) { return (n + m - 1) / m * m; }

static void space_free(Workspace *sp) {
    if (!sp) return;
    free(sp->block); free(sp->pointers); free(sp->first); free(sp->silent);
    free(sp);
}

static long widest(const Tape *t, long *operands) { /* the largest J * K and I * K that a matrix's own sum may need */
    long k, rows = 1, all = 1;
    *operands = 1;
    for (k = 0; k < t->nmatrices; k++) {
        const Matrix *m = t->matrices + k;
        if (m->J * (long)(m->uses ? m->uses : 1) > rows) rows = m->J * (long)(m->uses ? m->uses : 1);
        if (m->I * (long)(m->uses ? m->uses : 1) > *operands) *operands = m->I * (long)(m->uses ? m->uses : 1);
    }
    for (k = 0; k < t->nfwd; k++)
        if (t->fwd[k].code == OPX_LAYER * 4 && t->aux.v[t->fwd[k].a + 1] > all) all = t->aux.v[t->fwd[k].a + 1];
    return rows > all ? rows : all;
}

static long longest_uses(const Tape *t) {
    long k, most = 1;
    for (k = 0; k < t->nmatrices; k++) if (t->matrices[k].uses > most) most = t->matrices[k].uses;
    return most;
}

/* Under AddressSanitizer the parts of a space stand apart, and what lies between them is not to be touched. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GAP 8
#define FENCE(at) ASAN_POISON_MEMORY_REGION((at) - GAP, GAP * sizeof(double))
#else
#define GAP 0
#define FENCE(at) ((void)(at))
#endif

static Workspace *space_new(const Tape *t, long L) {
    Workspace *sp = calloc(1, sizeof *sp);
    long operands, rows = widest(t, &operands), per = t->lanes ? 0 : t->nu, values, adjoints, scratch, pointers;
    if (!sp) return NULL;
    values = round_up(per + t->slots * L, 8);
    adjoints = round_up(per + t->adjoints * L, 8);
    scratch = round_up(2 * (rows > operands ? rows : operands) + L, 8);
    pointers = (rows > operands ? rows : operands) + L * longest_uses(t) + 8;
    sp->L = sp->room = L;
    sp->bytes = (size_t)(values + adjoints + L + scratch + (t->lanes ? (rows + operands) * L + 32 : t->transposed_size + t->nu) + 64 + 6 * GAP) * 8;
    sp->block = malloc(sp->bytes + 64);
    sp->pointers = malloc((size_t)pointers * sizeof(void *));
    sp->first = malloc((size_t)pointers);
    sp->silent = calloc((size_t)(t->adjoints - t->slots) + 1, 1);
    if (!sp->block || !sp->pointers || !sp->first || !sp->silent) { space_free(sp); return NULL; }
    sp->val = (double *)(((uintptr_t)sp->block + 63) & ~(uintptr_t)63);
    sp->adj = sp->val + values + GAP;
    sp->own_val = sp->val; sp->own_adj = sp->adj;
    sp->poison = sp->adj + adjoints + GAP;
    sp->scratch = sp->poison + L + GAP;
    sp->transposed = sp->gt = sp->scratch + scratch + GAP;
    sp->kept = sp->transposed + t->transposed_size + GAP;
    sp->xt = sp->gt + round_up(rows * L, 8) + GAP;
    FENCE(sp->adj); FENCE(sp->poison); FENCE(sp->scratch); FENCE(sp->transposed);
    if (t->lanes) FENCE(sp->xt);
    else FENCE(sp->kept);
    return sp;
}

static Workspace *take_space(TapeObject *self, long L) { /* with the GIL held */
    int k;
    for (k = 0; k < POOL; k++)
        if (self->pool[k] && self->pool[k]->room == L) {
            Workspace *sp = self->pool[k];
            self->pool[k] = NULL;
            sp->L = L;
            return sp;
        }
    return space_new(self->t, L);
}

static void give_space(TapeObject *self, Workspace *sp) {
    int k;
    for (k = 0; k < POOL; k++) if (!self->pool[k]) { self->pool[k] = sp; return; }
    space_free(self->pool[0]);
    self->pool[0] = sp;
}

static void *blank(PyTypeObject *type) { /* a new object, all of it 0 */
    PyObject *made = PyObject_New(PyObject, type);
    if (made) memset((char *)made + sizeof(PyObject), 0, (size_t)type->tp_basicsize - sizeof(PyObject));
    return made;
}

#define TYPE(Name, name, doc, ...) static PyTypeObject Name##Type = { \
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "autograd_core.programs._tape." #Name, \
    .tp_basicsize = sizeof(Name##Object), .tp_dealloc = (destructor)name##_dealloc, .tp_flags = Py_TPFLAGS_DEFAULT, \
    .tp_methods = name##_methods, .tp_doc = doc, __VA_ARGS__ }

#include "run.h"

/* Run lanes: returns stop; or the first lane that has to be done eagerly (those before it are done); or -1: a sum is not
 * finite (if it is to `check`); or -2: an exception is set. */
static long bound_core(BoundObject *self, long start, long stop, const int64_t *rows, const double *seeds, long seed_lane, long seed_output, int check, uint8_t *fits) {
    Run run = {0};
    Workspace *spaces[MAX_THREADS] = {0};
    const Tape *t = self->tape->t;
    Watch watch = {0};
    double *uniforms = NULL;
    int called = PyList_GET_SIZE(self->tape->callables) > 0;
    long lane = -2, k, L = !t->lanes ? 1 : self->block ? self->block : block_for(t, stop - start, self->has_totals), threads = self->threads;
    if (threads > (stop - start + L - 1) / L) threads = (stop - start + L - 1) / L;
    if (threads < 1 || !t->lanes || called) threads = 1;
    run = (Run){t, self->build, self, rows, seeds, seed_lane, seed_output, start, stop, spaces, 0, fits};
    for (; run.nspaces < threads; run.nspaces++) {
        Workspace *sp = spaces[run.nspaces] = take_space(self->tape, L);
        if (!sp) { PyErr_NoMemory(); goto done; }
        sp->callables = self->tape->callables;
        sp->prepared = 0;
        sp->partials = self->has_totals;
        sp->uni = self->params.buf;
    }
    if (t->lanes && t->nconsts && !self->in_place) { /* parameters and constants side by side */
        if (!(uniforms = malloc((size_t)t->nu * sizeof(double)))) { PyErr_NoMemory(); goto done; }
        memcpy(uniforms, self->params.buf, (size_t)t->params * sizeof(double));
        memcpy(uniforms + t->params, t->consts, (size_t)t->nconsts * sizeof(double));
        for (k = 0; k < threads; k++) spaces[k]->uni = uniforms;
    }
    if (!called && (t->lanes || t->slots + t->aux.n > SHORT)) watch.state = PyEval_SaveThread();
#ifdef HAVE_THREADS
    lane = threads > 1 ? run_together(&run, &watch) : run_alone(&run, &watch);
#else
    lane = run_alone(&run, &watch);
#endif
    if (watch.state) PyEval_RestoreThread(watch.state);
    if (watch.stopped || (called && PyErr_Occurred())) lane = -2;
    else if (self->has_totals && check && !all_finite(self->totals.buf, t->params)) lane = -1;
done:
    for (k = 0; k < run.nspaces; k++) give_space(self->tape, spaces[k]);
    free(uniforms);
    return lane;
}

static int doubles(PyObject *source, Py_buffer *view, int writable, const char *what) {
    if (PyObject_GetBuffer(source, view, PyBUF_FORMAT | PyBUF_ND | PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0)) < 0) return -1;
    if (view->itemsize == 8 && view->format && strcmp(view->format, "d") == 0 && view->ndim <= 2) return 0;
    PyBuffer_Release(view);
    PyErr_Format(PyExc_TypeError, "%s: a C-contiguous float64 array of at most two dimensions is needed", what);
    return -1;
}

/* run(start, stop, rows, seeds): rows None or int64 numbers of rows, seeds a float, a float64 array, or None: 1 at output s. */
static PyObject *bound_run(BoundObject *self, PyObject *const *args, Py_ssize_t nargs) {
    Py_buffer rows = {0}, seeds = {0};
    const Tape *t = self->tape->t;
    double seed = 1.0;
    int has_rows, one_hot, array_seeds;
    long start, stop, lane = -2, k;
    if (nargs != 4) { PyErr_SetString(PyExc_TypeError, "run(start, stop, rows, seeds)"); return NULL; }
    start = PyLong_AsLong(args[0]);
    stop = PyLong_AsLong(args[1]);
    has_rows = args[2] != Py_None;
    one_hot = args[3] == Py_None;
    array_seeds = !one_hot && !PyFloat_Check(args[3]);
    if (PyErr_Occurred()) return NULL;
    if (has_rows && PyObject_GetBuffer(args[2], &rows, PyBUF_C_CONTIGUOUS) < 0) return NULL;
    if (array_seeds && PyObject_GetBuffer(args[3], &seeds, PyBUF_C_CONTIGUOUS) < 0) { if (has_rows) PyBuffer_Release(&rows); return NULL; }
    if (!array_seeds && !one_hot) seed = PyFloat_AS_DOUBLE(args[3]);
    if (has_rows && (rows.itemsize != 8 || rows.len / 8 < stop)) PyErr_SetString(PyExc_ValueError, "rows: int64, one for each lane");
    else if (start < 0 || stop < start || (!has_rows && stop > self->lanes)) PyErr_SetString(PyExc_ValueError, "no such lanes");
    else if (self->has_outputs && self->outputs.len / 8 < stop * t->outputs) PyErr_SetString(PyExc_ValueError, "outputs: too few rows");
    else if (self->seeds > 1 && !one_hot && (!array_seeds || seeds.len / 8 < self->seeds * self->lanes * t->outputs)) PyErr_SetString(PyExc_ValueError, "seeds: (seeds, lanes, outputs)");
    else if (array_seeds && seeds.len / 8 < stop * t->outputs) PyErr_SetString(PyExc_ValueError, "seeds: one for each lane and output");
    for (k = start; has_rows && !PyErr_Occurred() && k < stop; k++) {
        int64_t row = ((const int64_t *)rows.buf)[k];
        if (row < 0 || row >= self->lanes) PyErr_SetString(PyExc_IndexError, "a row number is outside the arrays");
    }
    if (!PyErr_Occurred())
        lane = bound_core(self, start, stop, has_rows ? rows.buf : NULL, one_hot ? NULL : array_seeds ? seeds.buf : &seed,
                          array_seeds ? t->outputs : 0, array_seeds ? 1 : 0, 1, NULL);
    if (has_rows) PyBuffer_Release(&rows);
    if (array_seeds) PyBuffer_Release(&seeds);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(lane);
}

/* fits() -> bytes: for each lane of the arrays FITS, LEAVES_A_GUARD or NOT_FINITE. */
static PyObject *bound_fits(BoundObject *self, PyObject *unused) {
    PyObject *found;
    (void)unused;
    if (self->has_totals) { PyErr_SetString(PyExc_ValueError, "fits() is asked without totals"); return NULL; }
    if (!(found = PyBytes_FromStringAndSize(NULL, self->narrays ? self->lanes : 1))) return NULL;
    bound_core(self, 0, PyBytes_GET_SIZE(found), NULL, NULL, 0, 0, 0, (uint8_t *)PyBytes_AS_STRING(found));
    if (PyErr_Occurred()) Py_CLEAR(found);
    return found;
}

#include "steps.h"

static void bound_dealloc(BoundObject *self) {
    long k;
    PyBuffer_Release(&self->params);
    if (self->has_outputs) PyBuffer_Release(&self->outputs);
    if (self->has_totals) PyBuffer_Release(&self->totals);
    for (k = 0; k < self->narrays; k++) PyBuffer_Release(self->arrays + k);
    for (k = 0; k < self->nigrads; k++) PyBuffer_Release(self->igrads + k);
    free(self->arrays);
    Py_XDECREF(self->tape);
    PyObject_Free(self);
}

static PyMethodDef bound_methods[] = {
    {"run", (PyCFunction)(void (*)(void))bound_run, METH_FASTCALL, "run(start, stop, rows, seeds) -> the lane it stopped at"},
    {"steps", (PyCFunction)(void (*)(void))bound_steps, METH_FASTCALL, "steps(carry, passed_on, init, gradients, kept) -> how many were done"},
    {"fits", (PyCFunction)bound_fits, METH_NOARGS, "fits() -> for each lane whether the recording serves it"},
    {NULL, NULL, 0, NULL},
};

TYPE(Bound, bound, "A tape with the arrays that it reads and writes.", .tp_itemsize = 0);

/* bind(params, arrays, outputs, totals, input_gradients, block, threads, build, in_place)
 *
 * An input's gradients are float64 of shape (lanes, columns) or (passes, lanes, columns), contiguous along the columns.
 * in_place: `params` and `totals` go on behind the parameters, far enough for what the tape puts there (`room`
 * tells), and nobody else uses that part while the tape runs. */
static PyObject *tape_bind(TapeObject *self, PyObject *args) {
    PyObject *params, *arrays, *outputs, *totals, *igrads;
    const char *build;
    const Tape *t = self->t;
    long block, threads, k, cols = 0;
    int in_place = 0;
    BoundObject *b;
    if (!PyArg_ParseTuple(args, "OO!OOOlls|p", &params, &PyTuple_Type, &arrays, &outputs, &totals, &igrads, &block, &threads, &build, &in_place)) return NULL;
    if (block < 0 || block % 8 || threads < 1 || threads > MAX_THREADS) {
        PyErr_Format(PyExc_ValueError, "block: a multiple of 8 (0 chooses one); threads: 1 to %d", MAX_THREADS);
        return NULL;
    }
    if (!(b = blank(&BoundType))) return NULL;
    Py_INCREF(self);
    b->tape = self; b->block = block; b->threads = threads; b->build = NULL;
    if (!*build) b->build = best_build();
    for (k = 0; k < (long)(sizeof builds / sizeof *builds); k++)
        if (strcmp(build, builds[k].name) == 0 && build_runs(k)) b->build = builds + k;
    if (!b->build) { PyErr_Format(PyExc_ValueError, "this machine has no build named '%s'", build); goto fail; }
    b->in_place = in_place;
    if (doubles(params, &b->params, in_place, "params") < 0) goto fail;
    if (b->params.len / 8 < (!in_place ? t->params : t->lanes ? t->nu : t->nu + t->slots)) { PyErr_SetString(PyExc_ValueError, "params: too short"); goto fail; }
    if (!(b->arrays = calloc(2 * (size_t)PyTuple_GET_SIZE(arrays) + 1, sizeof *b->arrays))) { PyErr_NoMemory(); goto fail; }
    b->igrads = b->arrays + PyTuple_GET_SIZE(arrays);
    for (k = 0; k < PyTuple_GET_SIZE(arrays); k++) {
        if (doubles(PyTuple_GET_ITEM(arrays, k), b->arrays + k, 0, "an input") < 0) goto fail;
        b->narrays++;
        cols += columns(b->arrays + k);
        if (k && b->arrays[k].shape[0] != b->arrays[0].shape[0]) { PyErr_SetString(PyExc_ValueError, "the inputs have different numbers of rows"); goto fail; }
    }
    b->lanes = b->narrays ? (long)b->arrays[0].shape[0] : 1L << 40;
    if (cols != self->t->inputs) { PyErr_SetString(PyExc_ValueError, "the inputs have other columns than the program's examples"); goto fail; }
    if (outputs != Py_None) { if (doubles(outputs, &b->outputs, 1, "outputs") < 0) goto fail; b->has_outputs = 1; }
    if (totals != Py_None) {
        if (doubles(totals, &b->totals, 1, "totals") < 0) goto fail;
        b->has_totals = 1;
        if (b->totals.len / 8 < (in_place && !t->lanes ? t->nu + t->adjoints : t->params)) { PyErr_SetString(PyExc_ValueError, "totals: too short"); goto fail; }
    }
    if (igrads != Py_None) {
        if (!PyTuple_Check(igrads) || PyTuple_GET_SIZE(igrads) != b->narrays || !b->has_totals) { PyErr_SetString(PyExc_ValueError, "input gradients: one array for each input, and totals"); goto fail; }
        for (k = 0; k < b->narrays; k++) {
            Py_buffer *own;
            long seeds;
            b->nigrads++;
            if (PyTuple_GET_ITEM(igrads, k) == Py_None) continue;
            own = b->igrads + k;
            if (PyObject_GetBuffer(PyTuple_GET_ITEM(igrads, k), own, PyBUF_RECORDS) < 0) goto fail;
            seeds = own->ndim == 3 ? (long)own->shape[0] : 1;
            if (b->seeds == 0) b->seeds = seeds;
            if (own->ndim < 2 || own->ndim > 3 || own->itemsize != 8 || strcmp(own->format, "d") != 0 || seeds < 1 || seeds != b->seeds ||
                (own->strides[0] | own->strides[own->ndim - 2]) % 8 ||
                own->shape[own->ndim - 2] != b->arrays[k].shape[0] || own->shape[own->ndim - 1] != columns(b->arrays + k) ||
                (own->shape[own->ndim - 1] > 1 && own->strides[own->ndim - 1] != 8)) {
                PyErr_SetString(PyExc_ValueError, "an input gradient has another shape than its input");
                goto fail;
            }
        }
    }
    if (b->seeds == 0) b->seeds = 1;
    if (in_place && t->nconsts) memcpy((double *)b->params.buf + t->params, t->consts, (size_t)t->nconsts * sizeof(double));
    return (PyObject *)b;
fail:
    bound_dealloc(b);
    return NULL;
}

static PyObject *tape_stats(TapeObject *self, PyObject *unused) {
    const Tape *t = self->t;
    size_t bytes = (size_t)(t->nfwd + (t->bwd == t->fwd ? 0 : t->nbwd)) * sizeof(Ins) + (size_t)t->nrev * sizeof(Rev) + (size_t)t->aux.n * 4 + (size_t)t->nconsts * 8 +
                   (size_t)t->params * 4 + (size_t)t->nscalars * sizeof(Scalar) + (size_t)t->scalar_uses.n * 4;
    long L = t->lanes ? block_for(t, 0, 1) : 1;
    (void)unused;
    return Py_BuildValue("{s:l,s:l,s:l,s:l,s:l,s:l,s:n,s:l,s:n}", "nodes", t->live, "slots", t->slots,
                         "instructions", t->nfwd, "dots", t->dots, "layers", t->layers, "shared", t->shared,
                         "bytes", (Py_ssize_t)bytes, "block", L, "block_bytes", (Py_ssize_t)((t->slots + t->adjoints) * L * 8));
}

static PyObject *tape_order(TapeObject *self, void *closure) {
    long k;
    PyObject *list = PyList_New(self->t->params);
    (void)closure;
    for (k = 0; list && k < self->t->params; k++) PyList_SET_ITEM(list, k, PyLong_FromLong(self->t->order[k]));
    return list;
}

static void tape_dealloc(TapeObject *self) {
    int k;
    for (k = 0; k < POOL; k++) space_free(self->pool[k]);
    tape_free(self->t);
    Py_XDECREF(self->callables);
    PyObject_Free(self);
}

static PyMethodDef tape_methods[] = {
    {"bind", (PyCFunction)tape_bind, METH_VARARGS, "bind(params, arrays, outputs, totals, input_gradients, block, threads, build, in_place) -> Bound"},
    {"stats", (PyCFunction)tape_stats, METH_NOARGS, "stats() -> dict"},
    {NULL, NULL, 0, NULL},
};

static PyObject *tape_room(TapeObject *self, void *closure) {
    const Tape *t = self->t;
    (void)closure;
    return Py_BuildValue("ll", t->lanes ? t->nu : t->nu + t->slots, t->lanes ? t->params : t->nu + t->adjoints);
}

static PyGetSetDef tape_getset[] = {
    {"room", (getter)tape_room, NULL, "how long `params` and `totals` have to be for a in_place `bind`", NULL},
    {"order", (getter)tape_order, NULL, "for each place in the tape's parameters, the place in the caller's list", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

TYPE(Tape, tape, "A compiled graph; immutable.", .tp_getset = tape_getset);

static int take(PyObject *source, void **to, size_t item, long *count) {
    Py_buffer view;
    if (PyObject_GetBuffer(source, &view, PyBUF_C_CONTIGUOUS) < 0) return -1;
    *to = malloc((size_t)view.len + item);
    if (*to) memcpy(*to, view.buf, (size_t)view.len);
    *count = (long)((size_t)view.len / item);
    PyBuffer_Release(&view);
    if (!*to) PyErr_NoMemory();
    return *to ? 0 : -1;
}

static int graph_is_sound(const Graph *g, long ncallables) {
    long i, e;
    for (i = 0; i < g->n; i++) {
        if (g->start[i] > g->start[i + 1] || g->kind[i] > KIND_INPUT || g->op[i] < 0 || g->op[i] > 255) return 0;
        if (g->kind[i] == KIND_PARAM && (g->ref[i] < 0 || g->ref[i] >= g->nparams)) return 0;
        if (g->kind[i] == KIND_INPUT && (g->ref[i] < 0 || g->ref[i] >= g->ninputs)) return 0;
        for (e = g->start[i]; e < g->start[i + 1]; e++) if (g->par[e] < 0 || g->par[e] >= i) return 0;
        if (g->kind[i] == KIND_OP) {
            long n = g->start[i + 1] - g->start[i];
            int op = g->op[i], called = ad_called(op);
            if (called ? g->ref[i] < 0 || g->ref[i] >= ncallables : op == OP_DOT ? n < 2 : ad_reduces(op) ? n < 1 || g->ref[i] < 0 || g->ref[i] >= n : n != ad_arity(op)) return 0;
            if (!called && ad_arity(op) == 0 && op != OP_DOT && !ad_reduces(op)) return 0;
        }
    }
    for (i = 0; i < g->nouts; i++) if (g->outs[i] < 0 || g->outs[i] >= g->n) return 0;
    for (i = 0; i < 4 * g->nguards; i += 4) if (g->guards[i] < 0 || g->guards[i] >= g->n || g->guards[i + 1] < 0 || g->guards[i + 1] >= g->n) return 0;
    return 1;
}

/* compile(op, start, parents, kind, value, ref, outputs, guards, nsweep, nparams, ninputs, lanes, want_params, wanted, callables) */
static PyObject *module_compile(PyObject *module, PyObject *args) {
    PyObject *op, *start, *par, *kind, *value, *ref, *outs, *guards, *callables;
    Graph g = {0};
    long n[8];
    int lanes;
    Py_ssize_t nwanted;
    TapeObject *self = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOOOOlllppy#O!", &op, &start, &par, &kind, &value, &ref, &outs, &guards, &g.nsweep, &g.nparams,
                          &g.ninputs, &lanes, &g.want_params, &g.wanted, &nwanted, &PyList_Type, &callables)) return NULL;
    if (take(op, (void **)&g.op, 4, n) < 0 || take(start, (void **)&g.start, 4, n + 1) < 0 || take(par, (void **)&g.par, 4, n + 2) < 0 ||
        take(kind, (void **)&g.kind, 1, n + 3) < 0 || take(value, (void **)&g.value, 8, n + 4) < 0 || take(ref, (void **)&g.ref, 4, n + 5) < 0 ||
        take(outs, (void **)&g.outs, 4, n + 6) < 0 || take(guards, (void **)&g.guards, 4, n + 7) < 0) goto done;
    g.n = n[0]; g.nedges = n[2]; g.nouts = n[6]; g.nguards = n[7] / 4;
    if (n[1] != g.n + 1 || n[3] != g.n || n[4] != g.n || n[5] != g.n || !g.nouts || nwanted != g.ninputs || g.start[0] != 0 || g.start[g.n] != g.nedges ||
        !graph_is_sound(&g, PyList_GET_SIZE(callables))) {
        PyErr_SetString(PyExc_ValueError, "these arrays are no graph");
        goto done;
    }
    if (!(self = blank(&TapeType))) goto done;
    Py_INCREF(callables);
    self->callables = callables;
    Py_BEGIN_ALLOW_THREADS
    self->t = tape_compile(&g, lanes);
    Py_END_ALLOW_THREADS
    if (!self->t) { PyErr_NoMemory(); Py_CLEAR(self); }
done:
    graph_free(&g);
    return (PyObject *)self;
}

static PyObject *module_builds(PyObject *module, PyObject *unused) {
    PyObject *list = PyList_New(0);
    long k;
    (void)module; (void)unused;
    for (k = 0; list && k < (long)(sizeof builds / sizeof *builds); k++) {
        PyObject *name = build_runs(k) ? PyUnicode_FromString(builds[k].name) : NULL;
        if (name) { PyList_Append(list, name); Py_DECREF(name); }
    }
    return list;
}

#include "row.h"
#include "train.h"
#include "draws.h"

static PyMethodDef module_methods[] = {
    {"compile", module_compile, METH_VARARGS, "compile(graph arrays...) -> Tape"},
    {"builds", module_builds, METH_NOARGS, "the instruction sets that this machine can run, the best last"},
    {"row", module_row, METH_VARARGS, "row(bound, rows, parameters, reader, values, gradients, sums, ordered, order, array) -> Row"},
    {"trainer", module_trainer, METH_VARARGS, "trainer(loss, penalty, params, grads, place, rules, stretches, buffers, clips) -> Trainer"},
    {"permutation", module_permutation, METH_VARARGS, "permutation(n, seed) -> bytearray of int64"},
#if defined(__SIZEOF_INT128__)
    {"pcg64", module_pcg64, METH_VARARGS, "pcg64(state, array, rows, width, first, count): draw as NumPy's PCG64 does"},
#endif
    {"alike", module_alike, METH_VARARGS, "alike(things, copies, hidden) -> do lists and dictionaries hold the very objects of their copies?"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef tape_module = {
    PyModuleDef_HEAD_INIT, .m_name = "autograd_core.programs._tape", .m_doc = "The tape interpreter of Programs.", .m_size = -1, .m_methods = module_methods,
};

PyMODINIT_FUNC PyInit__tape(void) {
    PyObject *m;
    if (PyType_Ready(&TapeType) < 0 || PyType_Ready(&BoundType) < 0 || PyType_Ready(&RowType) < 0 ||
        PyType_Ready(&TrainerType) < 0 || !(data_name = PyUnicode_InternFromString("data"))) return NULL;
#ifdef HAVE_X86
    __builtin_cpu_init();
#endif
    choose_exp();
    choose_powers();
    m = PyModule_Create(&tape_module);
    if (m && PyModule_AddObject(m, "exp_in_fours", PyBool_FromLong(exp_many != exp_each)) < 0) Py_CLEAR(m);
    if (m && PyModule_AddObject(m, "powers_agree", PyBool_FromLong(powers_agree)) < 0) Py_CLEAR(m);
    return m;
}
