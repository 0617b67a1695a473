/* One lane: values and adjoints of uniforms and slots in one array each. Part of `tape/kernel.h`. */

static APART void K(matvec)(const double *wt, long J, long I, const double *bias, const double *v, const int32_t *xs, double *y) {
    long i, j = 0;
    for (; j + 4 * VL <= J; j += 4 * VL) {
        VEC a[4];
        int r;
        double x = v[xs[0]];
        for (r = 0; r < 4; r++) {
            if (bias) a[r] = LOADV(bias + j + r * VL);
            else a[r] = LOADV(wt + j + r * VL) * x;
        }
        for (i = bias ? 0 : 1; i < I; i++) {
            x = v[xs[i]];
            for (r = 0; r < 4; r++) a[r] = a[r] + LOADV(wt + i * J + j + r * VL) * x;
        }
        for (r = 0; r < 4; r++) STOREV(y + j + r * VL, a[r]);
    }
    for (; j + VL <= J; j += VL) {
        VEC a;
        if (bias) a = LOADV(bias + j);
        else a = LOADV(wt + j) * v[xs[0]];
        for (i = bias ? 0 : 1; i < I; i++) a = a + LOADV(wt + i * J + j) * v[xs[i]];
        STOREV(y + j, a);
    }
    for (; j < J; j++) {
        double a = bias ? bias[j] : wt[j] * v[xs[0]];
        for (i = bias ? 0 : 1; i < I; i++) a = a + wt[i * J + j] * v[xs[i]];
        y[j] = a;
    }
}

/* x'[i] += w[j][i] y'[j] and w'[j][i] += x[i] y'[j] for some columns; rows from the last of `order`, or the last, to the first */
static inline __attribute__((always_inline)) void K(pull_columns)(const double *w, double *dw, long J, long I, const int32_t *order, const double *x,
                                                                const double *g, double *gx, int to_w, int to_x, int vecs) {
    VEC sum[4], own[4];
    long k;
    int r;
    for (r = 0; r < vecs; r++) { sum[r] = LOADV(gx + r * VL); own[r] = LOADV(x + r * VL); }
    for (k = J - 1; k >= 0; k--) {
        long j = order ? order[k] : k;
        const double u = g[j], *row = w + j * I;
        double *drow = dw + j * I;
        if (to_x) for (r = 0; r < vecs; r++) sum[r] = sum[r] + LOADV(row + r * VL) * u;
        if (to_w) for (r = 0; r < vecs; r++) STOREV(drow + r * VL, LOADV(drow + r * VL) + own[r] * u);
    }
    if (to_x) for (r = 0; r < vecs; r++) STOREV(gx + r * VL, sum[r]);
}

static APART void K(matvec_pull)(const double *w, double *dw, long J, long I, const int32_t *order, const double *x, const double *g,
                                 double *gx, int to_w, int to_x) {
    long i = 0, k;
#define COLUMNS_AT(vecs) do { \
        if (to_w && to_x) K(pull_columns)(w + i, dw + i, J, I, order, x + i, g, gx + i, 1, 1, vecs); \
        else K(pull_columns)(w + i, dw + i, J, I, order, x + i, g, gx + i, to_w, to_x, vecs); \
    } while (0)
    for (; i + 4 * VL <= I; i += 4 * VL) COLUMNS_AT(4);
    for (; i + VL <= I; i += VL) COLUMNS_AT(1);
#undef COLUMNS_AT
    for (; i < I; i++)
        for (k = J - 1; k >= 0; k--) {
            long j = order ? order[k] : k;
            if (to_x) gx[i] += w[j * I + i] * g[j];
            if (to_w) dw[j * I + i] += x[i] * g[j];
        }
}

/* The interpreters' loops stay small, for their variables to stay in registers; the compiler should make one jump of each
 * `switch`, so that its cases lie close together, and what does nothing has a case too. */
#define WATCH(op) if (ad_raises(op)) poison += v[in.y] - v[in.y]; break
#define ONE(op, F) case op: v[in.y] = F(v[in.a]); WATCH(op)
#define TWO(op, F) case op: v[in.y] = F(v[in.a], v[in.b]); WATCH(op)

static APART void K(muladd)(const double *a, const double *b, long sa, long sb, double *restrict y, long n) {
    long l;
    if (sa && sb) for (l = 0; l < n; l++) y[l] = y[l] + a[l] * b[l];
    else if (sa) { double u = *b; for (l = 0; l < n; l++) y[l] = y[l] + a[l] * u; }
    else { double u = *a; for (l = 0; l < n; l++) y[l] = y[l] + u * b[l]; }
}

/* A run, or a rare operation: returns what poisons the lane. */
static APART double K(forward_rare)(const Tape *t, Workspace *sp, double *v, const Ins *ip) {
    const Ins in = *ip;
    int op = (in.code & ~(RUN | FIX_A | FIX_B)) >> 2;
    long j;
    double poison = 0.0;
    if (op == OPX_MULADD) { K(muladd)(v + in.a, v + in.b, !(in.code & FIX_A), !(in.code & FIX_B), v + in.y, in.n); return 0.0; }
    if (op == OPX_LOAD) { for (j = 0; j < in.n; j++) v[in.y + j] = v[in.a + (in.code & FIX_A ? 0 : j)]; return 0.0; }
    if (op == OP_CUSTOM) return call_forward(sp, t->aux.v + in.a, 0, v + in.y, 1);
    if (ad_reduces(op)) K(reduce)(op, t->aux.v + in.a, v, v + in.y, 0, 1);
    else if (ad_arity(op) == 1) K(apply1)(op, v + in.a, v + in.y, in.n);
    else K(apply2)(op, uniform_operand(&in, op), v + in.a, v + in.b, v + in.y, in.n, 1);
    if (ad_raises(op)) for (j = 0; j < in.n; j++) poison += v[in.y + j] - v[in.y + j];
    return poison;
}

/* Sums of squares that follow each other, of runs of one length: side by side they hide each other's latency. */
static APART int K(squares_together)(const Tape *t, double *restrict v, const Ins *ip, const Ins *end) {
    double s[CHAINS];
    const double *w[CHAINS];
    long k, j, n;
    if (end - ip < CHAINS) return 0;
    for (k = 0; k < CHAINS; k++) {
        const int32_t *ax = t->aux.v + ip[k].a;
        if (ip[k].code != OPX_SQUARES * 4 || ax[0] != 1 || ax[3] != t->aux.v[ip->a + 3]) return 0;
        w[k] = v + ax[2];
        s[k] = w[k][0] * w[k][0];
    }
    n = t->aux.v[ip->a + 3];
    for (j = 1; j < n; j++)
        for (k = 0; k < CHAINS; k++) s[k] = s[k] + w[k][j] * w[k][j];
    for (k = 0; k < CHAINS; k++) v[ip[k].y] = s[k];
    return 1;
}

static void K(forward_one)(const Tape *t, Workspace *sp, long from, long to) {
    long k, j;
    double *v = sp->val, poison = sp->poison[0];
    const Ins *end = t->fwd + to, *ip;
    const int far = t->slots > FAR;
    for (ip = t->fwd + from; ip < end; ip++) {
        const Ins in = *ip;
        if (far) {
            __builtin_prefetch(v + ip[AHEAD].a);
            __builtin_prefetch(v + ip[AHEAD].b);
        }
        switch (in.code >> 2) {
        TWO(OP_ADD, v_add);
        TWO(OP_SUB, v_sub);
        TWO(OP_MUL, v_mul);
        TWO(OP_DIV, v_div);
        TWO(OP_MAXIMUM, v_maximum);
        TWO(OP_MINIMUM, v_minimum);
        ONE(OP_NEG, v_neg);
        ONE(OP_RELU, v_relu);
        ONE(OP_TANH, v_tanh);
        ONE(OP_SQUARE, v_square);
        ONE(OP_RECIPROCAL, v_reciprocal);
        ONE(OP_EXP, v_exp);
        ONE(OP_LOG, v_log);
        ONE(OP_SQRT, v_sqrt);
        ONE(OP_SIN, v_sin);
        ONE(OP_COS, v_cos);
        ONE(OP_SIGMOID, v_sigmoid);
        case OPX_LOAD: v[in.y] = v[in.a]; break;
        case OPX_SKIP: break;
        case OPX_LAYER: {
            const int32_t *ax = t->aux.v + in.a;
            K(matvec)(sp->transposed + ax[8], ax[0], ax[1], ax[3] < 0 ? NULL : v + ax[3], v, ax + 9, v + in.y);
            break;
        }
        case OP_DOT: {
            const int32_t *ax = t->aux.v + in.a, *q = ax + 4;
            double s;
            k = ax[0];
            j = 0;
            if (ax[1] >= 0) s = v[ax[1]];
            else { s = v[q[0]] * v[q[1]]; j = 1; q += 4; }
            for (; j < k; j++, q += 4) s = s + v[q[0]] * v[q[1]];
            v[in.y] = s;
            break;
        }
        case OPX_SQUARES: {
            const int32_t *ax = t->aux.v + in.a, *q = ax + 2;
            const double *w = v + q[0];
            double s = w[0] * w[0];
            if (K(squares_together)(t, v, ip, end)) { ip += CHAINS - 1; break; }
            for (k = 0; k < ax[0]; k++, q += 2)
                for (w = v + q[0], j = k == 0; j < q[1]; j++) s = s + w[j] * w[j];
            v[in.y] = s;
            break;
        }
        case OP_WHERE: { const int32_t *ax = t->aux.v + in.a; v[in.y] = v_where(v[ax[0]], v[ax[1]], v[ax[2]]); break; }
        case OP_CLIP: { const int32_t *ax = t->aux.v + in.a; v[in.y] = v_clip(v[ax[0]], v[ax[1]], v[ax[2]]); break; }
        default: poison += K(forward_rare)(t, sp, v, ip);
        }
    }
    sp->poison[0] = poison;
}

#define TIMES(d, g) ((d) * (g))
#define PULL1(op, D, SENT) \
    case (op)*4 + SEND_BOTH: d[in.a] += SENT(D(v[in.a], v[in.y]), g); break; \
    case (op)*4 + SEND_NONE: break
#define PULL2(op, D0, D1, SENT) \
    case (op)*4 + SEND_BOTH: { double c1 = SENT(D1(v[in.a], v[in.b], v[in.y]), g); d[in.a] += SENT(D0(v[in.a], v[in.b], v[in.y]), g); d[in.b] += c1; break; } \
    case (op)*4 + SEND_B: d[in.b] += SENT(D1(v[in.a], v[in.b], v[in.y]), g); break; \
    case (op)*4 + SEND_A: d[in.a] += SENT(D0(v[in.a], v[in.b], v[in.y]), g); break; \
    case (op)*4 + SEND_NONE: break

/* A run all of which sends to one number, from the last to the first. -0.0 changes nothing that is added to it. */
static APART void K(pull_into_one)(int op, int of_b, const Ins *in, const double *v, double *d) {
    double part[POWERS], sum = d[of_b == MODE_UV ? in->a : in->b];
    long from = in->n, l, a, b;
    while (from > 0) {
        long n = from < POWERS ? from : POWERS;
        from -= n;
        for (l = 0; l < n; l++) part[l] = -0.0;
        a = in->a + (of_b == MODE_UV ? 0 : from); b = in->b + (of_b == MODE_UV ? from : 0);
        if (of_b == MODE_UV) K(pull2)(op, of_b, v + a, v + b, v + in->y + from, d + in->y + from, part, NULL, SKIP_B, n);
        else K(pull2)(op, of_b, v + a, v + b, v + in->y + from, d + in->y + from, NULL, part, SKIP_A, n);
        for (l = n - 1; l >= 0; l--) sum += part[l];
    }
    d[of_b == MODE_UV ? in->a : in->b] = sum;
}

static APART void K(backward_rare)(const Tape *t, Workspace *sp, double *v, double *d, const Ins *ip) {
    const Ins in = *ip;
    int op = (in.code & ~(RUN | FIX_A | FIX_B)) >> 2, mode = in.code & 3, flags = mode == SEND_B ? SKIP_A : mode == SEND_A ? SKIP_B : 0;
    double c;
    if (op == OP_CUSTOM) call_backward(sp, t->aux.v + in.a, 0, d + in.y, 1);
    else if (ad_reduces(op)) K(reduce_pull)(op, t->aux.v + in.a, v, d, v + in.y, d + in.y, &c, 0, 1);
    else if (mode == SEND_NONE) return;
    else if (ad_arity(op) == 1) K(pull1)(op, v + in.a, v + in.y, d + in.y, d + in.a, 0, in.n);
    else {
        int of_b = uniform_operand(&in, op);
        if (mode == SEND_A ? in.code & FIX_A : mode == SEND_B && in.code & FIX_B) { K(pull_into_one)(op, of_b, &in, v, d); return; }
        if (mode == SEND_BOTH && in.a == in.b) { /* one after the other: pull2 takes them for two places */
            K(pull2)(op, of_b, v + in.a, v + in.b, v + in.y, d + in.y, d + in.a, NULL, SKIP_B, in.n);
            flags = SKIP_A;
        }
        K(pull2)(op, of_b, v + in.a, v + in.b, v + in.y, d + in.y, d + in.a, d + in.b, flags, in.n);
    }
}

/* Back from the instruction before `from` down to `until`, at least; returns where it stands. */
static long K(backward_one)(const Tape *t, Workspace *sp, long from, long until) {
    double *v = sp->val, *d = sp->adj;
    const Ins *ip = t->bwd + from, *last = t->bwd + until;
    const int far = t->slots > FAR;
    long j, k;
    while (ip-- > last) {
        const Ins in = *ip;
        double g = d[in.y];
        if (far) {
            __builtin_prefetch(v + ip[-AHEAD].a);
            __builtin_prefetch(v + ip[-AHEAD].b);
            __builtin_prefetch(d + ip[-AHEAD].a, 1);
            __builtin_prefetch(d + ip[-AHEAD].b, 1);
        }
        switch (in.code) {
        case OP_ADD * 4: d[in.a] += g; d[in.b] += g; break;
        case OP_ADD * 4 + SEND_B: d[in.b] += g; break;
        case OP_ADD * 4 + SEND_A: d[in.a] += g; break;
        PULL2(OP_SUB, d0_sub, d1_sub, TIMES);
        PULL2(OP_MUL, d0_mul, d1_mul, TIMES);
        PULL2(OP_DIV, d0_div, d1_div, TIMES);
        PULL2(OP_MAXIMUM, d0_maximum, d1_maximum, CHOSEN);
        PULL2(OP_MINIMUM, d0_minimum, d1_minimum, CHOSEN);
        PULL1(OP_NEG, d0_neg, TIMES);
        PULL1(OP_RELU, d0_relu, CHOSEN);
        PULL1(OP_TANH, d0_tanh, TIMES);
        PULL1(OP_SQUARE, d0_square, TIMES);
        PULL1(OP_RECIPROCAL, d0_reciprocal, TIMES);
        PULL1(OP_EXP, d0_exp, TIMES);
        PULL1(OP_LOG, d0_log, TIMES);
        PULL1(OP_SQRT, d0_sqrt, TIMES);
        PULL1(OP_SIN, d0_sin, TIMES);
        PULL1(OP_COS, d0_cos, TIMES);
        PULL1(OP_SIGMOID, d0_sigmoid, TIMES);
        case OP_ADD * 4 + SEND_NONE: case OPX_LOAD * 4 + SEND_NONE: break;
        case OPX_SKIP * 4: if (K(none_came)(d + in.y, 1)) ip -= in.a; break;
        case OPX_LOAD * 4: d[in.a] += g; break;
        case OPX_LAYER * 4: {
            const int32_t *ax = t->aux.v + in.a, *xs = ax + 9, *to = xs + ax[1];
            long J = ax[0], I = ax[1], any = 0;
            const double *x;
            double *gx = sp->scratch;
            for (j = 0; j < I; j++) any |= to[j] >= 0;
            if (ax[5]) x = v + xs[0];
            else { double *gathered = sp->scratch + I; for (j = 0; j < I; j++) gathered[j] = v[xs[j]]; x = gathered; }
            if (ax[5]) gx = d + xs[0];
            else if (any) for (j = 0; j < I; j++) gx[j] = d[xs[j]];
            K(matvec_pull)(v + ax[2], d + ax[2], J, I, ax[6] ? ax + ax[6] : NULL, x, d + in.y, gx, ax[7] & 1, any);
            if (!ax[5] && any) for (j = 0; j < I; j++) d[xs[j]] = gx[j];
            if (ax[7] & 2) for (j = 0; j < J; j++) d[ax[3] + j] += d[in.y + j];
            break;
        }
        case OP_DOT * 4: {
            const int32_t *ax = t->aux.v + in.a, *q = ax + 4;
            k = ax[0];
            if (ax[3])
                for (j = k - 1; j >= 0; j--) {
                    const int32_t *r = q + 4 * j;
                    if (r[2] >= 0) d[r[2] >> 1] += v[r[1]] * g;
                    if (r[3] >= 0) d[r[3] >> 1] += v[r[0]] * g;
                }
            else {
                for (j = 0; j < k; j++) if (q[4 * j + 2] >= 0) d[q[4 * j + 2] >> 1] += v[q[4 * j + 1]] * g;
                for (j = 0; j < k; j++) if (q[4 * j + 3] >= 0) d[q[4 * j + 3] >> 1] += v[q[4 * j]] * g;
            }
            if (ax[2] >= 0) d[ax[2] >> 1] += g;
            break;
        }
        case OPX_SQUARES * 4: {
            const int32_t *ax = t->aux.v + in.a, *q = ax + 2;
            for (k = 0; ax[1] && k < ax[0]; k++, q += 2) {
                const double *restrict w = v + q[0];
                double *restrict to = d + q[0];
                for (j = 0; j < q[1]; j++) { double c = w[j] * g; to[j] = (to[j] + c) + c; }
            }
            break;
        }
        case OP_WHERE * 4: case OP_CLIP * 4: {
            const int32_t *ax = t->aux.v + in.a;
            double p[3];
            ad_partials3(in.code >> 2, v[ax[0]], v[ax[1]], v[ax[2]], v[in.y], p);
            for (j = 0; j < 3; j++) if (ax[3 + j] >= 0 && p[j] != 0.0) d[ax[3 + j] >> 1] += 0.0 + p[j] * g;
            break;
        }
        default: K(backward_rare)(t, sp, v, d, ip);
        }
    }
    return ip + 1 - t->bwd;
}
