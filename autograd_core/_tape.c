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

static uint8_t arity_table[256]; /* operands of each operation, from operations.py */

#include "_tape_compile.h"

/* What plain Python never raises for; every other operation is checked for a result that is not finite. */
static inline int may_raise(int op) {
    switch (op) {
    case OP_ADD: case OP_SUB: case OP_MUL: case OP_NEG: case OP_ABS: case OP_SQUARE: case OP_RELU: case OP_LEAKY_RELU:
    case OP_MAXIMUM: case OP_MINIMUM: case OP_WHERE: case OP_CLIP: case OP_SIGN: case OP_STOP_GRADIENT: case OP_TANH:
    case OP_GREATER: case OP_GREATER_EQUAL: case OP_LESS: case OP_LESS_EQUAL: case OP_EQUAL:
    case OP_DOT: case OP_SUM: case OP_MAX: case OP_MIN: case OPX_LOAD: case OPX_LAYER: case OPX_SQUARES:
        return 0;
    default: return 1;
    }
}

typedef struct { /* what one thread works in */
    long L;
    double *val, *adj;           /* value and adjoint of index i: [(i - nu) * L], or [i] in a one-lane tape */
    double *block;               /* the memory of both, and of what follows */
    const double *uni;
    double *poison, *scratch, *turned, *kept, *gt, *xt;
    const double **pointers;
    uint8_t *first;
    PyObject *callables;
    size_t bytes;
    long bad;                    /* lanes of the present block that are good, counted from its first */
    long lane, count;
    int prepared;                /* is what no lane changes computed? */
} Space;

static void call_forward(Space *sp, const int32_t *ax, long nu, double *y, long L);
static void call_backward(Space *sp, const int32_t *ax, long nu, const double *y, const double *g, long L);

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define K(name) PASTE(name, BUILD)

#define BUILD _base
#define VL 2
#include "_tape_kernel.h"
#undef BUILD
#undef VL

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAVE_X86 1
#pragma GCC push_options
#pragma GCC target("avx2")
#define BUILD _avx2
#define VL 4
#include "_tape_kernel.h"
#undef BUILD
#undef VL
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,prefer-vector-width=512")
#define BUILD _avx512
#define VL 8
#include "_tape_kernel.h"
#undef BUILD
#undef VL
#pragma GCC pop_options
#endif

typedef struct {
    const char *name;
    void (*forward)(const Tape *, Space *);
    void (*backward)(const Tape *, Space *);
    void (*forward_one)(const Tape *, Space *);
    void (*backward_one)(const Tape *, Space *);
    void (*layer_outer)(double *, long, long, const double *, const double *const *, long, long, long);
    void (*bias_sum)(double *, long, const double *, long, long, long);
} Build;

#define BUILD_ROW(s) {#s, forward_##s, backward_##s, forward_one_##s, backward_one_##s, layer_outer_##s, bias_sum_##s}
static const Build builds[] = {
    BUILD_ROW(base),
#ifdef HAVE_X86
    BUILD_ROW(avx2), BUILD_ROW(avx512),
#endif
};

static int build_runs(long k) {
#ifdef HAVE_X86
    if (k == 1) return (long)(sizeof builds / sizeof *builds) > 1 && __builtin_cpu_supports("avx2");
    if (k == 2) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    return k == 0;
}

/* AVX2 where it runs: 512-bit vectors were 0.5 to 1 times as fast on layers of 16 to 64 (two 256-bit halves on Zen 4, and
 * short rows fill them badly). */
static const Build *best_build(void) { return builds + (build_runs(1) ? 1 : 0); }

/* --- Python objects --------------------------------------------------------------------------------------------------------- */

enum { POOL = 4, MAX_ARRAYS = 32, MAX_THREADS = 64 };

typedef struct {
    PyObject_HEAD
    Tape *t;
    PyObject *callables;         /* a list of (value, partials, selecting) of the operations that Python computes */
    Space *pool[POOL];
} TapeObject;

typedef struct {
    PyObject_HEAD
    TapeObject *tape;
    const Build *build;
    long block, threads, narrays, lanes;
    Py_buffer params, outputs, totals, arrays[MAX_ARRAYS], igrads[MAX_ARRAYS];
    int has_outputs, has_totals, nigrads;
} BoundObject;

static long round_up(long n, long m) { return (n + m - 1) / m * m; }

static void space_free(Space *sp) {
    if (!sp) return;
    free(sp->block); free(sp->pointers); free(sp->first);
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

static Space *space_new(const Tape *t, long L) {
    Space *sp = calloc(1, sizeof *sp);
    long operands, rows = widest(t, &operands), per = t->lanes ? 0 : t->nu, values, adjoints, scratch, pointers;
    if (!sp) return NULL;
    values = round_up(per + t->slots * L, 8);
    adjoints = round_up(per + t->adjoints * L, 8);
    scratch = round_up(2 * (rows > operands ? rows : operands) + L, 8);
    pointers = (rows > operands ? rows : operands) + L * longest_uses(t) + 8;
    sp->L = L;
    sp->bytes = (size_t)(values + adjoints + L + scratch + (t->lanes ? (rows + operands) * L + 32 : t->turned_size + t->nu) + 64) * 8;
    sp->block = malloc(sp->bytes + 64);
    sp->pointers = malloc((size_t)pointers * sizeof(void *));
    sp->first = malloc((size_t)pointers);
    if (!sp->block || !sp->pointers || !sp->first) { space_free(sp); return NULL; }
    sp->val = (double *)(((uintptr_t)sp->block + 63) & ~(uintptr_t)63);
    sp->adj = sp->val + values;
    sp->poison = sp->adj + adjoints;
    sp->scratch = sp->poison + L;
    sp->turned = sp->gt = sp->scratch + scratch;
    sp->kept = sp->turned + t->turned_size;
    sp->xt = sp->gt + round_up(rows * L, 8);
    return sp;
}

static Space *take_space(TapeObject *self, long L) { /* with the GIL held */
    int k;
    for (k = 0; k < POOL; k++)
        if (self->pool[k] && self->pool[k]->L == L) {
            Space *sp = self->pool[k];
            self->pool[k] = NULL;
            return sp;
        }
    return space_new(self->t, L);
}

static void give_space(TapeObject *self, Space *sp) {
    int k;
    for (k = 0; k < POOL; k++) if (!self->pool[k]) { self->pool[k] = sp; return; }
    space_free(self->pool[0]);
    self->pool[0] = sp;
}

/* --- operations that Python computes ------------------------------------------------------------------------------------------ */

static PyObject *lane_operands(const int32_t *ax, const double *val, long nu, long L, long l) {
    long n = ax[0], j;
    PyObject *operands = PyTuple_New(n);
    for (j = 0; operands && j < n; j++) {
        PyObject *x = PyFloat_FromDouble(val[((long)ax[2 + j] - nu) * L + l]);
        if (!x) { Py_DECREF(operands); return NULL; }
        PyTuple_SET_ITEM(operands, j, x);
    }
    return operands;
}

static void call_forward(Space *sp, const int32_t *ax, long nu, double *y, long L) {
    long l;
    PyObject *value = PyTuple_GET_ITEM(PyList_GET_ITEM(sp->callables, ax[1]), 0);
    for (l = 0; l < L; l++) {
        PyObject *operands = lane_operands(ax, sp->val, nu, L, l), *result = operands ? PyObject_Call(value, operands, NULL) : NULL;
        y[l] = result ? PyFloat_AsDouble(result) : NAN;
        if (PyErr_Occurred()) { PyErr_Clear(); y[l] = NAN; } /* a poisoned lane is evaluated eagerly, and raises there */
        Py_XDECREF(operands); Py_XDECREF(result);
    }
}

static void call_backward(Space *sp, const int32_t *ax, long nu, const double *y, const double *g, long L) {
    long l, n = ax[0], j;
    PyObject *row = PyList_GET_ITEM(sp->callables, ax[1]), *partials = PyTuple_GET_ITEM(row, 1);
    int selecting = PyObject_IsTrue(PyTuple_GET_ITEM(row, 2));
    const int32_t *to = ax + 2 + n;
    for (l = 0; l < L; l++) {
        PyObject *operands = lane_operands(ax, sp->val, nu, L, l), *made = NULL, *d = NULL;
        if (operands) made = PyObject_CallFunction(partials, "Od", operands, y[l]);
        if (made) d = PySequence_Fast(made, "partials");
        for (j = 0; j < n; j++) {
            double p, c, *slot;
            if (to[j] < 0) continue;
            p = d && j < PySequence_Fast_GET_SIZE(d) ? PyFloat_AsDouble(PySequence_Fast_GET_ITEM(d, j)) : NAN;
            if (PyErr_Occurred()) { PyErr_Clear(); p = NAN; }
            c = selecting && p == 0.0 ? 0.0 : p * g[l];
            slot = sp->adj + ((long)(to[j] >> 1) - nu) * L + l;
            *slot = to[j] & 1 ? 0.0 + c : *slot + c;
        }
        Py_XDECREF(operands); Py_XDECREF(made); Py_XDECREF(d);
        if (PyErr_Occurred()) PyErr_Clear();
    }
}

/* --- one block of lanes -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const Tape *t;
    const Build *build;
    const BoundObject *b;
    const int64_t *rows;
    const double *seeds;
    long seed_lane, seed_output, start, stop;
    Space **spaces;
    long nspaces;
} Run;

static long row_of(const Run *run, long lane) { return run->rows ? (long)run->rows[lane] : lane; }

static long columns(const Py_buffer *b) { return b->ndim > 1 ? (long)b->shape[1] : 1; }

static void gather(const Run *run, Space *sp) {
    long L = sp->L, l, c, k;
    double *to = sp->val + (run->t->lanes ? 0 : run->t->nu);
    for (k = 0; k < run->b->narrays; k++) {
        const Py_buffer *array = run->b->arrays + k;
        long cols = columns(array);
        for (l = 0; l < L; l++) {
            long lane = sp->lane + (l < sp->count ? l : sp->count - 1);
            const double *row = (const double *)array->buf + row_of(run, lane) * cols;
            for (c = 0; c < cols; c++) to[c * L + l] = row[c];
        }
        to += cols * L;
    }
}

static double at(const Run *run, const Space *sp, int32_t index, long l) {
    const Tape *t = run->t;
    if (!t->lanes) return sp->val[index];
    return index < t->nu ? sp->uni[index] : sp->val[(index - t->nu) * sp->L + l];
}

static int holds(int relation, double a, double b) {
    switch (relation) {
    case 0: return a < b;
    case 1: return a <= b;
    case 2: return a == b;
    case 3: return a != b;
    case 4: return a > b;
    default: return a >= b;
    }
}

/* How many lanes of the block, from its first, are as recorded and finite? */
static long good_lanes(const Run *run, const Space *sp) {
    const Tape *t = run->t;
    long l, k, n = sp->count;
    for (l = 0; l < n; l++) if (sp->poison[l] != 0.0) n = l;
    for (k = 0; k < t->outputs; k++)
        for (l = 0; l < n; l++) { double y = at(run, sp, t->out[k], l); if (y - y != 0.0) n = l; }
    for (k = 0; k < t->nguards; k++) {
        const Guard *g = t->guards + k;
        for (l = 0; l < n; l++)
            if (holds(g->relation, at(run, sp, g->left, l), at(run, sp, g->right, l)) != g->outcome) n = l;
    }
    return n;
}

static void put_outputs(const Run *run, const Space *sp) {
    const Tape *t = run->t;
    double *out = run->b->outputs.buf;
    long l, k;
    if (!run->b->has_outputs) return;
    for (l = 0; l < sp->bad; l++)
        for (k = 0; k < t->outputs; k++) out[(sp->lane + l) * t->outputs + k] = at(run, sp, t->out[k], l);
}

static void put_seeds(const Run *run, Space *sp) {
    const Tape *t = run->t;
    long l, k;
    if (!t->lanes) memset(sp->adj + t->nu, 0, (size_t)t->adjoints * sizeof(double));
    for (k = 0; k < t->outputs; k++) {
        double *to = sp->adj + (t->lanes ? (t->out[k] - t->nu) * sp->L : t->out[k]);
        for (l = 0; l < sp->L; l++) {
            long lane = sp->lane + (l < sp->count ? l : sp->count - 1);
            double seed = run->seeds[lane * run->seed_lane + k * run->seed_output];
            to[l] = 0.0 + seed;
        }
    }
}

/* The gradients of the inputs belong to their lanes; one that is not finite sends its lane back to be done eagerly. */
static void put_input_gradients(const Run *run, Space *sp) {
    const Tape *t = run->t;
    long k, c, l, input = 0;
    if (!run->b->nigrads) return;
    for (k = 0; k < run->b->narrays; k++) {
        long cols = columns(run->b->arrays + k);
        double *to = run->b->igrads[k].buf;
        for (c = 0; c < cols; c++, input++) {
            int32_t index = t->input_adjoint[input];
            const double *g = index < 0 ? NULL : sp->adj + (t->lanes ? (index - t->nu) * sp->L : index);
            for (l = 0; l < sp->bad; l++) {
                double x = g ? 0.0 + g[l] : 0.0;
                if (x - x != 0.0) sp->bad = l;
                else to[(sp->lane + l) * cols + c] = x;
            }
        }
    }
}

static void run_block(const Run *run, Space *sp) {
    const Tape *t = run->t;
    long l;
    gather(run, sp);
    for (l = 0; l < sp->L; l++) sp->poison[l] = 0.0;
    if (t->lanes) run->build->forward(t, sp);
    else run->build->forward_one(t, sp);
    sp->bad = good_lanes(run, sp);
    put_outputs(run, sp);
    if (!run->b->has_totals || !sp->bad) return;
    put_seeds(run, sp);
    if (t->lanes) run->build->backward(t, sp);
    else {
        int careful = run->b->nigrads > 0; /* the lane may yet be refused: its sums must then be as they were */
        if (careful) memcpy(sp->kept, sp->adj, (size_t)t->nu * sizeof(double));
        run->build->backward_one(t, sp);
        put_input_gradients(run, sp);
        if (careful && !sp->bad) memcpy(sp->adj, sp->kept, (size_t)t->nu * sizeof(double));
        return;
    }
    put_input_gradients(run, sp);
}

/* --- the parameters' gradients: one running sum over lanes, in order -------------------------------------------------------------- */

static void sum_matrix(const Run *run, const Matrix *m, Space *sp, double *totals, long part, long parts, Space *mine) {
    const Tape *t = run->t;
    long L = sp->L, n = sp->bad, uses = m->uses, J = m->J, I = m->I, u, l, j, i;
    long from = part * (J / 4 + (J % 4 != 0)) / parts * 4, to = (part + 1) * (J / 4 + (J % 4 != 0)) / parts * 4;
    const double **rows = mine->pointers;
    if (to > J) to = J;
    if (!uses || from >= to || !n) return;
    for (u = 0; u < uses; u++) {
        const int32_t *ax = t->aux.v + t->matrix_uses.v[m->first_use + u];
        const double *g = sp->adj + (ax[4] - t->nu) * L;
        for (j = from; j < to; j++)
            for (l = 0; l < n; l++) mine->gt[(l * uses + u) * J + j] = g[j * L + l];
        if (m->w0 < 0) continue;
        for (i = 0; i < I; i++) {
            const double *x = sp->val + (ax[9 + i] - t->nu) * L;
            for (l = 0; l < n; l++) mine->xt[(l * uses + u) * I + i] = x[l];
        }
    }
    if (m->w0 >= 0) {
        for (l = 0; l < n * uses; l++) rows[l] = mine->xt + l * I;
        run->build->layer_outer(totals + m->w0, J, I, mine->gt, rows, n * uses, from, to);
    }
    if (m->b0 >= 0) run->build->bias_sum(totals + m->b0, J, mine->gt, n * uses, from, to);
}

static void sum_scalars(const Run *run, const Space *sp, double *totals, long part, long parts) {
    const Tape *t = run->t;
    long L = sp->L, n = sp->bad, k = part * t->nscalars / parts, end = (part + 1) * t->nscalars / parts, l, u;
    for (; k + 4 <= end; k += 4) { /* four sums at a time hide the latency of each */
        const Scalar *s = t->scalars + k;
        const double *c[4];
        double sum[4];
        int r;
        if (s[0].uses != 1 || s[1].uses != 1 || s[2].uses != 1 || s[3].uses != 1) break;
        for (r = 0; r < 4; r++) {
            sum[r] = totals[s[r].param];
            c[r] = sp->adj + (t->scalar_uses.v[s[r].first_use] - t->nu) * L;
        }
        for (l = 0; l < n; l++) for (r = 0; r < 4; r++) sum[r] = sum[r] + c[r][l];
        for (r = 0; r < 4; r++) totals[s[r].param] = sum[r];
    }
    for (; k < end; k++) {
        const Scalar *s = t->scalars + k;
        double sum = totals[s->param];
        for (l = 0; l < n; l++)
            for (u = 0; u < s->uses; u++) sum = sum + sp->adj[(t->scalar_uses.v[s->first_use + u] - t->nu) * L + l];
        totals[s->param] = sum;
    }
}

static void sum_block(const Run *run, Space *sp, long part, long parts, Space *mine) {
    const Tape *t = run->t;
    double *totals = run->b->totals.buf;
    long k;
    if (!run->b->has_totals || !t->lanes) return;
    for (k = 0; k < t->nmatrices; k++) sum_matrix(run, t->matrices + k, sp, totals, part, parts, mine);
    sum_scalars(run, sp, totals, part, parts);
}

/* --- a one-lane tape adds up its parameters' gradients by itself -------------------------------------------------------------------- */

static void one_lane_begin(const Run *run, Space *sp) {
    const Tape *t = run->t;
    long k, i, j;
    double *wt = sp->turned;
    memcpy(sp->val, run->b->params.buf, (size_t)t->params * sizeof(double));
    if (t->nconsts) memcpy(sp->val + t->params, t->consts, (size_t)t->nconsts * sizeof(double));
    if (run->b->has_totals) memcpy(sp->adj, run->b->totals.buf, (size_t)t->params * sizeof(double));
    for (k = 0; k < t->turned.n; k += 3) {
        long w0 = t->turned.v[k], J = t->turned.v[k + 1], I = t->turned.v[k + 2];
        const double *w = sp->val + w0;
        for (j = 0; j < J; j++) for (i = 0; i < I; i++) wt[i * J + j] = w[j * I + i];
        wt += J * I;
    }
}

static void one_lane_end(const Run *run, Space *sp) {
    if (run->b->has_totals) memcpy(run->b->totals.buf, sp->adj, (size_t)run->t->params * sizeof(double));
}

/* --- a run ------------------------------------------------------------------------------------------------------------------------------ */

static double seconds(void) {
    struct timespec now;
#ifdef CLOCK_MONOTONIC
    clock_gettime(CLOCK_MONOTONIC, &now);
#else
    timespec_get(&now, TIME_UTC);
#endif
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Has the user asked to stop?  Looks at most twenty times a second. */
static int interrupted(double *last, PyThreadState **state) {
    double now = seconds();
    int stop;
    if (now - *last < 0.05) return 0;
    *last = now;
    if (*state) PyEval_RestoreThread(*state);
    stop = PyErr_CheckSignals() < 0;
    if (*state) *state = PyEval_SaveThread();
    return stop;
}

static long run_alone(const Run *run, PyThreadState **state, int *stopped) {
    Space *sp = run->spaces[0];
    const Tape *t = run->t;
    long lane;
    double last = seconds();
    if (!t->lanes) one_lane_begin(run, sp);
    for (lane = run->start; lane < run->stop; lane += sp->L) {
        sp->lane = lane;
        sp->count = run->stop - lane < sp->L ? run->stop - lane : sp->L;
        run_block(run, sp);
        sum_block(run, sp, 0, 1, sp);
        if (sp->bad < sp->count) { lane += sp->bad; break; }
        if (interrupted(&last, state)) { *stopped = 1; break; }
    }
    if (!t->lanes) one_lane_end(run, sp);
    return lane < run->stop ? lane : run->stop;
}

#ifdef HAVE_THREADS
/* Waves of one block a thread; between two barriers each thread adds up its own share of the parameters over the wave's
 * blocks in order, so the bits do not depend on the number of threads. */
typedef struct {
    const Run *run;
    pthread_barrier_t *barrier;
    pthread_mutex_t *gate;
    long index, *next;
    int *stop;
} Worker;

static void work_wave(const Worker *w, long base) {
    const Run *run = w->run;
    Space *sp = run->spaces[w->index];
    sp->lane = base + w->index * sp->L;
    sp->count = run->stop - sp->lane < sp->L ? run->stop - sp->lane : sp->L;
    sp->bad = 0;
    if (sp->count > 0) run_block(run, sp);
    else sp->count = 0;
    pthread_barrier_wait(w->barrier);
    {
        long k;
        for (k = 0; k < run->nspaces; k++) {
            Space *other = run->spaces[k];
            sum_block(run, other, w->index, run->nspaces, sp);
            if (other->bad < other->count) break;
        }
    }
    pthread_barrier_wait(w->barrier);
}

static void *worker(void *argument) {
    Worker *w = argument;
    pthread_mutex_lock(w->gate); /* held until all threads exist, or it is known that they never will */
    pthread_mutex_unlock(w->gate);
    if (*w->stop) return NULL;
    for (;;) {
        pthread_barrier_wait(w->barrier);
        if (*w->stop) return NULL;
        work_wave(w, *w->next);
    }
}

static long run_together(const Run *run, PyThreadState **state, int *stopped) {
    pthread_t threads[MAX_THREADS];
    Worker workers[MAX_THREADS];
    pthread_barrier_t barrier;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    long k, made, lane = run->start, next = run->start;
    int stop = 0;
    double last = seconds();
    pthread_barrier_init(&barrier, NULL, (unsigned)run->nspaces);
    pthread_mutex_lock(&gate);
    for (k = 0; k < run->nspaces; k++) workers[k] = (Worker){run, &barrier, &gate, k, &next, &stop};
    for (made = 1; made < run->nspaces; made++)
        if (pthread_create(threads + made, NULL, worker, workers + made)) break;
    stop = made < run->nspaces;
    pthread_mutex_unlock(&gate);
    if (stop) { /* no more threads to be had */
        for (k = 1; k < made; k++) pthread_join(threads[k], NULL);
        pthread_barrier_destroy(&barrier);
        return run_alone(run, state, stopped);
    }
    while (lane < run->stop) {
        int left = 0;
        next = lane;
        pthread_barrier_wait(&barrier);
        work_wave(workers, lane);
        for (k = 0; k < run->nspaces && !left; k++) {
            lane += run->spaces[k]->bad;
            left = run->spaces[k]->bad < run->spaces[k]->count;
        }
        if (left) break;
        if (interrupted(&last, state)) { *stopped = 1; break; }
    }
    stop = 1;
    pthread_barrier_wait(&barrier);
    for (k = 1; k < run->nspaces; k++) pthread_join(threads[k], NULL);
    pthread_barrier_destroy(&barrier);
    return lane;
}
#endif

static long block_for(const Tape *t) { /* lanes in a block: what fits the second-level cache, at least a vector's worth */
    long per_lane = (t->slots + t->adjoints) * 8, L = 32;
    while (L > 8 && per_lane * L > 512 * 1024) L /= 2;
    return L;
}

/* Simple loops that are compiled for AVX2 as well, where the linker can choose at run time. */
#if defined(HAVE_X86) && defined(__gnu_linux__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

CLONES static int all_finite(const double *x, long n) {
    uint64_t worst = 0; /* an exponent of all ones, shifted up, overflows into the top bit when one is added to it */
    long k;
    for (k = 0; k < n; k++) {
        uint64_t bits;
        memcpy(&bits, x + k, 8);
        worst |= (bits & 0x7fffffffffffffffull) + 0x0010000000000000ull;
    }
    return !(worst >> 63);
}

/* Run lanes: returns stop; or the first lane that has to be done eagerly (those before it are done); or -1: a sum is not
 * finite (if it is to `check`); or -2: an exception is set. */
static long bound_core(BoundObject *self, long start, long stop, const int64_t *rows, const double *seeds, long seed_lane, long seed_output, int check) {
    Run run = {0};
    Space *spaces[MAX_THREADS] = {0};
    const Tape *t = self->tape->t;
    PyThreadState *state = NULL;
    double *uniforms = NULL;
    int stopped = 0, called = PyList_GET_SIZE(self->tape->callables) > 0;
    long lane = -2, k, L = !t->lanes ? 1 : self->block ? self->block : block_for(t), threads = self->threads;
    if (t->lanes && !self->block && L > round_up(stop - start, 8)) L = round_up(stop > start ? stop - start : 1, 8);
    if (threads > (stop - start + L - 1) / L) threads = (stop - start + L - 1) / L;
    if (threads < 1 || !t->lanes || called) threads = 1;
    run = (Run){t, self->build, self, rows, seeds, seed_lane, seed_output, start, stop, spaces, 0};
    for (; run.nspaces < threads; run.nspaces++) {
        Space *sp = spaces[run.nspaces] = take_space(self->tape, L);
        if (!sp) { PyErr_NoMemory(); goto done; }
        sp->callables = self->tape->callables;
        sp->prepared = 0;
        sp->uni = self->params.buf;
    }
    if (t->lanes && t->nconsts) { /* parameters and constants side by side */
        if (!(uniforms = malloc((size_t)t->nu * sizeof(double)))) { PyErr_NoMemory(); goto done; }
        memcpy(uniforms, self->params.buf, (size_t)t->params * sizeof(double));
        memcpy(uniforms + t->params, t->consts, (size_t)t->nconsts * sizeof(double));
        for (k = 0; k < threads; k++) spaces[k]->uni = uniforms;
    }
    if (!called) state = PyEval_SaveThread();
#ifdef HAVE_THREADS
    lane = threads > 1 ? run_together(&run, &state, &stopped) : run_alone(&run, &state, &stopped);
#else
    lane = run_alone(&run, &state, &stopped);
#endif
    if (state) PyEval_RestoreThread(state);
    if (stopped) lane = -2;
    else if (self->has_totals && check && !all_finite(self->totals.buf, t->params)) lane = -1;
done:
    for (k = 0; k < run.nspaces; k++) give_space(self->tape, spaces[k]);
    free(uniforms);
    return lane;
}

/* run(start, stop, rows, seeds): rows None or int64 numbers of rows, seeds a float or a float64 array. */
static PyObject *bound_run(BoundObject *self, PyObject *const *args, Py_ssize_t nargs) {
    Py_buffer rows = {0}, seeds = {0};
    const Tape *t = self->tape->t;
    double seed = 1.0;
    int has_rows, array_seeds;
    long start, stop, lane = -2, k;
    if (nargs != 4) { PyErr_SetString(PyExc_TypeError, "run(start, stop, rows, seeds)"); return NULL; }
    start = PyLong_AsLong(args[0]);
    stop = PyLong_AsLong(args[1]);
    has_rows = args[2] != Py_None;
    array_seeds = !PyFloat_Check(args[3]);
    if (PyErr_Occurred()) return NULL;
    if (has_rows && PyObject_GetBuffer(args[2], &rows, PyBUF_C_CONTIGUOUS) < 0) return NULL;
    if (array_seeds && PyObject_GetBuffer(args[3], &seeds, PyBUF_C_CONTIGUOUS) < 0) { if (has_rows) PyBuffer_Release(&rows); return NULL; }
    if (!array_seeds) seed = PyFloat_AS_DOUBLE(args[3]);
    if (has_rows && (rows.itemsize != 8 || rows.len / 8 < stop)) PyErr_SetString(PyExc_ValueError, "rows: int64, one for each lane");
    else if (start < 0 || stop < start || (!has_rows && stop > self->lanes)) PyErr_SetString(PyExc_ValueError, "no such lanes");
    else if (self->has_outputs && self->outputs.len / 8 < stop * t->outputs) PyErr_SetString(PyExc_ValueError, "outputs: too few rows");
    else if (array_seeds && seeds.len / 8 < stop * t->outputs) PyErr_SetString(PyExc_ValueError, "seeds: one for each lane and output");
    for (k = start; has_rows && !PyErr_Occurred() && k < stop; k++) {
        int64_t row = ((const int64_t *)rows.buf)[k];
        if (row < 0 || row >= self->lanes) PyErr_SetString(PyExc_IndexError, "a row number is outside the arrays");
    }
    if (!PyErr_Occurred())
        lane = bound_core(self, start, stop, has_rows ? rows.buf : NULL, array_seeds ? seeds.buf : &seed,
                          array_seeds ? t->outputs : 0, array_seeds ? 1 : 0, 1);
    if (has_rows) PyBuffer_Release(&rows);
    if (array_seeds) PyBuffer_Release(&seeds);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(lane);
}

/* The sum of the first n numbers of `outputs`, in order. */
static PyObject *bound_total(BoundObject *self, PyObject *argument) {
    long n = PyLong_AsLong(argument), k;
    double s = 0.0;
    const double *x = self->outputs.buf;
    if (PyErr_Occurred()) return NULL;
    if (!self->has_outputs || n < 0 || n > self->outputs.len / 8) { PyErr_SetString(PyExc_ValueError, "no such outputs"); return NULL; }
    for (k = 0; k < n; k++) s = s + x[k];
    return PyFloat_FromDouble(s);
}

static void bound_dealloc(BoundObject *self) {
    long k;
    PyBuffer_Release(&self->params);
    if (self->has_outputs) PyBuffer_Release(&self->outputs);
    if (self->has_totals) PyBuffer_Release(&self->totals);
    for (k = 0; k < self->narrays; k++) PyBuffer_Release(self->arrays + k);
    for (k = 0; k < self->nigrads; k++) PyBuffer_Release(self->igrads + k);
    Py_XDECREF(self->tape);
    PyObject_Free(self);
}

static PyMethodDef bound_methods[] = {
    {"run", (PyCFunction)(void (*)(void))bound_run, METH_FASTCALL, "run(start, stop, rows, seeds) -> the lane it stopped at"},
    {"total", (PyCFunction)bound_total, METH_O, "total(n): the sum of the first n outputs, in order"},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject BoundType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "autograd_core._tape.Bound",
    .tp_basicsize = sizeof(BoundObject),
    .tp_dealloc = (destructor)bound_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = bound_methods,
    .tp_doc = "A tape with the arrays that it reads and writes.",
};

static int doubles(PyObject *source, Py_buffer *view, int writable, const char *what) {
    if (PyObject_GetBuffer(source, view, PyBUF_FORMAT | PyBUF_ND | PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0)) < 0) return -1;
    if (view->itemsize == 8 && view->format && strcmp(view->format, "d") == 0 && view->ndim <= 2) return 0;
    PyBuffer_Release(view);
    PyErr_Format(PyExc_TypeError, "%s: a C-contiguous float64 array of at most two dimensions is needed", what);
    return -1;
}

/* bind(params, arrays, outputs, totals, input_gradients, block, threads, build) */
static PyObject *tape_bind(TapeObject *self, PyObject *args) {
    PyObject *params, *arrays, *outputs, *totals, *igrads;
    const char *build;
    long block, threads, k, cols = 0;
    BoundObject *b;
    if (!PyArg_ParseTuple(args, "OO!OOOlls", &params, &PyTuple_Type, &arrays, &outputs, &totals, &igrads, &block, &threads, &build)) return NULL;
    if (block < 0 || block % 8 || threads < 1 || threads > MAX_THREADS) {
        PyErr_Format(PyExc_ValueError, "block: a multiple of 8 (0 chooses one); threads: 1 to %d", MAX_THREADS);
        return NULL;
    }
    if (!(b = PyObject_New(BoundObject, &BoundType))) return NULL;
    memset((char *)b + sizeof(PyObject), 0, sizeof *b - sizeof(PyObject));
    Py_INCREF(self);
    b->tape = self; b->block = block; b->threads = threads; b->build = NULL;
    if (!*build) b->build = best_build();
    for (k = 0; k < (long)(sizeof builds / sizeof *builds); k++)
        if (strcmp(build, builds[k].name) == 0 && build_runs(k)) b->build = builds + k;
    if (!b->build) { PyErr_Format(PyExc_ValueError, "this machine has no build named '%s'", build); goto fail; }
    if (doubles(params, &b->params, 0, "params") < 0) goto fail;
    if (b->params.len / 8 < self->t->params) { PyErr_SetString(PyExc_ValueError, "params: too short"); goto fail; }
    if (PyTuple_GET_SIZE(arrays) > MAX_ARRAYS) { PyErr_Format(PyExc_ValueError, "at most %d arrays", MAX_ARRAYS); goto fail; }
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
        if (b->totals.len / 8 < self->t->params) { PyErr_SetString(PyExc_ValueError, "totals: too short"); goto fail; }
    }
    if (igrads != Py_None) {
        if (!PyTuple_Check(igrads) || PyTuple_GET_SIZE(igrads) != b->narrays || !b->has_totals) { PyErr_SetString(PyExc_ValueError, "input gradients: one array for each input, and totals"); goto fail; }
        for (k = 0; k < b->narrays; k++) {
            if (doubles(PyTuple_GET_ITEM(igrads, k), b->igrads + k, 1, "an input gradient") < 0) goto fail;
            b->nigrads++;
            if (b->igrads[k].len != b->arrays[k].len) { PyErr_SetString(PyExc_ValueError, "an input gradient has another shape than its input"); goto fail; }
        }
    }
    return (PyObject *)b;
fail:
    bound_dealloc(b);
    return NULL;
}

static PyObject *tape_stats(TapeObject *self, PyObject *unused) {
    const Tape *t = self->t;
    size_t bytes = (size_t)t->nfwd * sizeof(Ins) + (size_t)t->nrev * sizeof(Rev) + (size_t)t->aux.n * 4 + (size_t)t->nconsts * 8 +
                   (size_t)t->params * 4 + (size_t)t->nscalars * sizeof(Scalar) + (size_t)t->scalar_uses.n * 4;
    long L = t->lanes ? block_for(t) : 1;
    (void)unused;
    return Py_BuildValue("{s:l,s:l,s:l,s:l,s:l,s:l,s:l,s:l,s:l,s:n,s:l,s:n}", "recorded", t->nodes, "nodes", t->live, "folded", t->folded,
                         "instructions", t->nfwd, "dots", t->dots, "layers", t->layers, "matrices", t->nmatrices, "shared", t->shared, "slots", t->slots,
                         "bytes", (Py_ssize_t)bytes, "block", L, "block_bytes", (Py_ssize_t)((t->slots + t->adjoints) * L * 8));
}

static PyObject *tape_order(TapeObject *self, void *closure) {
    long k;
    PyObject *list = PyList_New(self->t->params);
    (void)closure;
    for (k = 0; list && k < self->t->params; k++) PyList_SET_ITEM(list, k, PyLong_FromLong(self->t->order[k]));
    return list;
}

static void tapeobject_dealloc(TapeObject *self) {
    int k;
    for (k = 0; k < POOL; k++) space_free(self->pool[k]);
    tape_free(self->t);
    Py_XDECREF(self->callables);
    PyObject_Free(self);
}

static PyMethodDef tape_methods[] = {
    {"bind", (PyCFunction)tape_bind, METH_VARARGS, "bind(params, arrays, outputs, totals, input_gradients, block, threads, build) -> Bound"},
    {"stats", (PyCFunction)tape_stats, METH_NOARGS, "stats() -> dict"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef tape_getset[] = {
    {"order", (getter)tape_order, NULL, "for each place in the tape's parameters, the place in the caller's list", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject TapeType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "autograd_core._tape.Tape",
    .tp_basicsize = sizeof(TapeObject),
    .tp_dealloc = (destructor)tapeobject_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = tape_methods,
    .tp_getset = tape_getset,
    .tp_doc = "A compiled graph; immutable.",
};

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
            int op = g->op[i], called = op == OP_CUSTOM || op == OP_HYPOT || op == OP_LGAMMA || op == OP_POLYGAMMA;
            if (called ? g->ref[i] < 0 || g->ref[i] >= ncallables : op == OP_DOT ? n < 2 : is_nary(op) ? n < 1 || g->ref[i] < 0 || g->ref[i] >= n : n != arity_table[op]) return 0;
            if (!called && arity_table[op] == 0 && op != OP_DOT && !is_nary(op)) return 0;
        }
    }
    for (i = 0; i < g->nouts; i++) if (g->outs[i] < 0 || g->outs[i] >= g->n) return 0;
    for (i = 0; i < 4 * g->nguards; i += 4) if (g->guards[i] < 0 || g->guards[i] >= g->n || g->guards[i + 1] < 0 || g->guards[i + 1] >= g->n) return 0;
    return 1;
}

/* compile(op, start, parents, kind, value, ref, outputs, guards, nsweep, nparams, ninputs, lanes, want_inputs, callables) */
static PyObject *module_compile(PyObject *module, PyObject *args) {
    PyObject *op, *start, *par, *kind, *value, *ref, *outs, *guards, *callables;
    Graph g = {0};
    long n[8];
    int lanes, want_inputs;
    TapeObject *self = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOOOOlllppO!", &op, &start, &par, &kind, &value, &ref, &outs, &guards, &g.nsweep, &g.nparams,
                          &g.ninputs, &lanes, &want_inputs, &PyList_Type, &callables)) return NULL;
    if (take(op, (void **)&g.op, 4, n) < 0 || take(start, (void **)&g.start, 4, n + 1) < 0 || take(par, (void **)&g.par, 4, n + 2) < 0 ||
        take(kind, (void **)&g.kind, 1, n + 3) < 0 || take(value, (void **)&g.value, 8, n + 4) < 0 || take(ref, (void **)&g.ref, 4, n + 5) < 0 ||
        take(outs, (void **)&g.outs, 4, n + 6) < 0 || take(guards, (void **)&g.guards, 4, n + 7) < 0) goto done;
    g.n = n[0]; g.nedges = n[2]; g.nouts = n[6]; g.nguards = n[7] / 4;
    if (n[1] != g.n + 1 || n[3] != g.n || n[4] != g.n || n[5] != g.n || !g.nouts || g.start[0] != 0 || g.start[g.n] != g.nedges ||
        !graph_is_sound(&g, PyList_GET_SIZE(callables))) {
        PyErr_SetString(PyExc_ValueError, "these arrays are no graph");
        goto done;
    }
    if (!(self = PyObject_New(TapeObject, &TapeType))) goto done;
    memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
    Py_INCREF(callables);
    self->callables = callables;
    Py_BEGIN_ALLOW_THREADS
    self->t = tape_compile(&g, lanes, want_inputs);
    Py_END_ALLOW_THREADS
    if (!self->t) { PyErr_NoMemory(); Py_CLEAR(self); }
done:
    graph_free(&g);
    return (PyObject *)self;
}

static PyObject *module_set_arities(PyObject *module, PyObject *argument) {
    char *table;
    Py_ssize_t n;
    (void)module;
    if (PyBytes_AsStringAndSize(argument, &table, &n) < 0) return NULL;
    if (n != 256) { PyErr_SetString(PyExc_ValueError, "256 bytes"); return NULL; }
    memcpy(arity_table, table, 256);
    Py_RETURN_NONE;
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

#include "_tape_train.h"

static PyMethodDef module_methods[] = {
    {"compile", module_compile, METH_VARARGS, "compile(graph arrays...) -> Tape"},
    {"set_arities", module_set_arities, METH_O, "tell how many operands each operation has"},
    {"builds", module_builds, METH_NOARGS, "the instruction sets that this machine can run, the best last"},
    {"trainer", module_trainer, METH_VARARGS, "trainer(loss, penalty, params, grads, place, rule, settings, buffers, clips) -> Trainer"},
    {"permutation", module_permutation, METH_VARARGS, "permutation(n, seed) -> bytearray of int64"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef tape_module = {
    PyModuleDef_HEAD_INIT, .m_name = "autograd_core._tape", .m_doc = "The tape interpreter of Programs.", .m_size = -1, .m_methods = module_methods,
};

PyMODINIT_FUNC PyInit__tape(void) {
    PyObject *m;
    if (PyType_Ready(&TapeType) < 0 || PyType_Ready(&BoundType) < 0 || PyType_Ready(&TrainerType) < 0) return NULL;
#ifdef HAVE_X86
    __builtin_cpu_init();
#endif
    m = PyModule_Create(&tape_module);
    return m;
}
