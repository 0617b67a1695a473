/* Blocks of lanes: gather, run, check, add up; on one thread or several. Part of `tape/module.c`. */

/* --- operations that Python computes --- */

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

/* Did the call raise?  An Exception is cleared: a poisoned lane is evaluated eagerly, and raises there, if f gets that far
 * with it.  KeyboardInterrupt, SystemExit and the like stay set: the run ends with them. */
static int call_failed(void) {
    if (!PyErr_Occurred()) return 0;
    if (PyErr_ExceptionMatches(PyExc_Exception)) PyErr_Clear();
    return 1;
}

/* The partials of one lane, computed right after the value, as eagerly, and kept for the reverse pass: an operation may
 * remember what it did last.  Returns 0 if they raise. */
static int keep_partials(Workspace *sp, const int32_t *ax, PyObject *rule, PyObject *operands, double y, long nu, long L, long l) {
    long n = ax[0], j;
    PyObject *made = PyObject_CallFunction(rule, "Od", operands, y), *d = made ? PySequence_Fast(made, "partials") : NULL;
    for (j = 0; d && j < n; j++) {
        double p = j < PySequence_Fast_GET_SIZE(d) ? PyFloat_AsDouble(PySequence_Fast_GET_ITEM(d, j)) : NAN;
        if (PyErr_Occurred()) break;
        sp->val[((long)ax[2 + 2 * n] + j - nu) * L + l] = p;
    }
    Py_XDECREF(made); Py_XDECREF(d);
    return !call_failed();
}

/* A lane that pads a block is a copy of the last one; nothing is called for it. */
static void copy_lane(Workspace *sp, const int32_t *ax, long nu, double *y, long L, long l) {
    long n = ax[0], j;
    double *kept = sp->val + ((long)ax[2 + 2 * n] - nu) * L;
    y[l] = y[sp->count - 1];
    for (j = 0; j < n && ax[2 + 2 * n] >= 0; j++) kept[j * L + l] = kept[j * L + sp->count - 1];
}

/* Returns what poisons lane 0. */
static double call_forward(Workspace *sp, const int32_t *ax, long nu, double *y, long L) {
    long l;
    double *poison = sp->poison;
    PyObject *row = PyList_GET_ITEM(sp->callables, ax[1]);
    for (l = 0; l < L; l++) {
        PyObject *operands, *result;
        y[l] = NAN;
        if (PyErr_Occurred()) continue; /* the run is about to end */
        if (l >= sp->count) { copy_lane(sp, ax, nu, y, L, l); continue; }
        operands = lane_operands(ax, sp->val, nu, L, l);
        result = operands ? PyObject_Call(PyTuple_GET_ITEM(row, 0), operands, NULL) : NULL;
        if (result) y[l] = PyFloat_AsDouble(result);
        if (call_failed()) y[l] = NAN;
        else if (sp->partials && ax[2 + 2 * ax[0]] >= 0 && !keep_partials(sp, ax, PyTuple_GET_ITEM(row, 1), operands, y[l], nu, L, l))
            poison[l] = NAN;
        poison[l] += y[l] - y[l];
        Py_XDECREF(operands); Py_XDECREF(result);
    }
    return poison[0];
}

static void call_backward(Workspace *sp, const int32_t *ax, long nu, const double *g, long L) {
    long l, n = ax[0], j;
    int selecting = PyObject_IsTrue(PyTuple_GET_ITEM(PyList_GET_ITEM(sp->callables, ax[1]), 2));
    const int32_t *to = ax + 2 + n;
    for (j = 0; j < n; j++) {
        const double *partial = sp->val + ((long)ax[2 + 2 * n] + j - nu) * L;
        double *slot = sp->adj + ((long)(to[j] >> 1) - nu) * L;
        if (to[j] < 0) continue;
        for (l = 0; l < L; l++) {
            double c = selecting && partial[l] == 0.0 ? 0.0 : partial[l] * g[l];
            slot[l] = to[j] & 1 ? 0.0 + c : slot[l] + c;
        }
    }
}

/* --- one block of lanes --- */

typedef struct {
    const Tape *t;
    const InstructionSet *build;
    const BoundObject *b;
    const int64_t *rows;
    const double *seeds;         /* NULL: reverse pass s starts from 1 at output s, 0 at the others */
    long seed_lane, seed_output, start, stop;
    Workspace **spaces;
    long nspaces;
    uint8_t *fits;               /* only tell of each lane whether the recording serves it */
} Run;

static long row_of(const Run *run, long lane) { return run->rows ? (long)run->rows[lane] : lane; }

static long columns(const Py_buffer *b) { return b->ndim > 1 ? (long)b->shape[1] : 1; }

static const double *row_at(const Run *run, const Workspace *sp, long k, long l) { /* lane l of the block in array k */
    long lane = sp->lane + (l < sp->count ? l : sp->count - 1); /* lanes that pad a block are copies */
    return (const double *)run->b->arrays[k].buf + row_of(run, lane) * columns(run->b->arrays + k);
}

static void gather(const Run *run, Workspace *sp) {
    long L = sp->L, l, k;
    double *to = sp->val + (run->t->lanes ? 0 : run->t->nu);
    for (k = 0; k < run->b->narrays; k++) {
        long cols = columns(run->b->arrays + k);
        for (l = 0; l < L; l++) sp->pointers[l] = row_at(run, sp, k, l);
        if (L == 1) memcpy(to, sp->pointers[0], (size_t)cols * sizeof *to);
        else run->build->turn(sp->pointers, L, cols, to, L);
        to += cols * L;
    }
}

/* Where the numbers of the lanes stand, and how far apart. */
static const double *lanes_of(const Run *run, const Workspace *sp, int32_t index, long *step) {
    const Tape *t = run->t;
    *step = t->lanes && index >= t->nu;
    return !t->lanes ? sp->val + index : *step ? sp->val + (index - t->nu) * sp->L : sp->uni + index;
}

static double at(const Run *run, const Workspace *sp, int32_t index, long l) {
    long step;
    const double *x = lanes_of(run, sp, index, &step);
    return x[l * step];
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

enum { COLUMNS = 4, PART = 64 }; /* of outputs or an input's gradients, transposed at a time */

/* How many lanes of the block, from its first, are as recorded and finite? */
static long good_lanes(const Run *run, const Workspace *sp) {
    const Tape *t = run->t;
    long l, k, n = sp->count;
    for (l = 0; l < n; l++) if (sp->poison[l] != 0.0) n = l;
    if (!t->lanes) {
        double poison = 0.0;
        for (k = 0; k < t->outputs; k++) poison += sp->val[t->out[k]] - sp->val[t->out[k]];
        if (poison != 0.0) n = 0;
    } else for (k = 0; k < t->outputs; k++) {
        long step;
        const double *y = lanes_of(run, sp, t->out[k], &step);
        if (step == 1 && all_finite(y, n)) continue;
        for (l = 0; l < n; l++) if (y[l * step] - y[l * step] != 0.0) n = l;
    }
    for (k = 0; k < t->nguards; k++) {
        const Guard *g = t->guards + k;
        for (l = 0; l < n; l++)
            if (holds(g->relation, at(run, sp, g->left, l), at(run, sp, g->right, l)) != g->outcome) n = l;
    }
    return n;
}

enum { FITS, LEAVES_A_GUARD, NOT_FINITE }; /* as in programs/run.py */

static void tell_fits(const Run *run, const Workspace *sp) {
    const Tape *t = run->t;
    long l, k;
    for (l = 0; l < sp->count; l++) {
        uint8_t *fits = run->fits + sp->lane + l;
        *fits = FITS;
        for (k = 0; k < t->nguards && *fits == FITS; k++) {
            const Guard *g = t->guards + k;
            if (holds(g->relation, at(run, sp, g->left, l), at(run, sp, g->right, l)) != g->outcome) *fits = LEAVES_A_GUARD;
        }
        if (*fits == FITS && sp->poison[l] != 0.0) *fits = NOT_FINITE;
        for (k = 0; k < t->outputs && *fits == FITS; k++) { double y = at(run, sp, t->out[k], l); if (y - y != 0.0) *fits = NOT_FINITE; }
    }
}

static void put_outputs(const Run *run, const Workspace *sp) {
    const Tape *t = run->t;
    double *out = run->b->outputs.buf;
    long l, k, r, n = t->outputs;
    if (!run->b->has_outputs) return;
    for (k = 0; !t->lanes && sp->good && k < n; k++) out[sp->lane * n + k] = sp->val[t->out[k]];
    for (k = 0; t->lanes && k < n; k += COLUMNS) {
        const double *y[COLUMNS];
        long count = n - k < COLUMNS ? n - k : COLUMNS, step, alike = 1;
        double *to = out + sp->lane * n + k;
        for (r = 0; r < count; r++) { y[r] = lanes_of(run, sp, t->out[k + r], &step); alike &= step == 1; }
        if (alike) run->build->turn(y, count, sp->good, to, n);
        else for (r = 0; r < count; r++) for (l = 0; l < sp->good; l++) to[l * n + r] = at(run, sp, t->out[k + r], l);
    }
}

static void put_seeds(const Run *run, Workspace *sp, long s) {
    const Tape *t = run->t;
    const double *seeds = run->seeds ? run->seeds + (s ? s * run->b->lanes * t->outputs : 0) : NULL;
    long l, k;
    if (t->lanes) memset(sp->silent, 0, (size_t)(t->adjoints - t->slots));
    else memset(sp->adj + t->nu, 0, (size_t)t->adjoints * sizeof(double));
    for (k = 0; k < t->heads.n; k++) sp->adj[t->heads.v[k]] = -0.0;
    if (seeds) seeds += sp->lane * run->seed_lane;
    for (k = 0; !t->lanes && k < t->outputs; k++) sp->adj[t->out[k]] = 0.0 + (seeds ? seeds[k * run->seed_output] : k == s);
    for (k = 0; t->lanes && k < t->outputs; k++) {
        double *to = sp->adj + (t->out[k] - t->nu) * sp->L;
        const double *from = seeds ? seeds + k * run->seed_output : NULL;
        for (l = 0; l < sp->count; l++) to[l] = 0.0 + (from ? from[l * run->seed_lane] : k == s);
        for (; l < sp->L; l++) to[l] = to[sp->count - 1];
    }
}

/* Columns from `input` on of lanes from `first` on: they are brought to rows of the caller's. A lane with a number that is
 * not finite, and those behind it, do not count. */
static void turn_gradients(const Run *run, Workspace *sp, long input, long columns, long first, double *to, long step) {
    double part[COLUMNS][PART];
    const double *from[COLUMNS];
    long n = sp->count - first < PART ? sp->count - first : PART, r, l;
    for (r = 0; r < columns; r++) {
        long at = run->t->input_adjoint[input + r] - run->t->nu;
        const double *g = at < 0 ? NULL : sp->adj + at * sp->L + first;
        from[r] = part[r];
        for (l = 0; l < n; l++) part[r][l] = g ? 0.0 + g[l] : 0.0;
        if (!all_finite(part[r], n))
            for (l = 0; l < n && first + l < sp->good; l++) if (part[r][l] - part[r][l] != 0.0) sp->good = first + l;
    }
    run->build->turn(from, columns, n, to + first * step, step);
}

/* The gradients of the inputs belong to their lanes; one that is not finite sends its lane back to be done eagerly. */
static void put_input_gradients(const Run *run, Workspace *sp, long s) {
    const Tape *t = run->t;
    long k, c, l, input = 0;
    if (!run->b->nigrads) return;
    for (k = 0; k < run->b->narrays; k++) {
        const Py_buffer *own = run->b->igrads + k;
        long cols = columns(run->b->arrays + k), step = own->buf ? (long)(own->strides[own->ndim - 2] / 8) : 0;
        double *to = own->buf;
        if (to) to += s * (own->strides[0] / 8) + sp->lane * step;
        if (to && t->lanes)
            for (c = 0; c < cols; c += COLUMNS)
                for (l = 0; l < sp->good; l += PART) turn_gradients(run, sp, input + c, cols - c < COLUMNS ? cols - c : COLUMNS, l, to + c, step);
        else if (to) {
            for (c = 0; c < cols; c++) to[c] = t->input_adjoint[input + c] < 0 ? 0.0 : 0.0 + sp->adj[t->input_adjoint[input + c]];
            if (!all_finite(to, cols)) sp->good = 0;
        }
        input += cols;
    }
}

/* --- Ctrl-C --- */

static double seconds(void) {
    struct timespec now;
#ifdef CLOCK_MONOTONIC
    clock_gettime(CLOCK_MONOTONIC, &now);
#else
    timespec_get(&now, TIME_UTC);
#endif
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#ifdef __GNUC__ /* one thread writes while others read */
#define PEEK(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define POKE(p, x) __atomic_store_n(p, x, __ATOMIC_RELAXED)
#else
#define PEEK(p) (*(p))
#define POKE(p, x) (*(p) = (x))
#endif

typedef struct { /* looks out for the user's wish to stop; in a thread of our own, for what the first one has seen */
    PyThreadState *state;        /* of a thread that has released the GIL */
    const int *others;  /* set where another thread has to look */
    double last;
    long work;
    int stopped;
} Watch;

enum { PIECE = 1 << 18 };        /* numbers computed between two looks at the clock: about a millisecond's */

/* Has the user asked to stop?  Looks at the clock only where much was done since, at the signals twenty times a second. */
static int interrupted(Watch *w, long work) {
    double now;
    if (w->others ? PEEK(w->others) : !w->state && PyErr_Occurred() != NULL) w->stopped = 1; /* without `state` the GIL is held */
    if (w->stopped) return 1;
    if ((w->work += work) < PIECE || w->others) return 0;
    w->work = 0;
    now = seconds();
    if (now - w->last < 0.05) return 0;
    w->last = now;
    if (w->state) PyEval_RestoreThread(w->state);
    POKE(&w->stopped, PyErr_CheckSignals() < 0);
    if (w->state) w->state = PyEval_SaveThread();
    return w->stopped;
}

/* --- one block, piece by piece --- */

static int block_forward(const Run *run, Workspace *sp, Watch *watch) {
    const Tape *t = run->t;
    void (*forward)(const Tape *, Workspace *, long, long) = t->lanes ? run->build->forward : run->build->forward_one;
    long k = t->lanes && sp->prepared ? t->uniform : 0, piece = PIECE / sp->L;
    for (; t->nfwd - k > piece; k += piece) {
        forward(t, sp, k, k + piece);
        if (interrupted(watch, PIECE)) return 0;
    }
    forward(t, sp, k, t->nfwd);
    sp->prepared = 1;
    return !interrupted(watch, (t->nfwd - k) * sp->L);
}

static int block_backward(const Run *run, Workspace *sp, Watch *watch) {
    const Tape *t = run->t;
    long piece = PIECE / sp->L, k;
    if (t->lanes) {
        for (k = 0; t->nrev - k > piece;) {
            k = run->build->backward(t, sp, k, k + piece);
            if (interrupted(watch, PIECE)) return 0;
        }
        run->build->backward(t, sp, k, t->nrev);
        return !interrupted(watch, (t->nrev - k) * sp->L);
    }
    for (k = t->nbwd; k > piece;) {
        k = run->build->backward_one(t, sp, k, k - piece);
        if (interrupted(watch, PIECE)) return 0;
    }
    run->build->backward_one(t, sp, k, 0);
    return !interrupted(watch, k);
}

/* Leaves in sp->good how many lanes are good; none of them counts if the user has asked to stop. */
static void run_block(const Run *run, Workspace *sp, Watch *watch) {
    const Tape *t = run->t;
    int careful = !t->lanes && run->b->nigrads > 0; /* the lane may yet be refused: its sums must then be as they were */
    long l, s;
    sp->good = 0;
    if (run->b->kept && run->b->replays) sp->good = 1;
    else {
        gather(run, sp);
        for (l = 0; l < sp->L; l++) sp->poison[l] = 0.0;
        if (!block_forward(run, sp, watch)) return;
        if (run->fits) { tell_fits(run, sp); sp->good = sp->count; return; }
        sp->good = good_lanes(run, sp);
        put_outputs(run, sp);
    }
    if (!run->b->has_totals || !sp->good) return;
    if (careful) memcpy(sp->kept, sp->adj, (size_t)t->nu * sizeof(double));
    for (s = 0; s < run->b->seeds && sp->good; s++) {
        put_seeds(run, sp, s);
        if (!block_backward(run, sp, watch)) { sp->good = 0; return; }
        put_input_gradients(run, sp, s);
    }
    if (careful && !sp->good) memcpy(sp->adj, sp->kept, (size_t)t->nu * sizeof(double));
}

/* --- the parameters' gradients: one running sum over lanes, in order --- */

/* The array of inputs that holds a layer's x side by side, with the first one's column; -1 if there is none. */
static long array_of(const Run *run, const int32_t *ax, long *column) {
    long k, I = ax[1], at = ax[9] - run->t->nu;
    if (!ax[5] || at < 0 || at + I > run->t->inputs) return -1; /* ax[5]: do they follow each other? */
    for (k = 0; k < run->b->narrays; k++) {
        long cols = columns(run->b->arrays + k);
        if (at < cols) { *column = at; return at + I <= cols ? k : -1; }
        at -= cols;
    }
    return -1;
}

static void sum_matrix(const Run *run, const Matrix *m, Workspace *sp, double *totals, long part, long parts, Workspace *mine) {
    const Tape *t = run->t;
    const InstructionSet *build = run->build;
    long L = sp->L, n = sp->good, uses = m->uses, J = m->J, I = m->w0 < 0 ? 0 : m->I, u, l, j, i;
    long from = part * (J / 4 + (J % 4 != 0)) / parts * 4, to = (part + 1) * (J / 4 + (J % 4 != 0)) / parts * 4;
    const double **rows = mine->pointers, **slots = rows + n * uses;
    if (to > J) to = J;
    if (!uses || from >= to || !n) return;
    for (u = 0; u < uses; u++) { /* one row a lane and use: of y' in gt, of x in xt, or where it already is one */
        const int32_t *ax = t->aux.v + t->matrix_uses.v[m->first_use + u];
        long column = 0, array = I ? array_of(run, ax, &column) : -1;
        const double *g = sp->adj + (ax[4] - t->nu) * L;
        for (j = from; j < to; j++) slots[j - from] = g + j * L;
        build->turn(slots, to - from, n, mine->gt + u * J + from, uses * J);
        if (!I) continue;
        for (l = 0; l < n; l++) rows[l * uses + u] = array < 0 ? mine->xt + (l * uses + u) * I : row_at(run, sp, array, l) + column;
        if (array >= 0) continue;
        for (i = 0; i < I; i++) slots[i] = sp->val + (ax[9 + i] - t->nu) * L;
        build->turn(slots, I, n, mine->xt + u * I, uses * I);
    }
    if (I) build->layer_outer(totals + m->w0, J, I, mine->gt, rows, n * uses, from, to);
    if (m->b0 >= 0) build->bias_sum(totals + m->b0, J, mine->gt, n * uses, from, to);
}

static void sum_scalar(const Tape *t, const Scalar *s, const Workspace *sp, double *totals) {
    double sum = totals[s->param];
    long l, u;
    for (l = 0; l < sp->good; l++)
        for (u = 0; u < s->uses; u++) {
            long at = t->scalar_uses.v[s->first_use + u] - t->nu;
            if (!sp->silent[at - t->slots]) sum = sum + sp->adj[at * sp->L + l];
        }
    totals[s->param] = sum;
}

static void sum_scalars(const Run *run, const Workspace *sp, double *totals, long part, long parts) {
    const Tape *t = run->t;
    long L = sp->L, n = sp->good, k = part * t->nscalars / parts, end = (part + 1) * t->nscalars / parts, l;
    for (; k + 4 <= end; k += 4) { /* four sums at a time hide the latency of each */
        const Scalar *s = t->scalars + k;
        const double *c[4];
        double sum[4];
        int r, silent = 0;
        if (s[0].uses != 1 || s[1].uses != 1 || s[2].uses != 1 || s[3].uses != 1) break;
        for (r = 0; r < 4; r++) {
            long at = t->scalar_uses.v[s[r].first_use] - t->nu;
            sum[r] = totals[s[r].param];
            c[r] = sp->adj + at * L;
            silent += sp->silent[at - t->slots];
        }
        if (silent == 4) continue;
        if (silent) { for (r = 0; r < 4; r++) sum_scalar(t, s + r, sp, totals); continue; }
        for (l = 0; l < n; l++) for (r = 0; r < 4; r++) sum[r] = sum[r] + c[r][l];
        for (r = 0; r < 4; r++) totals[s[r].param] = sum[r];
    }
    for (; k < end; k++) sum_scalar(t, t->scalars + k, sp, totals);
}

static void sum_block(const Run *run, Workspace *sp, long part, long parts, Workspace *mine) {
    const Tape *t = run->t;
    double *totals = run->b->totals.buf;
    long k;
    if (!run->b->has_totals || !t->lanes) return;
    for (k = 0; k < t->nmatrices; k++) sum_matrix(run, t->matrices + k, sp, totals, part, parts, mine);
    sum_scalars(run, sp, totals, part, parts);
}

/* --- a one-lane tape adds up its parameters' gradients by itself --- */

static void one_lane_begin(const Run *run, Workspace *sp) {
    const Tape *t = run->t;
    long k, i, j;
    double *wt = sp->transposed;
    if (run->b->in_place) {
        sp->val = run->b->params.buf;
        if (run->b->has_totals) sp->adj = run->b->totals.buf;
    } else {
        if (run->b->kept) sp->val = run->b->kept + run->start * (t->nu + t->slots); /* a run is one step of a loop */
        if (run->b->has_totals) memcpy(sp->adj, run->b->totals.buf, (size_t)t->params * sizeof(double));
        if (run->b->kept && run->b->replays) return;
        memcpy(sp->val, run->b->params.buf, (size_t)t->params * sizeof(double));
        if (t->nconsts) memcpy(sp->val + t->params, t->consts, (size_t)t->nconsts * sizeof(double));
    }
    for (k = 0; k < t->transposed.n; k += 3) {
        long w0 = t->transposed.v[k], J = t->transposed.v[k + 1], I = t->transposed.v[k + 2];
        const double *w = sp->val + w0;
        for (j = 0; j < J; j++) for (i = 0; i < I; i++) wt[i * J + j] = w[j * I + i];
        wt += J * I;
    }
}

static void one_lane_end(const Run *run, Workspace *sp) {
    if (run->b->has_totals && !run->b->in_place) memcpy(run->b->totals.buf, sp->adj, (size_t)run->t->params * sizeof(double));
    sp->val = sp->own_val;
    sp->adj = sp->own_adj;
}

/* --- a run --- */

/* Stand at the lanes from `lane` on; a last block of few lanes is narrow. */
static void set_block(const Run *run, Workspace *sp, long lane) {
    long L = sp->room;
    sp->lane = lane;
    sp->count = run->stop - lane < L ? run->stop - lane : L;
    if (sp->count > 0 && L > 8) L = round_up(sp->count, 8);
    if (L != sp->L) { sp->L = L; sp->prepared = 0; }
}

static long run_alone(const Run *run, Watch *watch) {
    Workspace *sp = run->spaces[0];
    const Tape *t = run->t;
    long lane;
    if (!t->lanes) one_lane_begin(run, sp);
    for (lane = run->start; lane < run->stop; lane += sp->L) {
        set_block(run, sp, lane);
        run_block(run, sp, watch);
        sum_block(run, sp, 0, 1, sp);
        if (sp->good < sp->count) { lane += sp->good; break; }
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
    Watch *watch;
} Worker;

static void work_wave(const Worker *w, long base) {
    const Run *run = w->run;
    Workspace *sp = run->spaces[w->index];
    set_block(run, sp, base + w->index * sp->room);
    sp->good = 0;
    if (sp->count > 0) run_block(run, sp, w->watch);
    else sp->count = 0;
    pthread_barrier_wait(w->barrier);
    {
        long k;
        for (k = 0; k < run->nspaces; k++) {
            Workspace *other = run->spaces[k];
            sum_block(run, other, w->index, run->nspaces, sp);
            if (other->good < other->count) break;
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

static long run_together(const Run *run, Watch *watch) {
    pthread_t threads[MAX_THREADS];
    Worker workers[MAX_THREADS];
    Watch watches[MAX_THREADS];
    pthread_barrier_t barrier;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    long k, made, lane = run->start, next = run->start;
    int stop = 0;
    pthread_barrier_init(&barrier, NULL, (unsigned)run->nspaces);
    pthread_mutex_lock(&gate);
    for (k = 0; k < run->nspaces; k++) {
        watches[k] = (Watch){.others = &watch->stopped};
        workers[k] = (Worker){run, &barrier, &gate, k, &next, &stop, k ? watches + k : watch};
    }
    for (made = 1; made < run->nspaces; made++)
        if (pthread_create(threads + made, NULL, worker, workers + made)) break;
    stop = made < run->nspaces;
    pthread_mutex_unlock(&gate);
    if (stop) { /* no more threads to be had */
        for (k = 1; k < made; k++) pthread_join(threads[k], NULL);
        pthread_barrier_destroy(&barrier);
        return run_alone(run, watch);
    }
    while (lane < run->stop) {
        int left = 0;
        next = lane;
        pthread_barrier_wait(&barrier);
        work_wave(workers, lane);
        for (k = 0; k < run->nspaces && !left; k++) {
            lane += run->spaces[k]->good;
            left = run->spaces[k]->good < run->spaces[k]->count;
        }
        if (left) break;
    }
    stop = 1;
    pthread_barrier_wait(&barrier);
    for (k = 1; k < run->nspaces; k++) pthread_join(threads[k], NULL);
    pthread_barrier_destroy(&barrier);
    return lane;
}
#endif

/* Lanes in a block: what fits the caches, at least a vector's worth; and blocks of one size, if there are few. Where
 * instructions make few numbers each, what every instruction costs counts for more than the first cache. */
static long block_for(const Tape *t, long lanes, int adjoints) {
    long per_lane = (t->slots + (adjoints ? t->adjoints : 0)) * 8, L = 64, blocks, most = (t->slots < 8 * t->nfwd ? 512 : 96) * 1024;
    while (L > 32 && per_lane * L > most) L /= 2;
    while (L > 8 && per_lane * L > 1024 * 1024) L /= 2;
    if (lanes <= 0) return L;
    blocks = (lanes + L - 1) / L;
    return blocks > 8 ? L : round_up((lanes + blocks - 1) / blocks, 8);
}
