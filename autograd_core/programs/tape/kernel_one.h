/* One lane: values and adjoints of uniforms and slots in one array each. Part of `tape/kernel.h`. */

static void K(matvec)(const double *wt, long J, long I, const double *bias, const double *v, const int32_t *xs, double *y) {
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

/* x'[i] += w[j][i] y'[j] and w'[j][i] += x[i] y'[j]; rows from the last to the first */
static void K(matvec_pull)(const double *w, double *dw, long J, long I, const double *restrict x, const double *restrict g,
                           double *restrict gx, int to_w, int to_x) {
    long i, j;
    for (j = J - 1; j >= 0; j--) {
        double u = g[j];
        const double *row = w + j * I;
        double *drow = dw + j * I;
        if (to_x) for (i = 0; i < I; i++) gx[i] += row[i] * u;
        if (to_w) for (i = 0; i < I; i++) drow[i] += x[i] * u;
    }
}

#define WATCH(op) if (ad_raises(op)) poison += v[in.y] - v[in.y]; break
#define ONE(op, F) case (op)*4 + 0: case (op)*4 + 3: v[in.y] = F(v[in.a]); WATCH(op)
#define TWO(op, F) case (op)*4 + 0: case (op)*4 + 1: case (op)*4 + 2: case (op)*4 + 3: v[in.y] = F(v[in.a], v[in.b]); WATCH(op)

/* Sums of squares that follow each other, of runs of one length: side by side they hide each other's latency. */
static int K(squares_together)(const Tape *t, double *restrict v, const Ins *ip, const Ins *end) {
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
    for (ip = t->fwd + from; ip < end; ip++) {
        Ins in = *ip;
        __builtin_prefetch(v + ip[AHEAD].a);
        __builtin_prefetch(v + ip[AHEAD].b);
        if (in.n > 1) {
            int op = in.code >> 2;
            if (ad_arity(op) == 1) K(apply1)(op, v + in.a, v + in.y, in.n);
            else K(apply2)(op, MODE_VV, v + in.a, v + in.b, v + in.y, in.n);
            if (ad_raises(op)) for (j = 0; j < in.n; j++) poison += v[in.y + j] - v[in.y + j];
            continue;
        }
        switch (in.code) {
        TWO(OP_ADD, v_add);
        TWO(OP_SUB, v_sub);
        TWO(OP_MUL, v_mul);
        TWO(OP_DIV, v_div);
        ONE(OP_NEG, v_neg);
        ONE(OP_RELU, v_relu);
        ONE(OP_TANH, v_tanh);
        ONE(OP_SQUARE, v_square);
        ONE(OP_EXP, v_exp);
        ONE(OP_LOG, v_log);
        ONE(OP_SQRT, v_sqrt);
        ONE(OP_SIN, v_sin);
        ONE(OP_COS, v_cos);
        ONE(OP_SIGMOID, v_sigmoid);
        case OP_POW * 4: case OP_POW * 4 + 1: case OP_POW * 4 + 2: case OP_POW * 4 + 3:
            if (easy_power(v[in.b])) K(power)(v + in.a, v[in.b], v + in.y, 1);
            else v[in.y] = v_pow(v[in.a], v[in.b]);
            WATCH(OP_POW);
        case OPX_LOAD * 4: case OPX_LOAD * 4 + 3: v[in.y] = v[in.a]; break;
        case OPX_SKIP * 4: break;
        case OPX_LAYER * 4: {
            const int32_t *ax = t->aux.v + in.a;
            K(matvec)(sp->transposed + ax[8], ax[0], ax[1], ax[3] < 0 ? NULL : v + ax[3], v, ax + 9, v + in.y);
            break;
        }
        case OP_DOT * 4: {
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
        case OPX_SQUARES * 4: {
            const int32_t *ax = t->aux.v + in.a, *q = ax + 2;
            const double *w = v + q[0];
            double s = w[0] * w[0];
            if (K(squares_together)(t, v, ip, end)) { ip += CHAINS - 1; break; }
            for (k = 0; k < ax[0]; k++, q += 2)
                for (w = v + q[0], j = k == 0; j < q[1]; j++) s = s + w[j] * w[j];
            v[in.y] = s;
            break;
        }
        case OP_WHERE * 4: { const int32_t *ax = t->aux.v + in.a; v[in.y] = v_where(v[ax[0]], v[ax[1]], v[ax[2]]); break; }
        case OP_CLIP * 4: { const int32_t *ax = t->aux.v + in.a; v[in.y] = v_clip(v[ax[0]], v[ax[1]], v[ax[2]]); break; }
        case OP_CUSTOM * 4: poison += call_forward(sp, t->aux.v + in.a, 0, v + in.y, 1); break;
        default: {
            int op = in.code >> 2;
            if (ad_reduces(op)) K(reduce)(op, t->aux.v + in.a, v, v + in.y, 0, 1);
            else if (ad_arity(op) == 1) v[in.y] = ad_value1(op, v[in.a]);
            else v[in.y] = ad_value2(op, v[in.a], v[in.b]);
            if (ad_raises(op)) poison += v[in.y] - v[in.y];
        }
        }
    }
    sp->poison[0] = poison;
}

#define PULL1(op, D) case (op)*4 + 0: d[in.a] += D(v[in.a], v[in.y]) * g; break
#define PULL2(op, D0, D1) \
    case (op)*4 + 0: { double c1 = D1(v[in.a], v[in.b], v[in.y]) * g; d[in.a] += D0(v[in.a], v[in.b], v[in.y]) * g; d[in.b] += c1; break; } \
    case (op)*4 + 1: d[in.b] += D1(v[in.a], v[in.b], v[in.y]) * g; break; \
    case (op)*4 + 2: d[in.a] += D0(v[in.a], v[in.b], v[in.y]) * g; break

/* Back from the instruction before `from` down to `until`, at least; returns where it stands. */
static long K(backward_one)(const Tape *t, Workspace *sp, long from, long until) {
    double *v = sp->val, *d = sp->adj;
    const Ins *ip = t->fwd + from, *last = t->fwd + until;
    long j, k;
    while (ip-- > last) {
        Ins in = *ip;
        double g = d[in.y];
        __builtin_prefetch(v + ip[-AHEAD].a);
        __builtin_prefetch(v + ip[-AHEAD].b);
        __builtin_prefetch(d + ip[-AHEAD].a, 1);
        __builtin_prefetch(d + ip[-AHEAD].b, 1);
        if (in.n > 1) {
            int op = in.code >> 2, mode = in.code & 3;
            if (mode == SEND_NONE) continue;
            if (ad_arity(op) == 1) K(pull1)(op, v + in.a, v + in.y, d + in.y, d + in.a, 0, in.n);
            else K(pull2)(op, MODE_VV, v + in.a, v + in.b, v + in.y, d + in.y, d + in.a, d + in.b,
                          mode == SEND_B ? SKIP_A : mode == SEND_A ? SKIP_B : 0, in.n);
            continue;
        }
        switch (in.code) {
        case OP_ADD * 4: d[in.a] += g; d[in.b] += g; break;
        case OP_ADD * 4 + 1: d[in.b] += g; break;
        case OP_ADD * 4 + 2: d[in.a] += g; break;
        PULL2(OP_SUB, d0_sub, d1_sub);
        PULL2(OP_MUL, d0_mul, d1_mul);
        PULL2(OP_DIV, d0_div, d1_div);
        case OP_POW * 4 + 2: {
            double slope;
            K(slope_of_power)(v + in.a, v[in.b], &slope, 1);
            d[in.a] += slope * g;
            break;
        }
        PULL1(OP_NEG, d0_neg);
        PULL1(OP_TANH, d0_tanh);
        PULL1(OP_SQUARE, d0_square);
        PULL1(OP_EXP, d0_exp);
        PULL1(OP_LOG, d0_log);
        PULL1(OP_SQRT, d0_sqrt);
        PULL1(OP_SIN, d0_sin);
        PULL1(OP_COS, d0_cos);
        PULL1(OP_SIGMOID, d0_sigmoid);
        case OP_RELU * 4: d[in.a] += v[in.a] <= 0.0 ? -0.0 : 0.0 + g; break;
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
            K(matvec_pull)(v + ax[2], d + ax[2], J, I, x, d + in.y, gx, ax[7] & 1, any);
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
        case OP_CUSTOM * 4: call_backward(sp, t->aux.v + in.a, 0, d + in.y, 1); break;
        default: {
            int op = in.code >> 2, mode = in.code & 3;
            double p[2] = {0.0, 0.0};
            if (ad_reduces(op)) { double c; K(reduce_pull)(op, t->aux.v + in.a, v, d, v + in.y, d + in.y, &c, 0, 1); break; }
            if (mode == SEND_NONE) break;
            if (ad_arity(op) == 1) ad_partials1(op, v[in.a], v[in.y], p);
            else ad_partials2(op, v[in.a], v[in.b], v[in.y], p);
            if (ad_selecting(op)) {
                if (mode != SEND_B && p[0] != 0.0) d[in.a] += 0.0 + p[0] * g;
                if (ad_arity(op) == 2 && mode != SEND_A && p[1] != 0.0) d[in.b] += 0.0 + p[1] * g;
            } else {
                if (mode != SEND_B) d[in.a] += p[0] * g;
                if (ad_arity(op) == 2 && mode != SEND_A) d[in.b] += p[1] * g;
            }
        }
        }
    }
    return ip + 1 - t->fwd;
}
