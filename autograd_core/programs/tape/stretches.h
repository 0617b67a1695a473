/* Loops that were written out run as stretches: one instruction for the same operation of all turns. Part of `tape/compile.h`.
 *
 * A one-lane tape often repeats some P instructions, each turn on the next numbers.  Then the values of all turns are computed
 * operation by operation, from slots that lie side by side.  No bit changes: forward, nothing is used before it is there (in a
 * turn an operation uses earlier ones of the P only, of this turn or another).  In reverse a contribution is a *task*, the same
 * edge of all turns.  Task A comes before B where some number receives from A right before B in the order of the sweep, and
 * where A sends to what B takes from.  If there is no such order, the reverse of these turns stays as it was. */

enum { MOST_PERIOD = 32, LEAST_TURNS = 8, MOST_TURNS = 256, MOST_TASKS = 64, MOST_OPERANDS = 17 };

typedef struct { int32_t *x; int32_t target; } Operand; /* where it stands; the number that receives, or -1 */
typedef struct { uint16_t code; int32_t target, other; } Edge;

typedef struct {
    const Compiler *z;
    Ins *v; long n;              /* instructions one by one */
    int32_t *place;              /* index -> where it stands now */
    int32_t *last, *stamp;       /* index -> the last task that sent to it, in the loop `stamp` */
    int anywhere;                /* may parameters stand anywhere, as yet? */
    Ints found;                  /* loops: first instruction, period, turns */
    uint64_t *codes; uint8_t *alike; /* see `look_through` */
    long none_before[MOST_PERIOD + 1]; /* of a period: no loop starts before this instruction */
    Ins *fwd, *bwd; long nfwd, fwd_room, nbwd, bwd_room;
} Loops;

/* How many operands stand in the instruction itself: 1, 2, or none. */
static int width(int op) {
    if (op == OPX_LOAD) return 1;
    if (op == OPX_MULADD) return 2;
    return op >= OP_END || is_dot(op) || ad_reduces(op) || ad_called(op) || ad_arity(op) > 2 ? 0 : ad_arity(op);
}

static int repeats(const Ins *in) { return in->code >> 2 == OP_DOT || width(in->code >> 2); } /* can it be an instruction of a loop? */

/* Its operands, a dot's product by product, and what each of them receives; 0 where there are too many. */
static int operands_of(const Tape *t, Ins *in, Operand *to) {
    int op = in->code >> 2, mode = in->code & 3, j, n;
    int32_t *ax = t->aux.v + in->a;
    if (op != OP_DOT) {
        to[0] = (Operand){&in->a, mode == SEND_BOTH || mode == SEND_A ? in->a : -1};
        if (width(op) == 2) to[1] = (Operand){&in->b, mode == SEND_BOTH || mode == SEND_B ? in->b : -1};
        return width(op);
    }
    n = 2 * ax[0];
    if (n + 1 > MOST_OPERANDS) return 0;
    for (j = 0; j < n; j++) {
        int32_t *product = ax + 4 + 4 * (j / 2);
        to[j] = (Operand){product + j % 2, product[2 + j % 2] < 0 ? -1 : product[2 + j % 2] >> 1};
    }
    if (ax[1] >= 0) to[n++] = (Operand){ax + 1, ax[2] < 0 ? -1 : ax[2] >> 1};
    return n;
}

/* What it sends, in the order of the sweep, as instructions of one target each. */
static int edges_of(const Tape *t, Ins *in, Edge *to) {
    Operand x[MOST_OPERANDS];
    int n = operands_of(t, in, x), op = in->code >> 2, k = 0, j;
    const int32_t *ax = t->aux.v + in->a;
    if (op != OP_DOT) {
        int32_t b = n == 2 ? in->b : 0;
        if (x[0].target >= 0) to[k++] = (Edge){(uint16_t)(op == OPX_LOAD ? OP_ADD * 4 + SEND_A : op * 4 + (n == 2 ? SEND_A : SEND_BOTH)), in->a, b};
        if (n == 2 && x[1].target >= 0) to[k++] = (Edge){(uint16_t)(op * 4 + SEND_B), b, in->a};
        return k;
    }
#define PRODUCT(i) if (x[i].target >= 0) to[k++] = (Edge){OP_MUL * 4 + SEND_A, x[i].target, *x[(i) ^ 1].x}
    if (ax[3]) for (j = ax[0] - 1; j >= 0; j--) { PRODUCT(2 * j); PRODUCT(2 * j + 1); } /* a chain */
    else {
        for (j = 0; j < ax[0]; j++) PRODUCT(2 * j);
        for (j = 0; j < ax[0]; j++) PRODUCT(2 * j + 1);
    }
#undef PRODUCT
    if (n % 2 && x[n - 1].target >= 0) to[k++] = (Edge){OP_ADD * 4 + SEND_A, x[n - 1].target, 0};
    return k;
}

/* Does instruction j do what j - P does, one turn later?  The loop starts at instruction i. */
static int continues(const Loops *s, long i, long P, long j) {
    Ins *now = s->v + j, *before = now - P;
    Operand x[MOST_OPERANDS], was[MOST_OPERANDS];
    int32_t base = s->v[i].y;
    int k, n;
    if (now->code != before->code || now->y != before->y + P || (now->code >> 2 == OP_DOT && s->z->t->aux.v[now->a + 3] != s->z->t->aux.v[before->a + 3])) return 0;
    n = operands_of(s->z->t, now, x);
    if (!n || n != operands_of(s->z->t, before, was)) return 0;
    for (k = 0; k < n; k++) {
        int32_t to = *x[k].x, from = *was[k].x;
        if ((x[k].target < 0) != (was[k].target < 0)) return 0;
        if (to >= base) { if ((to - base) % P >= (j - i) % P || to - from != P) return 0; }
        else if (s->anywhere && to < s->z->t->params && from < s->z->t->params) continue;
        else if (s->place[to] != s->place[from] && s->place[to] != s->place[from] + 1) return 0;
    }
    return 1;
}

/* How many turns of which period start at instruction i; 0: no loop does. */
static long turns_at(Loops *s, long i, long *period) {
    long P, j, turns;
    for (P = 1; P <= MOST_PERIOD && i + LEAST_TURNS * P <= s->n; P++) {
        if (s->codes[i + P] != s->codes[i] || s->codes[i + 2 * P] != s->codes[i] || i < s->none_before[P]) continue;
        if (s->alike[i] < P) return 0; /* nor with a longer period */
        for (j = i + P; j < s->n && j < i + MOST_TURNS * P && continues(s, i, P, j); j++) {}
        turns = (j - i) / P;
        if (turns >= LEAST_TURNS) { *period = P; return turns; }
        if (turns > 2) s->none_before[P] = j - 2 * P;
    }
    return 0;
}

/* For each instruction its code and those of the next three, and how many from it on may be in a loop, up to the longest period. */
static int look_through(Loops *s) {
    long i;
    s->codes = calloc((size_t)s->n + 1, sizeof *s->codes);
    s->alike = calloc((size_t)s->n + 1, 1);
    if (!s->codes || !s->alike) return -1;
    for (i = s->n - 1; i >= 0; i--) {
        uint8_t more = i + 1 < s->n && s->v[i + 1].y == s->v[i].y + 1 ? s->alike[i + 1] : 0;
        s->codes[i] = s->codes[i + 1] << 16 | s->v[i].code;
        s->alike[i] = !repeats(s->v + i) ? 0 : more < MOST_PERIOD ? more + 1 : more;
    }
    return 0;
}

/* Put an instruction behind a list, or make the last one longer; `step` is 1 forward, -1 where the list is a walk back. */
static int put(Loops *s, int step, Ins in) {
    Ins **v = step > 0 ? &s->fwd : &s->bwd, *last, *made;
    long *n = step > 0 ? &s->nfwd : &s->nbwd;
    int op = in.code >> 2, mode = in.code & 3, two = width(op) == 2;
    last = *n ? *v + *n - 1 : NULL;
    if (last && width(op) && (op != OPX_LOAD || step > 0) &&
        (last->code & ~(FIX_A | FIX_B)) == in.code && in.n == 1 && last->n < 60000 &&
        in.y == (step > 0 ? last->y + last->n : last->y - 1)) {
        int32_t count = last->n, first = step > 0 ? last->y : in.y, a = step > 0 ? last->a : in.a, b = step > 0 ? last->b : in.b;
        int fresh = count == 1, moves = step > 0 ? count : -1;
        int a_runs = in.a == last->a + moves && !(last->code & FIX_A) && a + count < first;
        int b_runs = two && in.b == last->b + moves && !(last->code & FIX_B) && b + count < first;
        int a_stays = (two || op == OPX_LOAD) && in.a == last->a && (fresh || last->code & FIX_A), b_stays = two && in.b == last->b && (fresh || last->code & FIX_B);
        int ok = a_runs && (!two || b_runs || b_stays);
        if (a_stays && (!two || b_runs)) ok = 1;
        if (step < 0 && two && mode == SEND_BOTH) ok = a_runs && b_runs && (a == b || a + count < b || b + count < a); /* each receives its own */
        if (ok) {
            if (!a_runs) last->code |= FIX_A;
            if (two && !b_runs) last->code |= FIX_B;
            if (step < 0) { last->y = in.y; last->a = in.a; last->b = in.b; }
            last->n++;
            return 0;
        }
    }
    made = with_room(*v, *n, step > 0 ? &s->fwd_room : &s->bwd_room, sizeof *made);
    if (!made) return -1;
    *v = made;
    made[(*n)++] = in;
    return 0;
}

static int32_t moved(const Loops *s, int32_t at) { return at < 0 ? at : s->place[at]; }

/* The loop's values, operation by operation; a dot is a product, or its bias, and one multiply-add after the other. */
static int loop_forward(Loops *s, long i, long P, long turns) {
    const Tape *t = s->z->t;
    Operand x[MOST_OPERANDS];
    long p, k;
    int j, n, steps;
    for (p = 0; p < P; p++) {
        int dot = s->v[i + p].code >> 2 == OP_DOT, bias;
        steps = 1; bias = 0;
        if (dot) {
            n = operands_of(t, s->v + i + p, x);
            bias = n % 2;
            steps = n / 2 + bias;
        }
        for (j = 0; j < steps; j++)
            for (k = 0; k < turns; k++) {
                Ins in = s->v[i + k * P + p];
                int32_t y = s->place[in.y];
                if (!dot) in = (Ins){(uint16_t)(in.code & ~3), 1, y, s->place[in.a], width(in.code >> 2) == 2 ? s->place[in.b] : 0};
                else {
                    n = operands_of(t, s->v + i + k * P + p, x);
                    if (bias && !j) in = (Ins){OPX_LOAD * 4, 1, y, s->place[*x[n - 1].x], 0};
                    else in = (Ins){(uint16_t)((j ? OPX_MULADD : OP_MUL) * 4), 1, y, s->place[*x[2 * (j - bias)].x], s->place[*x[2 * (j - bias) + 1].x]};
                }
                if (put(s, 1, in) < 0) return -1;
            }
    }
    return 0;
}

/* An order of the loop's tasks that keeps every bit, in `order`; returns how many there are, or -1: there is none. Task
 * first[p] + e is edge e of operation p; they are numbered as the sweep takes them. */
static int order_of_tasks(Loops *s, long i, long P, long turns, int32_t stamp, int *first, int *order) {
    const Tape *t = s->z->t;
    uint64_t after[MOST_TASKS] = {0}, done = 0;
    Edge edges[MOST_OPERANDS];
    int32_t base = s->v[i].y;
    long p, k;
    int tasks = 0, e, n, made, T, U;
    for (p = P - 1; p >= 0; p--) { first[p] = tasks; tasks += edges_of(t, s->v + i + p, edges); if (tasks > MOST_TASKS) return -1; }
    for (k = turns - 1; k >= 0; k--)
        for (p = P - 1; p >= 0; p--)
            for (n = edges_of(t, s->v + i + k * P + p, edges), e = 0; e < n; e++) {
                int32_t to = edges[e].target;
                T = first[p] + e;
                if (s->stamp[to] == stamp && s->last[to] != T) after[T] |= 1ull << s->last[to];
                s->stamp[to] = stamp; s->last[to] = T;
                if (to >= base) {
                    long q = (to - base) % P;
                    int end = q ? first[q - 1] : tasks;
                    for (U = first[q]; U < end; U++) after[U] |= 1ull << T;
                }
            }
    for (made = 0; made < tasks; made++) {
        for (T = 0; T < tasks && (done >> T & 1 || after[T] & ~done); T++) {}
        if (T == tasks) return -1;
        done |= 1ull << T;
        order[made] = T;
    }
    return tasks;
}

static int back_singly(Loops *s, Ins in) {
    int n = width(in.code >> 2);
    if (n && (in.code & 3) == SEND_NONE) return 0;
    if (n) in.a = s->place[in.a];
    if (n == 2) in.b = s->place[in.b];
    in.y = s->place[in.y];
    return put(s, -1, in);
}

static int loop_backward(Loops *s, long i, long P, long turns, int32_t stamp) {
    const Tape *t = s->z->t;
    Edge edges[MOST_OPERANDS];
    int first[MOST_PERIOD], order[MOST_TASKS], tasks = order_of_tasks(s, i, P, turns, stamp, first, order), T;
    long j, k, p;
    for (j = i + P * turns - 1; tasks < 0 && j >= i; j--) if (back_singly(s, s->v[j]) < 0) return -1;
    for (T = 0; T < tasks; T++) {
        for (p = P - 1; p && first[p - 1] <= order[T]; p--) {}
        for (k = turns - 1; k >= 0; k--) {
            Ins *in = s->v + i + k * P + p;
            const Edge *e = edges + order[T] - first[p];
            int op, swap;
            edges_of(t, in, edges);
            op = e->code >> 2; swap = (e->code & 3) == SEND_B;
            if (put(s, -1, (Ins){e->code, 1, s->place[in->y], s->place[swap ? e->other : e->target],
                                 width(op) == 2 ? s->place[swap ? e->target : e->other] : 0}) < 0) return -1;
        }
    }
    return 0;
}

/* The indexes that an instruction's part of `aux` holds. */
static void move_aux(const Loops *s, const Ins *in) {
    int op = in->code >> 2, j;
    int32_t *ax = s->z->t->aux.v + in->a, *x = ax, n = 3;
    if (op == OP_DOT) {
        ax[1] = moved(s, ax[1]);
        if (ax[2] >= 0) ax[2] = 2 * moved(s, ax[2] >> 1);
        for (j = 0; j < 4 * ax[0]; j += 4) {
            int32_t *q = ax + 4 + j;
            q[0] = moved(s, q[0]); q[1] = moved(s, q[1]);
            if (q[2] >= 0) q[2] = 2 * moved(s, q[2] >> 1);
            if (q[3] >= 0) q[3] = 2 * moved(s, q[3] >> 1);
        }
        return;
    }
    if (op == OPX_LAYER) { x = ax + 9; n = ax[1]; }
    else if (op == OP_CUSTOM) { x = ax + 2; n = ax[0]; }
    else if (op < OP_END && ad_reduces(op)) { x = ax + 4; n = ax[0]; }
    else if (op != OP_WHERE && op != OP_CLIP) return;
    for (j = 0; j < n; j++) {
        x[j] = moved(s, x[j]);
        if (x[n + j] >= 0) x[n + j] = 2 * moved(s, x[n + j] >> 1);
    }
    for (j = 1; op == OPX_LAYER && j < n; j++) ax[5] &= x[j] == x[0] + j; /* do they follow each other? */
}

/* The tape's instructions, runs taken apart; a selection that a constant decides is a copy. */
static int one_by_one(Loops *s) {
    const Tape *t = s->z->t;
    long k, j, total = 0;
    for (k = 0; k < t->nfwd; k++) total += t->fwd[k].n;
    if (!(s->v = malloc((size_t)(total + 1) * sizeof *s->v))) return -1;
    for (k = 0; k < t->nfwd; k++)
        for (j = 0; j < t->fwd[k].n; j++) {
            Ins in = t->fwd[k];
            int32_t step = (int32_t)j, *ax = t->aux.v + in.a;
            if (in.code >> 2 == OP_WHERE && ax[0] >= t->params && ax[0] < t->nu) {
                int which = t->consts[ax[0] - t->params] != 0.0 ? 1 : 2;
                in = (Ins){(uint16_t)(OPX_LOAD * 4 + (ax[3 + which] < 0 ? SEND_NONE : SEND_BOTH)), 1, in.y, ax[which], 0};
            }
            s->v[s->n++] = (Ins){in.code, 1, in.y + step, in.a + step, width(in.code >> 2) == 2 ? in.b + step : in.b};
        }
    return 0;
}

/* Loops, from the first instruction on; their slots are placed operation by operation. */
static int find_loops(Loops *s) {
    long i, k, P, turns;
    s->found.n = 0;
    memset(s->none_before, 0, sizeof s->none_before);
    for (i = 0; i < s->n; i++) {
        int32_t base = s->v[i].y;
        if (!(turns = turns_at(s, i, &P))) continue;
        if (ints_push(&s->found, (int32_t)i) < 0 || ints_push(&s->found, (int32_t)P) < 0 || ints_push(&s->found, (int32_t)turns) < 0) return -1;
        for (k = 0; k < turns * P; k++) s->place[base + k] = (int32_t)(base + k % P * turns + k / P);
        i += turns * P - 1;
    }
    return 0;
}

/* Find the loops.  Parameters that one takes one after the other are placed side by side, where no matrix tells their places. */
static int place_parameters(Loops *s, int *moves) {
    Tape *t = s->z->t;
    Operand x[MOST_OPERANDS];
    int32_t next = 0, *order;
    long k, j, p, all = t->nu + t->slots;
    int n, o;
    for (k = 0; k < s->n; k++) if (s->v[k].code >> 2 == OPX_LAYER || s->v[k].code >> 2 == OPX_SQUARES) {
        k = find_loops(s);
        *moves = s->found.n > 0;
        return (int)k;
    }
    s->anywhere = 1;
    if (find_loops(s) < 0) return -1;
    s->anywhere = 0;
    if (!s->found.n) return 0;
    *moves = 1;
    for (k = 0; k < t->params; k++) s->place[k] = -1;
    for (k = 0; k < s->found.n; k += 3)
        for (p = 0; p < s->found.v[k + 1]; p++)
            for (n = operands_of(t, s->v + s->found.v[k] + p, x), o = 0; o < n; o++)
                for (j = 0; j < s->found.v[k + 2]; j++) {
                    int32_t at;
                    operands_of(t, s->v + s->found.v[k] + j * s->found.v[k + 1] + p, x);
                    at = *x[o].x;
                    if (at < t->params && s->place[at] < 0) s->place[at] = next++;
                }
    if (!(order = malloc((size_t)(t->params + 1) * 4))) return -1;
    for (k = 0; k < t->params; k++) if (s->place[k] < 0) s->place[k] = next++;
    for (k = 0; k < t->params; k++) order[s->place[k]] = t->order[k];
    memcpy(t->order, order, (size_t)t->params * 4);
    free(order);
    for (k = t->params; k < all; k++) s->place[k] = (int32_t)k;
    return find_loops(s);
}

static int find_stretches(Compiler *z) {
    Tape *t = z->t;
    Loops s = {0};
    Ints loops;
    long k, i, all = t->nu + t->slots;
    int ok = -1, moves = 0;
    if (t->lanes || t->heads.n) return 0; /* what skips a region counts its instructions */
    s.z = z;
    s.place = malloc((size_t)(all + 1) * 4);
    if (!s.place || one_by_one(&s) < 0 || look_through(&s) < 0) goto done;
    for (k = 0; k < all; k++) s.place[k] = (int32_t)k;
    if (place_parameters(&s, &moves) < 0) goto done;
    if (!moves) { ok = 0; goto done; }
    s.last = malloc((size_t)(all + 1) * 4); s.stamp = calloc((size_t)all + 1, 4);
    if (!s.last || !s.stamp) goto done;
    loops = s.found;
    for (k = i = 0; i < s.n; i++) {
        Ins in = s.v[i];
        if (k < loops.n && loops.v[k] == i) {
            if (loop_forward(&s, i, loops.v[k + 1], loops.v[k + 2]) < 0) goto done;
            i += (long)loops.v[k + 1] * loops.v[k + 2] - 1;
            k += 3;
            continue;
        }
        in.y = s.place[in.y];
        if (width(in.code >> 2)) { in.code &= (uint16_t)~3; in.a = s.place[in.a]; }
        if (width(in.code >> 2) == 2) in.b = s.place[in.b];
        if (put(&s, 1, in) < 0) goto done;
    }
    for (k = loops.n - 3, i = s.n - 1; i >= 0; i--) {
        if (k >= 0 && loops.v[k] + (long)loops.v[k + 1] * loops.v[k + 2] - 1 == i) {
            if (loop_backward(&s, loops.v[k], loops.v[k + 1], loops.v[k + 2], (int32_t)k + 1) < 0) goto done;
            i = loops.v[k];
            k -= 3;
        } else if (back_singly(&s, s.v[i]) < 0) goto done;
    }
    for (i = 0; i < s.n; i++) move_aux(&s, s.v + i);
    for (i = 0; i < t->outputs; i++) t->out[i] = moved(&s, t->out[i]);
    for (i = 0; i < t->nguards; i++) { t->guards[i].left = moved(&s, t->guards[i].left); t->guards[i].right = moved(&s, t->guards[i].right); }
    for (i = 0; i < s.nbwd / 2; i++) { Ins in = s.bwd[i]; s.bwd[i] = s.bwd[s.nbwd - 1 - i]; s.bwd[s.nbwd - 1 - i] = in; }
    if (!s.bwd && !(s.bwd = malloc(sizeof *s.bwd))) goto done; /* empty, and not the forward list */
    free(t->fwd);
    t->fwd = s.fwd; t->nfwd = s.nfwd; t->bwd = s.bwd; t->nbwd = s.nbwd;
    s.fwd = s.bwd = NULL;
    ok = 0;
done:
    free(s.v); free(s.codes); free(s.alike); free(s.place); free(s.last); free(s.stamp); free(s.fwd); free(s.bwd); free(s.found.v);
    return ok;
}
