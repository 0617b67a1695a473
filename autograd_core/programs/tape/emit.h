/* Instructions, forward and reverse. Part of `tape/compile.h`. */

/* --- instructions --- */

static int32_t fresh_slot(Compiler *z) { return (int32_t)(z->t->nu + z->t->slots++); }

static int emit(Compiler *z, int code, int32_t y, int32_t a, int32_t b, int arity) {
    Tape *t = z->t;
    Ins *last = t->nfwd > z->barrier ? t->fwd + t->nfwd - 1 : NULL;
    int u = t->lanes ? code & 3 : 0;
    if (last && arity && arity < 3 && last->code == code && last->n < 60000 && y == last->y + last->n) {
        int32_t n = last->n;
        int a_runs = a == last->a + n && (u == MODE_UV || a < last->y);
        int b_runs = arity == 1 || (b == last->b + n && (u == MODE_VU || b < last->y));
        int apart = arity == 1 || u || (last->a == last->b) || last->a + n < last->b || last->b + n < last->a;
        if (a_runs && b_runs && apart) { last->n++; return 0; }
    }
    last = with_room(t->fwd, t->nfwd, &t->fwd_room, sizeof *last);
    if (!last) return -1;
    t->fwd = last;
    last = t->fwd + t->nfwd++;
    last->code = (uint16_t)code; last->n = 1; last->y = y; last->a = a; last->b = b;
    return 0;
}

static int emit_reverse(Compiler *z, int code, int flags, int32_t y, int32_t a, int32_t b, int32_t ga, int32_t gb, int arity) {
    Tape *t = z->t;
    Rev *last = t->nrev > z->reverse_barrier ? t->rev + t->nrev - 1 : NULL;
    int u = code & 3;
    if (last && arity && arity < 3 && last->code == code && last->flags == flags && y == last->y - 1 && last->n < 60000) {
        int32_t n = last->n;                                  /* the run grows downwards */
        int a_runs = a == last->a - 1 && (flags & SKIP_A || (u != MODE_UV && ga == last->ga - 1));
        int b_runs = arity == 1 || (b == last->b - 1 && (flags & SKIP_B || (u != MODE_VU && gb == last->gb - 1)));
        int apart = arity == 1 || u || last->a == last->b || last->a < last->b - n || last->b < last->a - n;
        int below = (u == MODE_UV || last->a + n <= y) && (arity == 1 || u == MODE_VU || last->b + n <= y);
        if (a_runs && b_runs && apart && below) {
            last->n++; last->y = y;
            last->a = a;
            if (arity == 2) last->b = b;
            last->ga = ga; last->gb = gb;
            return 0;
        }
    }
    last = with_room(t->rev, t->nrev, &t->rev_room, sizeof *last);
    if (!last) return -1;
    t->rev = last;
    last = t->rev + t->nrev++;
    memset(last, 0, sizeof *last);
    last->code = (uint16_t)code; last->n = 1; last->flags = (uint16_t)flags;
    last->y = y; last->a = a; last->b = b; last->ga = ga; last->gb = gb;
    return 0;
}

static int arity_of(const Graph *g, long i) {
    long n = g->start[i + 1] - g->start[i];
    int op = g->op[i];
    if (is_dot(op) || ad_reduces(op) || ad_called(op)) return 0;
    return (int)n;
}

static int32_t operand(const Compiler *z, long e) { return z->loaded[e] >= 0 ? z->loaded[e] : z->index[z->g->par[e]]; }

/* Copy a uniform operand into a slot of its own, for the instructions that want lanes. */
static int load_uniforms(Compiler *z, long i, int arity) {
    const Graph *g = z->g;
    long e, from = g->start[i], to = g->start[i + 1];
    if (!z->t->lanes || is_dot(g->op[i]) || g->op[i] == OPX_LOAD) return 0;
    for (e = from; e < to; e++) {
        if (!uniform(g, g->par[e])) continue;
        if (arity == 2 && !(e == from && uniform(g, g->par[e + 1]))) continue; /* one uniform of two is an instruction's mode */
        z->loaded[e] = fresh_slot(z);
        if (emit(z, OPX_LOAD * 4, z->loaded[e], z->index[g->par[e]], 0, 0) < 0) return -1;
    }
    return 0;
}

static int32_t aux_here(const Compiler *z) { return (int32_t)z->t->aux.n; }

static int aux(Compiler *z, int32_t x) { return ints_push(&z->t->aux, x); }

/* Where edge e sends its contributions: -1 nowhere, else 2 * index + (is it the first one?). Call in the sweep's order. */
static int32_t target(Compiler *z, long i, long e) {
    const Graph *g = z->g;
    int32_t p = g->par[e], at;
    if (!z->need[i] || !in_sweep(g, i) || !z->need[p]) return -1;
    if (z->loaded[e] >= 0) { /* the copy is met once; its own contribution is reserved now, in this edge's turn */
        z->reserved[e] = (int32_t)(z->t->nu + z->t->adjoints++);
        if (ints_push(&z->param_uses[g->ref[p]], z->reserved[e]) < 0) return -2;
        return 2 * z->loaded[e] + 1;
    }
    if (z->t->lanes && g->kind[p] == KIND_PARAM) {
        at = (int32_t)(z->t->nu + z->t->adjoints++);
        if (ints_push(&z->param_uses[g->ref[p]], at) < 0) return -2;
        return 2 * at + 1;
    }
    at = z->index[p];
    if (!z->t->lanes) return 2 * at;
    if (z->touched[p]) return 2 * at;
    z->touched[p] = 1;
    return 2 * at + 1;
}

/* Is this dot(ws, ws) of leaves that all take a gradient, without a bias?  The penalty of every weight decay. */
static int is_squares(const Graph *g, long i) {
    long from = g->start[i], n = (g->start[i + 1] - from) / 2, j;
    if (g->op[i] != OP_DOT || (g->start[i + 1] - from) % 2) return 0;
    for (j = 0; j < n; j++)
        if (g->par[from + j] != g->par[from + n + j] || g->kind[g->par[from + j]] != KIND_PARAM) return 0;
    return 1;
}

/* Count the runs of consecutive places among its operands; with `write`, put (start, length) of each into aux. */
static long segments(Compiler *z, long i, int write) {
    const Graph *g = z->g;
    long from = g->start[i], n = (g->start[i + 1] - from) / 2, j, count = 0, length;
    for (j = 0; j < n; j += length, count++) {
        int32_t start = z->index[g->par[from + j]];
        for (length = 1; j + length < n && z->index[g->par[from + j + length]] == start + length;) length++;
        if (write && (aux(z, start) < 0 || aux(z, (int32_t)length) < 0)) return -1;
    }
    return count;
}

/* Where a one-lane tape keeps the transposed weights of a layer. Two layers may share parameters and yet be transposed apart. */
static int32_t turned_at(Compiler *z, const Group *group, int32_t w0) {
    Tape *t = z->t;
    Matrix *m = group->weights == KIND_PARAM ? t->matrices + group->matrix : NULL;
    long at = t->transposed_size;
    if (t->lanes) return 0;
    if (m && m->transposed) return m->transposed - 1;
    ints_push(&t->transposed, w0); ints_push(&t->transposed, group->J); ints_push(&t->transposed, group->I);
    t->transposed_size += (long)group->J * group->I;
    if (m) m->transposed = (int32_t)at + 1;
    return (int32_t)at;
}

/* The rows of a layer in the graph's order: the reverse takes them from the last to the first. */
static int rows_in_order(Compiler *z, const Group *group) {
    Pair *rows = malloc((size_t)group->J * sizeof *rows);
    int32_t m, n = 0, j, ok = rows ? 0 : -1;
    for (m = group->top; rows && m >= 0; m = z->layers.next_member[m], n++) rows[n] = (Pair){m, n};
    if (rows) qsort(rows, (size_t)n, sizeof *rows, by_key);
    for (j = 0; j < n && ok == 0; j++) ok = aux(z, rows[j].item);
    free(rows);
    return ok;
}

/* Softmaxes, and the like, over one vector share its folds: the head computes them into slots of their own. */
typedef struct { uint64_t hash; int32_t node; } Seen;

static int emit_forward(Compiler *z, Seen *seen, long nseen, int32_t *where, const uint8_t *varies, int wanted) {
    const Graph *g = z->g;
    long u, e, j;
    for (u = 0; u < z->units.n; u++) {
        long i = z->units.v[u], from = g->start[i], to = g->start[i + 1], n = to - from;
        int op = g->op[i], arity = arity_of(g, i), mode = 0;
        int32_t y = z->index[rows_of(z, (int32_t)i)], at = aux_here(z);
        if (wanted != 1 && load_uniforms(z, i, arity) < 0) return -1; /* with the first pass, where there are two */
        if (wanted >= 0 && varies[i] != wanted) continue;
        if (!z->t->lanes && z->regions.ends[u] >= 0) z->barrier = z->t->nfwd;
        z->first_ins[u] = (int32_t)z->t->nfwd;
        where[i] = at;
        if (is_row(z, (int32_t)i)) {
            const Group *group = z->layers.v + z->layers.group_of[i];
            long k = z->layers.group_of[i];
            int32_t w0 = group->weights == KIND_PARAM ? z->t->matrices[group->matrix].w0 : z->bias_place[2 * k];
            int32_t b0 = !group->biased ? -1 : group->biased == KIND_PARAM ? z->t->matrices[group->matrix].b0 : z->bias_place[2 * k + 1];
            int contiguous = 1;
            for (j = 1; j < group->I; j++)
                contiguous &= z->index[g->par[from + group->I + j]] == z->index[g->par[from + group->I]] + j;
            /* J I w0 b0 y0 contiguous order sends(w, b) transposed x[I] gx[I]; order: where the rows in the graph's order follow, or 0 */
            aux(z, group->J); aux(z, group->I); aux(z, w0); aux(z, b0); aux(z, y); aux(z, contiguous); aux(z, group->sorted ? 9 + 2 * group->I : 0);
            aux(z, (group->needed && group->weights == KIND_PARAM) + 2 * (group->needed && group->biased == KIND_PARAM));
            aux(z, turned_at(z, group, w0));
            for (j = 0; j < group->I; j++) aux(z, z->index[g->par[from + group->I + j]]);
            for (j = 0; j < group->I; j++) if (aux(z, -1) < 0) return -1;
            if (group->sorted && rows_in_order(z, group) < 0) return -1;
            if (emit(z, OPX_LAYER * 4, y, at, 0, 0) < 0) return -1;
            z->t->layers++;
            if ((long)group->J * group->I > z->t->largest_layer) z->t->largest_layer = (long)group->J * group->I;
        } else if (!z->t->lanes && is_squares(g, i) && (n = segments(z, i, 0)) * 16 < to - from) {
            /* segments, do they send, then start and length of each */
            aux(z, (int32_t)n); aux(z, z->need[i] && in_sweep(g, i));
            if (segments(z, i, 1) < 0 || emit(z, OPX_SQUARES * 4, y, at, 0, 0) < 0) return -1;
            z->made[i] = (int32_t)(z->t->nfwd - 1);
        } else if (is_dot(op)) {
            n = to - from;
            /* n, bias, target of bias, is it a chain, then w x gw gx for each product */
            aux(z, (int32_t)(n / 2)); aux(z, n % 2 ? z->index[g->par[to - 1]] : -1); aux(z, -1); aux(z, op == OPX_CHAIN);
            for (j = 0; j < n / 2; j++) {
                aux(z, z->index[g->par[from + j]]); aux(z, z->index[g->par[from + n / 2 + j]]); aux(z, -1);
                if (aux(z, -1) < 0) return -1;
            }
            if (emit(z, OP_DOT * 4, y, at, 0, 0) < 0) return -1;
            z->made[i] = (int32_t)(z->t->nfwd - 1);
        } else if (ad_reduces(op)) {
            uint64_t h = hash_vector(g->par + from, n) + (uint64_t)op * 1315423911u;
            Seen *s = seen + (h & (uint64_t)(nseen - 1));
            int exponential = ad_exponentials(op);
            int32_t head = -1, m;
            if (s->hash == h && s->node >= 0 && g->op[s->node] == op && g->start[s->node + 1] - g->start[s->node] == n &&
                memcmp(g->par + g->start[s->node], g->par + from, (size_t)n * 4) == 0) head = where[s->node];
            else { s->hash = h; s->node = (int32_t)i; }
            m = head >= 0 ? z->t->aux.v[head + 1] : fresh_slot(z);
            if (head < 0) { fresh_slot(z); if (exponential) for (j = 0; j < n; j++) fresh_slot(z); }
            /* n, slot of m (s follows, then exp(x - m) / s), index, is it the head, x[n], gx[n] */
            aux(z, (int32_t)n); aux(z, m); aux(z, g->ref[i]); aux(z, head < 0);
            for (e = from; e < to; e++) aux(z, operand(z, e));
            for (e = from; e < to; e++) if (aux(z, -1) < 0) return -1;
            if (emit(z, op * 4, y, at, 0, 0) < 0) return -1;
        } else if (arity == 0) { /* n, which callable, x[n], gx[n], first slot of the partials or -1 */
            int32_t kept = -1;
            aux(z, (int32_t)n); aux(z, g->ref[i]);
            for (e = from; e < to; e++) aux(z, operand(z, e));
            for (e = from; e < to; e++) if (aux(z, -1) < 0) return -1;
            for (e = from; e < to && z->need[i] && in_sweep(g, i); e++) { int32_t s = fresh_slot(z); if (e == from) kept = s; }
            if (aux(z, kept) < 0) return -1;
            if (emit(z, OP_CUSTOM * 4, y, at, 0, 0) < 0) return -1;
        } else if (arity == 3) {
            for (e = from; e < to; e++) aux(z, operand(z, e));
            for (e = from; e < to; e++) if (aux(z, -1) < 0) return -1;
            if (emit(z, op * 4, y, at, 0, 3) < 0) return -1;
        } else {
            int32_t a = operand(z, from), b = arity == 2 ? operand(z, from + 1) : 0;
            if (!z->t->lanes) {
                int sends = z->need[i] && in_sweep(g, i);
                int to_a = sends && z->need[g->par[from]], to_b = sends && arity == 2 && z->need[g->par[from + 1]];
                mode = arity == 1 ? (to_a ? SEND_BOTH : SEND_NONE) : to_a && to_b ? SEND_BOTH : to_b ? SEND_B : to_a ? SEND_A : SEND_NONE;
            } else if (arity == 2) mode = a < z->t->nu ? MODE_UV : b < z->t->nu ? MODE_VU : MODE_VV;
            if (z->t->lanes && z->same[i] >= 0 && op != OPX_LOAD && !ad_cheap(op)) { /* copied forward; its reverse is its own */
                z->t->shared++;
                if (emit(z, OPX_LOAD * 4, y, z->index[z->same[i]], 0, 0) < 0) return -1;
            } else if (emit(z, op * 4 + mode, y, a, b, op == OPX_LOAD ? 0 : arity) < 0) return -1;
        }
        if (!z->t->lanes && z->regions.from[u] >= 0) { /* a one-lane tape is its own reverse: what skips a region stands above it */
            int32_t first = z->first_ins[z->regions.from[u]];
            if (ints_push(&z->t->heads, y) < 0 || emit(z, OPX_SKIP * 4, y, (int32_t)z->t->nfwd - first, 0, 0) < 0) return -1;
            z->barrier = z->t->nfwd;
        }
    }
    return 0;
}

/* What depends on parameters and constants alone is computed once a run, not once a block: it comes first. */
static int emit_in_passes(Compiler *z, Seen *seen, long nseen, int32_t *where) {
    const Graph *g = z->g;
    long i, e;
    int ok = -1;
    uint8_t *varies = calloc((size_t)g->n + 1, 1);
    if (!varies) return -1;
    for (i = 0; i < g->n; i++) {
        varies[i] = g->kind[i] == KIND_INPUT || (g->kind[i] == KIND_OP && g->op[i] == OP_CUSTOM);
        for (e = g->start[i]; g->kind[i] == KIND_OP && e < g->start[i + 1]; e++) varies[i] |= varies[g->par[e]];
    }
    if (!z->t->lanes) ok = emit_forward(z, seen, nseen, where, varies, -1); /* it is its own reverse: order matters */
    else if (emit_forward(z, seen, nseen, where, varies, 0) == 0) {
        z->barrier = z->t->uniform = z->t->nfwd;
        ok = emit_forward(z, seen, nseen, where, varies, 1);
    }
    free(varies);
    return ok;
}

static int sends_flags(int32_t a, int32_t b) {
    return (a < 0 ? SKIP_A : a & 1 ? FIRST_A : 0) | (b < 0 ? SKIP_B : b & 1 ? FIRST_B : 0);
}

/* Before a largest region: what is outside of a region and first reached from within it starts now, in case it is skipped. */
static int start_outside(Compiler *z, long first, long head) {
    const Graph *g = z->g;
    long u, e;
    for (u = head; u >= first; u--) {
        long i = z->units.v[u];
        for (e = g->start[i]; e < g->start[i + 1]; e++) {
            int32_t p = g->par[e], at = z->regions.unit_of[p];
            if (!z->need[i] || !z->need[p] || g->kind[p] == KIND_PARAM || z->touched[p] || at >= z->regions.inner[u]) continue;
            if (emit_reverse(z, OPX_ZERO * 4, at >= 0 && z->regions.from[at] >= 0 ? FIRST_A : 0, z->index[p], 0, 0, 0, 0, 0) < 0) return -1;
            z->touched[p] = 1;
        }
    }
    return 0;
}

typedef struct { int32_t first; long rev; int32_t slots; } Open; /* a region whose reverse is being emitted */

static int open_region(Compiler *z, long u, Open *open, long *depth) {
    Tape *t = z->t;
    if (!t->lanes || z->regions.from[u] < 0 || !z->touched[z->units.v[u]]) return 0;
    if (!*depth && start_outside(z, z->regions.from[u], u) < 0) return -1;
    if (emit_reverse(z, OPX_SKIP * 4, 0, z->index[z->units.v[u]], 0, 0, 0, 0, 0) < 0) return -1;
    open[(*depth)++] = (Open){z->regions.from[u], t->nrev, (int32_t)(t->nu + t->adjoints)};
    z->reverse_barrier = t->nrev;
    return 0;
}

static void close_regions(Compiler *z, long u, Open *open, long *depth) { /* unit u is done */
    Tape *t = z->t;
    for (; *depth && open[*depth - 1].first == u; --*depth) {
        const Open *o = open + *depth - 1;
        Rev *skip = t->rev + o->rev - 1;
        skip->a = o->slots; skip->b = (int32_t)(t->nu + t->adjoints); /* of parameters: contributions that do not come */
        skip->ga = (int32_t)(t->nrev - o->rev);
        z->reverse_barrier = t->nrev;
    }
}

static int emit_backward_of(Compiler *z, const int32_t *where, long u) {
    const Graph *g = z->g;
    Tape *t = z->t;
    long e, j;
    long i = z->units.v[u], from = g->start[i], to = g->start[i + 1], n = to - from;
    int op = g->op[i], arity = arity_of(g, i);
    int32_t y = z->index[rows_of(z, (int32_t)i)], at = where[i], *x, ga, gb = -1;
    if (!z->need[i] || !in_sweep(g, i)) return 0;
    if (is_row(z, (int32_t)i)) {
        const Group *group = z->layers.v + z->layers.group_of[i];
        int32_t m;
        for (m = group->top; t->lanes && m >= 0; m = z->layers.next_member[m])
            if (!z->touched[m] && emit_reverse(z, OPX_ZERO * 4, 0, z->index[m], 0, 0, 0, 0, 0) < 0) return -1;
        for (j = 0; j < group->I; j++) t->aux.v[at + 9 + group->I + j] = target(z, i, from + group->I + j);
        if (t->lanes && group->matrix >= 0 && t->aux.v[at + 7]) {
            Matrix *m = t->matrices + group->matrix;
            t->matrix_uses.v[m->first_use + m->uses++] = at;
        }
        if (t->lanes && emit_reverse(z, OPX_LAYER * 4, 0, y, at, 0, 0, 0, 0) < 0) return -1;
        return 0;
    }
    if (t->lanes && !z->touched[i]) return 0; /* the sweep never reaches it */
    if (!t->lanes && is_squares(g, i) && t->fwd[z->made[i]].code == OPX_SQUARES * 4) return 0;
    if (is_dot(op)) {
        long k = n / 2;
        x = t->aux.v + at + 4;
        if (op == OPX_CHAIN)
            for (j = k - 1; j >= 0; j--) { x[4 * j + 2] = target(z, i, from + j); x[4 * j + 3] = target(z, i, from + k + j); }
        else {
            for (j = 0; j < k; j++) x[4 * j + 2] = target(z, i, from + j);
            for (j = 0; j < k; j++) x[4 * j + 3] = target(z, i, from + k + j);
        }
        if (n % 2) t->aux.v[at + 2] = target(z, i, to - 1);
        if (t->lanes && emit_reverse(z, OP_DOT * 4, 0, y, at, 0, 0, 0, 0) < 0) return -1;
        return 0;
    }
    if (arity == 0 || arity == 3) {
        long head = ad_reduces(op) ? 4 : arity == 0 ? 2 : 0;
        for (e = from; e < to; e++) t->aux.v[at + head + n + (e - from)] = target(z, i, e);
        if (t->lanes && emit_reverse(z, (ad_reduces(op) || arity == 3 ? op : OP_CUSTOM) * 4, 0, y, at, 0, 0, 0, 0) < 0) return -1;
    } else {
        int mode = 0;
        int32_t a = operand(z, from), b = arity == 2 ? operand(z, from + 1) : 0;
        ga = target(z, i, from);
        if (arity == 2) gb = target(z, i, from + 1);
        if (!t->lanes) return 0;
        if (arity == 2) mode = a < t->nu ? MODE_UV : b < t->nu ? MODE_VU : MODE_VV;
        if (emit_reverse(z, op * 4 + mode, sends_flags(ga, gb), y, a, b, ga >> 1, gb >> 1, op == OPX_LOAD ? 0 : arity) < 0)
            return -1;
    }
    for (e = to - 1; t->lanes && e >= from; e--)
        if (z->loaded[e] >= 0 && z->need[g->par[e]] &&
            emit_reverse(z, OPX_LOAD * 4, FIRST_A | SKIP_B, z->loaded[e], z->index[g->par[e]], 0, z->reserved[e], -1, 0) < 0)
            return -1;
    return 0;
}

static int emit_backward(Compiler *z, const int32_t *where) {
    long u, depth = 0, j;
    Open *open = malloc((size_t)(z->units.n + 1) * sizeof *open);
    int ok = open ? 0 : -1;
    for (j = 0; j < z->t->outputs; j++) z->touched[z->g->outs[j]] = 1;
    for (u = z->units.n - 1; u >= 0 && ok == 0; u--) {
        if ((ok = open_region(z, u, open, &depth)) == 0 && (ok = emit_backward_of(z, where, u)) == 0) close_regions(z, u, open, &depth);
    }
    free(open);
    return ok;
}

static int collect_scalars(Compiler *z) {
    Tape *t = z->t;
    long p, j;
    t->scalars = malloc((size_t)(t->params + 1) * sizeof(Scalar));
    if (!t->scalars) return -1;
    for (p = 0; p < t->params; p++) {
        const Ints *uses = z->param_uses + t->order[p];
        Scalar *s = t->scalars + t->nscalars;
        if (!uses->n) continue;
        s->param = (int32_t)p; s->uses = (int32_t)uses->n; s->first_use = (int32_t)t->scalar_uses.n;
        for (j = 0; j < uses->n; j++) if (ints_push(&t->scalar_uses, uses->v[j]) < 0) return -1;
        t->nscalars++;
        t->contributions += uses->n;
    }
    return 0;
}

static int finish_tables(Compiler *z) {
    Graph *g = z->g;
    Tape *t = z->t;
    long i;
    t->out = malloc((size_t)(t->outputs + 1) * 4);
    t->input_adjoint = malloc((size_t)(t->inputs + 1) * 4);
    t->guards = malloc((size_t)(g->nguards + 1) * sizeof(Guard));
    if (!t->out || !t->input_adjoint || !t->guards) return -1;
    for (i = 0; i < t->outputs; i++) t->out[i] = z->index[g->outs[i]];
    for (i = 0; i < t->inputs; i++) t->input_adjoint[i] = -1;
    for (i = 0; i < g->n; i++)
        if (g->kind[i] == KIND_INPUT && (z->touched[i] || !t->lanes)) t->input_adjoint[g->ref[i]] = z->index[i];
    t->nguards = g->nguards;
    for (i = 0; i < g->nguards; i++) {
        t->guards[i].left = z->index[g->guards[4 * i]];
        t->guards[i].right = z->index[g->guards[4 * i + 1]];
        t->guards[i].relation = g->guards[4 * i + 2];
        t->guards[i].outcome = g->guards[4 * i + 3];
    }
    return 0;
}

static Ins *settle(Ins *list, long n, int lanes) { /* in a block of their own, with spare ones at both ends; a one-lane tape's runs are marked */
    long k;
    Ins *block = calloc((size_t)n + 2 * AHEAD, sizeof *block);
    if (!block) return NULL;
    memcpy(block + AHEAD, list, (size_t)n * sizeof *block);
    free(list);
    for (k = 0; k < n && !lanes; k++) if (block[AHEAD + k].n > 1) block[AHEAD + k].code |= RUN;
    return block;
}

static int settle_both(Tape *t) {
    if (!(t->fwd_block = settle(t->fwd, t->nfwd, t->lanes))) return -1;
    t->fwd = t->fwd_block + AHEAD;
    if (t->bwd && !(t->bwd_block = settle(t->bwd, t->nbwd, 0))) return -1;
    if (t->bwd) t->bwd = t->bwd_block + AHEAD;
    else { t->bwd = t->fwd; t->nbwd = t->nfwd; }
    return 0;
}

static Tape *tape_compile(Graph *g0, int lanes) {
    Compiler z = {0};
    Graph h = {0};
    Seen *seen = NULL;
    int32_t *where = NULL;
    long i, nseen = 64;
    int ok = -1;
    uint8_t *counts = NULL;
    Tape *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->lanes = lanes;
    t->params = g0->nparams; t->inputs = g0->ninputs; t->outputs = g0->nouts;
    z.t = t; z.g = &h;
    if (rewrite(g0, &h, t) < 0) goto done;
    t->live = h.n;
    while (nseen < h.n / 4) nseen *= 2;
    z.need = calloc((size_t)h.n + 1, 1); z.touched = calloc((size_t)h.n + 1, 1); counts = calloc((size_t)h.n + 1, 1);
    z.index = malloc((size_t)(h.n + 1) * 4); z.param_at = malloc((size_t)(t->params + 1) * 4);
    t->order = malloc((size_t)(t->params + 1) * 4);
    z.loaded = malloc((size_t)(h.nedges + 1) * 4); z.reserved = malloc((size_t)(h.nedges + 1) * 4);
    z.param_uses = calloc((size_t)t->params + 1, sizeof(Ints));
    z.made = malloc((size_t)(h.n + 1) * 4); z.same = malloc((size_t)(h.n + 1) * 4); where = malloc((size_t)(h.n + 1) * 4); seen = malloc((size_t)nseen * sizeof *seen);
    if (!z.need || !z.touched || !counts || !z.index || !z.param_at || !t->order || !z.loaded || !z.reserved || !z.param_uses || !z.made || !z.same || !where || !seen)
        goto done;
    memset(z.index, 0xff, (size_t)(h.n + 1) * 4); memset(z.param_at, 0xff, (size_t)(t->params + 1) * 4);
    memset(z.loaded, 0xff, (size_t)(h.nedges + 1) * 4); memset(z.reserved, 0xff, (size_t)(h.nedges + 1) * 4);
    for (i = 0; i < nseen; i++) seen[i].node = -1;
    mark_needed(&h, z.need);
    for (i = 0; i < h.n; i++) counts[i] = h.kind[i] == KIND_OP && z.need[i] && in_sweep(&h, i);
    /* uniform_first exchanges edges, so it comes before the consumers' places are known */
    for (i = 0; i < h.n; i++) if (h.kind[i] == KIND_OP && is_dot(h.op[i])) uniform_first(&h, i);
    if (consumers_of(&h, counts, &z.c) < 0 || find_layers(&h, &z.c, z.need, &z.layers) < 0) goto done;
    z.bias_place = malloc((size_t)(2 * z.layers.n + 2) * 4);
    if (!z.bias_place || place_matrices(&z) < 0) goto done;
    if (lanes) expand_mixed(&z);
    for (i = 0; i < t->params; i++)
        if (z.param_at[i] < 0) { t->order[z.nplaced] = (int32_t)i; z.param_at[i] = (int32_t)z.nplaced++; }
    if (place_constants(&z) < 0) goto done;
    t->nu = t->params + t->nconsts;
    if (assign_slots(&z) < 0) goto done;
    { /* each matrix's uses, in the sweep's order; counted before, filled by emit_backward */
        int32_t total = 0;
        for (i = 0; i < t->nmatrices; i++) {
            t->matrices[i].first_use = total;
            total += t->matrices[i].uses;
            t->matrices[i].uses = 0;
        }
        for (i = 0; i < total; i++) if (ints_push(&t->matrix_uses, -1) < 0) goto done;
    }
    z.first_ins = malloc((size_t)(z.units.n + 1) * 4);
    if (!z.first_ins || find_regions(&z, &z.regions) < 0) goto done;
    if ((lanes && find_equal(&h, NULL, z.same) < 0) || emit_in_passes(&z, seen, nseen, where) < 0) goto done;
    t->adjoints = t->slots;
    if (emit_backward(&z, where) < 0 || collect_scalars(&z) < 0 || finish_tables(&z) < 0 || find_stretches(&z) < 0 || settle_both(t) < 0) goto done;
    ok = 0;
done:
    for (i = 0; z.param_uses && i < t->params; i++) free(z.param_uses[i].v);
    free(z.param_uses); free(z.need); free(z.touched); free(counts); free(z.index); free(z.param_at); free(z.loaded);
    free(z.reserved); free(where); free(seen); free(z.units.v); free(z.layers.v); free(z.layers.group_of);
    free(z.layers.next_member); free(z.bias_place); free(z.made); free(z.same); free(z.first_ins);
    regions_free(&z.regions);
    consumers_free(&z.c);
    graph_free(&h);
    if (ok < 0) { tape_free(t); return NULL; }
    return t;
}
