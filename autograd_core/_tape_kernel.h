/* The interpreter's loops.  _tape.c includes this file once for each instruction set, with K(name) and VL (doubles in a
 * vector) defined.  Nothing here may reassociate or fuse: every build gives the same bits. */

typedef double K(Vec) __attribute__((vector_size(8 * VL), aligned(8), may_alias));
#define VEC K(Vec)
#define LOADV(p) (*(const VEC *)(p))
#define STOREV(p, v) (*(VEC *)(p) = (v))

/* --- layers, lanes side by side: y[j] = b[j] + sum_i w[j][i] x[i] --------------------------------------------------------- */

static inline __attribute__((always_inline)) void K(layer_tile)(const double *w, long I, const double *bias, const double *const *x,
                                                              double *y, long L, long c, int rows, int vecs) {
    VEC acc[4][2];
    long i = 0;
    int r, v;
    for (r = 0; r < rows; r++)
        for (v = 0; v < vecs; v++) acc[r][v] = bias ? bias[r] - (VEC){0} : w[r * I] * LOADV(x[0] + c + v * VL);
    for (i = bias ? 0 : 1; i < I; i++) {
        VEC x0 = LOADV(x[i] + c), x1 = vecs > 1 ? LOADV(x[i] + c + VL) : x0;
        for (r = 0; r < rows; r++) {
            double f = w[r * I + i];
            acc[r][0] = acc[r][0] + f * x0;
            if (vecs > 1) acc[r][1] = acc[r][1] + f * x1;
        }
    }
    for (r = 0; r < rows; r++)
        for (v = 0; v < vecs; v++) STOREV(y + r * L + c + v * VL, acc[r][v]);
}

static void K(layer_forward)(const double *w, long J, long I, const double *bias, const double *const *x, double *y, long L) {
    long j, c;
    for (c = 0; c < L;) {
        int two = c + 2 * VL <= L;
        for (j = 0; j + 4 <= J; j += 4)
            if (two) K(layer_tile)(w + j * I, I, bias ? bias + j : NULL, x, y + j * L, L, c, 4, 2);
            else K(layer_tile)(w + j * I, I, bias ? bias + j : NULL, x, y + j * L, L, c, 4, 1);
        for (; j < J; j++)
            if (two) K(layer_tile)(w + j * I, I, bias ? bias + j : NULL, x, y + j * L, L, c, 1, 2);
            else K(layer_tile)(w + j * I, I, bias ? bias + j : NULL, x, y + j * L, L, c, 1, 1);
        c += two ? 2 * VL : VL;
    }
}

/* x'[i] += w[j][i] y'[j], j from the last to the first: the order of the sweep */
static inline __attribute__((always_inline)) void K(pull_tile)(const double *w, long J, long I, const double *g, double *const *gx,
                                                             const uint8_t *first, long L, long c, int cols, int vecs) {
    VEC acc[4][2];
    long j;
    int q, v;
    for (q = 0; q < cols; q++)
        for (v = 0; v < vecs; v++) {
            VEC zero = {0};
            acc[q][v] = first[q] ? zero : LOADV(gx[q] + c + v * VL);
        }
    for (j = J - 1; j >= 0; j--) {
        VEC g0 = LOADV(g + j * L + c), g1 = vecs > 1 ? LOADV(g + j * L + c + VL) : g0;
        for (q = 0; q < cols; q++) {
            double f = w[j * I + q];
            acc[q][0] = acc[q][0] + f * g0;
            if (vecs > 1) acc[q][1] = acc[q][1] + f * g1;
        }
    }
    for (q = 0; q < cols; q++)
        for (v = 0; v < vecs; v++) STOREV(gx[q] + c + v * VL, acc[q][v]);
}

static void K(layer_pull)(const double *w, long J, long I, const double *g, double *const *gx, const uint8_t *first, long L) {
    long i, c;
    for (c = 0; c < L;) {
        int two = c + 2 * VL <= L;
        for (i = 0; i < I;) {
            int four = i + 4 <= I && gx[i] && gx[i + 1] && gx[i + 2] && gx[i + 3];
            if (!gx[i]) { i++; continue; }
            if (four && two) K(pull_tile)(w + i, J, I, g, gx + i, first + i, L, c, 4, 2);
            else if (four) K(pull_tile)(w + i, J, I, g, gx + i, first + i, L, c, 4, 1);
            else if (two) K(pull_tile)(w + i, J, I, g, gx + i, first + i, L, c, 1, 2);
            else K(pull_tile)(w + i, J, I, g, gx + i, first + i, L, c, 1, 1);
            i += four ? 4 : 1;
        }
        c += two ? 2 * VL : VL;
    }
}

/* w'[j][i] += y'[j] x[i] for k = (lane, use) in order; gt[k][J] and xt[k][I] have one row a step */
static inline __attribute__((always_inline)) void K(outer_tile)(double *dw, long I, const double *gt, long J, const double *const *xt,
                                                              long i, long n, int rows, int vecs) {
    VEC acc[4][2];
    long k;
    int r, v;
    for (r = 0; r < rows; r++)
        for (v = 0; v < vecs; v++) acc[r][v] = LOADV(dw + r * I + v * VL);
    for (k = 0; k < n; k++) {
        const double *x = xt[k] + i, *g = gt + k * J;
        VEC x0 = LOADV(x), x1 = vecs > 1 ? LOADV(x + VL) : x0;
        for (r = 0; r < rows; r++) {
            acc[r][0] = acc[r][0] + g[r] * x0;
            if (vecs > 1) acc[r][1] = acc[r][1] + g[r] * x1;
        }
    }
    for (r = 0; r < rows; r++)
        for (v = 0; v < vecs; v++) STOREV(dw + r * I + v * VL, acc[r][v]);
}

/* One column i of w', vectors along j. */
static inline __attribute__((always_inline)) void K(column_tile)(double *dw, long I, const double *gt, long J, const double *const *xt,
                                                               long i, long n) {
    VEC acc;
    long k, r;
    for (r = 0; r < VL; r++) acc[r] = dw[r * I];
    for (k = 0; k < n; k++) acc = acc + LOADV(gt + k * J) * xt[k][i];
    for (r = 0; r < VL; r++) dw[r * I] = acc[r];
}

static void K(layer_outer)(double *dw, long J, long I, const double *gt, const double *const *xt, long n, long from, long to) {
    long i, j, k;
    (void)J;
    for (i = 0; i + VL <= I;) {
        int two = i + 2 * VL <= I;
        for (j = from; j + 4 <= to; j += 4)
            if (two) K(outer_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, 4, 2);
            else K(outer_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, 4, 1);
        for (; j < to; j++)
            if (two) K(outer_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, 1, 2);
            else K(outer_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, 1, 1);
        i += two ? 2 * VL : VL;
    }
    for (; i < I; i++) {
        for (j = from; j + VL <= to; j += VL) K(column_tile)(dw + j * I + i, I, gt + j, J, xt, i, n);
        for (; j < to; j++) {
            double s = dw[j * I + i];
            for (k = 0; k < n; k++) s = s + gt[k * J + j] * xt[k][i];
            dw[j * I + i] = s;
        }
    }
}

static void K(bias_sum)(double *db, long J, const double *gt, long n, long from, long to) {
    long j, k;
    for (j = from; j + VL <= to; j += VL) {
        VEC acc = LOADV(db + j);
        for (k = 0; k < n; k++) acc = acc + LOADV(gt + k * J + j);
        STOREV(db + j, acc);
    }
    for (; j < to; j++)
        for (k = 0; k < n; k++) db[j] = db[j] + gt[k * J + j];
}

/* --- one operation over many numbers --------------------------------------------------------------------------------------- */

#define EACH for (l = 0; l < n; l++)

static void K(mark_poison)(double *restrict poison, const double *restrict y, long n, long L) {
    long l, k;
    for (k = 0; k < n; k += L)
        for (l = 0; l < L; l++) poison[l] += y[k + l] - y[k + l];
}

/* Value of an operation over n numbers; sa, sb are 0 for an operand that is one number for all. */
static void K(apply1)(int op, const double *restrict a, double *restrict y, long n) {
    long l;
    switch (op) {
    case OP_NEG: EACH y[l] = v_neg(a[l]); break;
    case OP_ABS: EACH y[l] = v_abs(a[l]); break;
    case OP_RELU: EACH y[l] = v_relu(a[l]); break;
    case OP_SQUARE: EACH y[l] = v_square(a[l]); break;
    case OP_SQRT: EACH y[l] = v_sqrt(a[l]); break;
    case OP_RECIPROCAL: EACH y[l] = v_reciprocal(a[l]); break;
    case OP_EXP: EACH y[l] = v_exp(a[l]); break;
    case OP_LOG: EACH y[l] = v_log(a[l]); break;
    case OP_TANH: EACH y[l] = v_tanh(a[l]); break;
    case OP_SIN: EACH y[l] = v_sin(a[l]); break;
    case OP_COS: EACH y[l] = v_cos(a[l]); break;
    case OP_SIGMOID: EACH y[l] = v_sigmoid(a[l]); break;
    default: EACH y[l] = ad_value1(op, a[l]); break;
    }
}

#define BINARY(F) \
    if (mode == MODE_VV) EACH y[l] = F(a[l], b[l]); \
    else if (mode == MODE_VU) { double u = *b; EACH y[l] = F(a[l], u); } \
    else { double u = *a; EACH y[l] = F(u, b[l]); } \
    break

static void K(apply2)(int op, int mode, const double *a, const double *b, double *restrict y, long n) {
    long l;
    switch (op) {
    case OP_ADD: BINARY(v_add);
    case OP_SUB: BINARY(v_sub);
    case OP_MUL: BINARY(v_mul);
    case OP_DIV: BINARY(v_div);
    case OP_MAXIMUM: BINARY(v_maximum);
    case OP_MINIMUM: BINARY(v_minimum);
    case OP_LEAKY_RELU: BINARY(v_leaky_relu);
    case OP_GREATER: BINARY(v_greater);
    case OP_LESS: BINARY(v_less);
    case OP_POW: BINARY(v_pow);
    default: EACH y[l] = ad_value2(op, a[mode == MODE_UV ? 0 : l], b[mode == MODE_VU ? 0 : l]); break;
    }
}

/* Contributions: to[l] = c or to[l] += c. */
#define SEND(to, first, c) do { if (first) EACH (to)[l] = 0.0 + (c); else EACH (to)[l] += (c); } while (0)
#define CHOSEN(d, g) ((d) == 0.0 ? 0.0 : (d) * (g))

static void K(pull1)(int op, const double *restrict a, const double *restrict y, const double *restrict g, double *restrict ga, int first, long n) {
    long l;
    switch (op) {
    case OP_NEG: SEND(ga, first, d0_neg(a[l], y[l]) * g[l]); break;
    case OP_RELU: SEND(ga, first, CHOSEN(d0_relu(a[l], y[l]), g[l])); break;
    case OP_ABS: SEND(ga, first, CHOSEN(d0_abs(a[l], y[l]), g[l])); break;
    case OP_SQUARE: SEND(ga, first, d0_square(a[l], y[l]) * g[l]); break;
    case OP_SQRT: SEND(ga, first, d0_sqrt(a[l], y[l]) * g[l]); break;
    case OP_RECIPROCAL: SEND(ga, first, d0_reciprocal(a[l], y[l]) * g[l]); break;
    case OP_EXP: SEND(ga, first, d0_exp(a[l], y[l]) * g[l]); break;
    case OP_LOG: SEND(ga, first, d0_log(a[l], y[l]) * g[l]); break;
    case OP_TANH: SEND(ga, first, d0_tanh(a[l], y[l]) * g[l]); break;
    case OP_SIN: SEND(ga, first, d0_sin(a[l], y[l]) * g[l]); break;
    case OP_COS: SEND(ga, first, d0_cos(a[l], y[l]) * g[l]); break;
    case OP_SIGMOID: SEND(ga, first, d0_sigmoid(a[l], y[l]) * g[l]); break;
    default: {
        int selecting = ad_selecting(op);
        EACH {
            double d, c;
            ad_partials1(op, a[l], y[l], &d);
            c = selecting ? CHOSEN(d, g[l]) : d * g[l];
            ga[l] = first ? 0.0 + c : ga[l] + c;
        }
    }
    }
}

#define A_(l) a[mode == MODE_UV ? 0 : (l)]
#define B_(l) b[mode == MODE_VU ? 0 : (l)]

static void K(pull2)(int op, int mode, const double *a, const double *b, const double *y, const double *restrict g,
                     double *restrict ga, double *restrict gb, int flags, long n) {
    long l;
    int fa = flags & FIRST_A, fb = flags & FIRST_B, to_a = !(flags & SKIP_A), to_b = !(flags & SKIP_B);
    switch (op) {
    case OP_ADD:
        if (to_a) SEND(ga, fa, g[l]);
        if (to_b) SEND(gb, fb, g[l]);
        break;
    case OP_SUB:
        if (to_a) SEND(ga, fa, g[l]);
        if (to_b) SEND(gb, fb, -1.0 * g[l]);
        break;
    case OP_MUL:
        if (to_a) { if (mode == MODE_VU) { double u = *b; SEND(ga, fa, u * g[l]); } else SEND(ga, fa, b[l] * g[l]); }
        if (to_b) { if (mode == MODE_UV) { double u = *a; SEND(gb, fb, u * g[l]); } else SEND(gb, fb, a[l] * g[l]); }
        break;
    case OP_DIV:
        if (to_a) { if (mode == MODE_VU) { double u = d0_div(0.0, *b, 0.0); SEND(ga, fa, u * g[l]); } else SEND(ga, fa, d0_div(0.0, b[l], 0.0) * g[l]); }
        if (to_b) SEND(gb, fb, d1_div(0.0, B_(l), y[l]) * g[l]);
        break;
    case OP_MAXIMUM:
        if (to_a) SEND(ga, fa, CHOSEN(d0_maximum(A_(l), B_(l), y[l]), g[l]));
        if (to_b) SEND(gb, fb, CHOSEN(d1_maximum(A_(l), B_(l), y[l]), g[l]));
        break;
    case OP_MINIMUM:
        if (to_a) SEND(ga, fa, CHOSEN(d0_minimum(A_(l), B_(l), y[l]), g[l]));
        if (to_b) SEND(gb, fb, CHOSEN(d1_minimum(A_(l), B_(l), y[l]), g[l]));
        break;
    case OP_LEAKY_RELU:
        if (to_a) SEND(ga, fa, CHOSEN(d0_leaky_relu(A_(l), B_(l), y[l]), g[l]));
        if (to_b) SEND(gb, fb, CHOSEN(d1_leaky_relu(A_(l), B_(l), y[l]), g[l]));
        break;
    case OP_POW:
        if (to_a) SEND(ga, fa, d0_pow(A_(l), B_(l), y[l]) * g[l]);
        if (to_b) SEND(gb, fb, d1_pow(A_(l), B_(l), y[l]) * g[l]);
        break;
    default: {
        int selecting = ad_selecting(op);
        EACH {
            double d[2], c;
            ad_partials2(op, A_(l), B_(l), y[l], d);
            if (to_a) {
                c = selecting ? CHOSEN(d[0], g[l]) : d[0] * g[l];
                ga[l] = fa ? 0.0 + c : ga[l] + c;
            }
            if (to_b) {
                c = selecting ? CHOSEN(d[1], g[l]) : d[1] * g[l];
                gb[l] = fb ? 0.0 + c : gb[l] + c;
            }
        }
    }
    }
}

static void K(send)(double *to, int32_t target, const double *restrict d, const double *restrict g, long n, int selecting) {
    long l;
    if (selecting) SEND(to, target & 1, CHOSEN(d[l], g[l]));
    else SEND(to, target & 1, d[l] * g[l]);
}

/* Folds of a reduction over slots: m, s and, for exponentials, exp(x_j - m) / s. */
#define FOLD(name) \
    EACH m[l] = pre0_##name; \
    for (j = 0; j < k; j++) { const double *x = V(xs[j]); EACH m[l] = pre_##name(m[l], x[l]); } \
    EACH s[l] = 0.0; \
    for (j = 0; j < k; j++) { const double *x = V(xs[j]); EACH s[l] = step_##name(s[l], x[l], m[l]); } \
    break

#define FOLD_EXP(name) \
    EACH m[l] = pre0_##name; \
    for (j = 0; j < k; j++) { const double *x = V(xs[j]); EACH m[l] = pre_##name(m[l], x[l]); } \
    EACH s[l] = 0.0; \
    for (j = 0; j < k; j++) { \
        const double *x = V(xs[j]); double *e = p + j * n; \
        EACH { e[l] = exp(x[l] - m[l]); s[l] = s[l] + e[l]; } \
    } \
    for (j = 0; j < k; j++) { double *e = p + j * n; EACH e[l] = e[l] / s[l]; } \
    break

#define FINISH(name) { const double *x = V(xs[index]); EACH y[l] = finish_##name(m[l], s[l], (double)k, x[l]); } break
#define PART(name) EACH c[l] = part_##name(x[l], m[l], s[l], y[l], (double)k, (double)(j == index)); break

#define V(i) (val + ((long)(i) - nu) * L)
#define G(i) (adj + ((long)(i) - nu) * L)

static void K(reduce)(int op, const int32_t *ax, double *val, double *y, long nu, long L) {
    long k = ax[0], j, l, n = L, index = ax[2];
    const int32_t *xs = ax + 4;
    double *m = V(ax[1]), *s = V(ax[1] + 1), *p = V(ax[1] + 2);
    if (ax[3])
        switch (op) {
        case OP_SUM: FOLD(sum);
        case OP_MEAN: FOLD(mean);
        case OP_LOGSUMEXP: FOLD_EXP(logsumexp);
        case OP_SOFTMAX: FOLD_EXP(softmax);
        case OP_LOG_SOFTMAX: FOLD_EXP(log_softmax);
        case OP_NORM: FOLD(norm);
        case OP_MAX: FOLD(max);
        case OP_MIN: FOLD(min);
        }
    switch (op) {
    case OP_SUM: FINISH(sum);
    case OP_MEAN: FINISH(mean);
    case OP_LOGSUMEXP: FINISH(logsumexp);
    case OP_SOFTMAX: memcpy(y, p + index * n, (size_t)n * sizeof *y); break; /* finish_softmax is exp(x - m) / s */
    case OP_LOG_SOFTMAX: FINISH(log_softmax);
    case OP_NORM: FINISH(norm);
    case OP_MAX: FINISH(max);
    case OP_MIN: FINISH(min);
    }
}

/* The exponentials' partials are part_NAME with exp(x - m) / s taken from where the folds kept it (tests compare them). */
static void K(reduce_pull)(int op, const int32_t *ax, double *val, double *adj, const double *y, const double *g, double *c, long nu, long L) {
    long k = ax[0], j, l, n = L, index = ax[2];
    const int32_t *xs = ax + 4, *to = xs + k;
    double *m = V(ax[1]), *s = V(ax[1] + 1), *p = V(ax[1] + 2);
    int selecting = ad_selecting(op);
    for (j = 0; j < k; j++) {
        const double *x = V(xs[j]), *e = p + j * n;
        double same = (double)(j == index);
        if (to[j] < 0) continue;
        switch (op) {
        case OP_SUM: PART(sum);
        case OP_MEAN: PART(mean);
        case OP_LOGSUMEXP: EACH c[l] = e[l]; break;
        case OP_SOFTMAX: EACH c[l] = y[l] * (same - e[l]); break;
        case OP_LOG_SOFTMAX: EACH c[l] = same - e[l]; break;
        case OP_NORM: PART(norm);
        case OP_MAX: PART(max);
        case OP_MIN: PART(min);
        }
        K(send)(G(to[j] >> 1), to[j], c, g, n, selecting);
    }
}

static void K(dot_forward)(const int32_t *ax, const double *uni, const double *val, double *restrict y, long nu, long L) {
    long k = ax[0], j = 0, l, n = L;
    const int32_t *t = ax + 4;
    int32_t bias = ax[1];
    if (bias >= 0 && bias < nu) { double u = uni[bias]; EACH y[l] = u; }
    else if (bias >= 0) { const double *b = V(bias); EACH y[l] = b[l]; }
    for (j = 0; j < k; j++, t += 4) {
        int first = j == 0 && bias < 0;
        const double *w = t[0] < nu ? uni + t[0] : V(t[0]), *x = t[1] < nu ? uni + t[1] : V(t[1]);
        if (t[0] < nu && t[1] < nu) { double u = *w * *x; if (first) EACH y[l] = u; else EACH y[l] = y[l] + u; }
        else if (t[0] < nu) { double u = *w; if (first) EACH y[l] = u * x[l]; else EACH y[l] = y[l] + u * x[l]; }
        else if (t[1] < nu) { double u = *x; if (first) EACH y[l] = w[l] * u; else EACH y[l] = y[l] + w[l] * u; }
        else { if (first) EACH y[l] = w[l] * x[l]; else EACH y[l] = y[l] + w[l] * x[l]; }
    }
}

static void K(factor)(double *to, int32_t target, int32_t other, const double *uni, const double *val, const double *restrict g, long nu, long L) {
    long l, n = L;
    if (other < nu) { double u = uni[other]; SEND(to, target & 1, u * g[l]); }
    else { const double *v = V(other); SEND(to, target & 1, v[l] * g[l]); }
}

static void K(dot_pull)(const int32_t *ax, const double *uni, const double *val, double *adj, const double *g, long nu, long L) {
    long k = ax[0], j, l, n = L;
    const int32_t *t = ax + 4;
    if (ax[3]) /* a chain: the last product first */
        for (j = k - 1; j >= 0; j--) {
            if (t[4 * j + 2] >= 0) K(factor)(G(t[4 * j + 2] >> 1), t[4 * j + 2], t[4 * j + 1], uni, val, g, nu, L);
            if (t[4 * j + 3] >= 0) K(factor)(G(t[4 * j + 3] >> 1), t[4 * j + 3], t[4 * j], uni, val, g, nu, L);
        }
    else {
        for (j = 0; j < k; j++)
            if (t[4 * j + 2] >= 0) K(factor)(G(t[4 * j + 2] >> 1), t[4 * j + 2], t[4 * j + 1], uni, val, g, nu, L);
        for (j = 0; j < k; j++)
            if (t[4 * j + 3] >= 0) K(factor)(G(t[4 * j + 3] >> 1), t[4 * j + 3], t[4 * j], uni, val, g, nu, L);
    }
    if (ax[2] >= 0) { double *to = G(ax[2] >> 1); SEND(to, ax[2] & 1, g[l]); }
}

/* --- lanes ------------------------------------------------------------------------------------------------------------------- */

static void K(forward)(const Tape *t, Space *sp) {
    long nu = t->nu, L = sp->L, k, r, l, n;
    double *val = sp->val, *poison = sp->poison;
    const double *uni = sp->uni;
    for (k = sp->prepared ? t->uniform : 0; k < t->nfwd; k++) {
        Ins in = t->fwd[k];
        int op = in.code >> 2, mode = in.code & 3;
        double *y = V(in.y);
        const int32_t *ax = t->aux.v + in.a;
        n = in.n * L;
        switch (op) {
        case OPX_LAYER: {
            const double **x = sp->pointers;
            for (r = 0; r < ax[1]; r++) x[r] = V(ax[9 + r]);
            K(layer_forward)(uni + ax[2], ax[0], ax[1], ax[3] < 0 ? NULL : uni + ax[3], x, y, L);
            break;
        }
        case OPX_LOAD:
            if (in.a < nu) { double u = uni[in.a]; EACH y[l] = u; }
            else memcpy(y, V(in.a), (size_t)L * sizeof *y);
            break;
        case OP_DOT: K(dot_forward)(ax, uni, val, y, nu, L); break;
        case OP_SUM: case OP_MEAN: case OP_LOGSUMEXP: case OP_SOFTMAX: case OP_LOG_SOFTMAX: case OP_NORM: case OP_MAX: case OP_MIN:
            K(reduce)(op, ax, val, y, nu, L);
            break;
        case OP_WHERE: case OP_CLIP: {
            const double *a = V(ax[0]), *b = V(ax[1]), *c = V(ax[2]);
            if (op == OP_WHERE) EACH y[l] = v_where(a[l], b[l], c[l]);
            else EACH y[l] = v_clip(a[l], b[l], c[l]);
            break;
        }
        case OP_CUSTOM: call_forward(sp, ax, nu, y, L); break;
        default:
            if (arity_table[op] == 1) K(apply1)(op, V(in.a), y, n);
            else if (mode == MODE_VV) K(apply2)(op, mode, V(in.a), V(in.b), y, n);
            else
                for (r = 0; r < in.n; r++) {
                    const double *a = mode == MODE_UV ? uni + in.a + r : V(in.a + r), *b = mode == MODE_VU ? uni + in.b + r : V(in.b + r);
                    K(apply2)(op, mode, a, b, y + r * L, L);
                }
        }
        if (may_raise(op)) K(mark_poison)(poison, y, n, L);
    }
    sp->prepared = 1;
}

static void K(backward)(const Tape *t, Space *sp) {
    long nu = t->nu, L = sp->L, k, r, l, n;
    double *val = sp->val, *adj = sp->adj, *c = sp->scratch;
    const double *uni = sp->uni;
    for (k = 0; k < t->nrev; k++) {
        Rev in = t->rev[k];
        int op = in.code >> 2, mode = in.code & 3;
        const double *y = V(in.y), *g = G(in.y);
        const int32_t *ax = t->aux.v + in.a;
        n = in.n * L;
        switch (op) {
        case OPX_LAYER: {
            double **gx = (double **)sp->pointers;
            uint8_t *first = sp->first;
            const int32_t *to = ax + 9 + ax[1];
            int any = 0;
            for (r = 0; r < ax[1]; r++) {
                gx[r] = to[r] < 0 ? NULL : G(to[r] >> 1);
                first[r] = to[r] & 1;
                any |= to[r] >= 0;
            }
            if (any) K(layer_pull)(uni + ax[2], ax[0], ax[1], g, gx, first, L);
            break;
        }
        case OPX_ZERO: memset(G(in.y), 0, (size_t)L * sizeof(double)); break;
        case OPX_LOAD:
            if (!(in.flags & SKIP_A)) { double *to = G(in.ga); SEND(to, in.flags & FIRST_A, g[l]); }
            break;
        case OP_DOT: K(dot_pull)(ax, uni, val, adj, g, nu, L); break;
        case OP_SUM: case OP_MEAN: case OP_LOGSUMEXP: case OP_SOFTMAX: case OP_LOG_SOFTMAX: case OP_NORM: case OP_MAX: case OP_MIN:
            K(reduce_pull)(op, ax, val, adj, y, g, c, nu, L);
            break;
        case OP_WHERE: case OP_CLIP: {
            const double *a = V(ax[0]), *b = V(ax[1]), *d = V(ax[2]);
            for (r = 0; r < 3; r++) {
                if (ax[3 + r] < 0) continue;
                EACH { double p[3]; ad_partials3(op, a[l], b[l], d[l], y[l], p); c[l] = p[r]; }
                K(send)(G(ax[3 + r] >> 1), ax[3 + r], c, g, L, 1);
            }
            break;
        }
        case OP_CUSTOM: call_backward(sp, ax, nu, y, g, L); break;
        default:
            if (arity_table[op] == 1) K(pull1)(op, V(in.a), y, g, G(in.ga), in.flags & FIRST_A, n);
            else if (mode == MODE_VV) K(pull2)(op, mode, V(in.a), V(in.b), y, g, G(in.ga), G(in.gb), in.flags, n);
            else
                for (r = in.n - 1; r >= 0; r--) {
                    const double *a = mode == MODE_UV ? uni + in.a + r : V(in.a + r), *b = mode == MODE_VU ? uni + in.b + r : V(in.b + r);
                    K(pull2)(op, mode, a, b, y + r * L, g + r * L, G(in.ga + r), G(in.gb + r), in.flags, L);
                }
        }
    }
}

#undef V
#undef G

/* --- one lane: values and adjoints of uniforms and slots in one array each ------------------------------------------------------ */

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

#define ONE(op, F) case (op)*4 + 0: case (op)*4 + 3: v[in.y] = F(v[in.a]); break
#define TWO(op, F) case (op)*4 + 0: case (op)*4 + 1: case (op)*4 + 2: case (op)*4 + 3: v[in.y] = F(v[in.a], v[in.b]); break
#define CHECK(op, F) case (op)*4 + 0: case (op)*4 + 3: v[in.y] = F(v[in.a]); poison += v[in.y] - v[in.y]; break
#define CHECK2(op, F) case (op)*4 + 0: case (op)*4 + 1: case (op)*4 + 2: case (op)*4 + 3: \
    v[in.y] = F(v[in.a], v[in.b]); poison += v[in.y] - v[in.y]; break

static void K(forward_one)(const Tape *t, Space *sp) {
    long k, j;
    double *v = sp->val, poison = sp->poison[0];
    const Ins *end = t->fwd + t->nfwd, *ip;
    for (ip = t->fwd; ip < end; ip++) {
        Ins in = *ip;
        __builtin_prefetch(v + ip[AHEAD].a);
        __builtin_prefetch(v + ip[AHEAD].b);
        if (in.n > 1) {
            int op = in.code >> 2;
            if (arity_table[op] == 1) K(apply1)(op, v + in.a, v + in.y, in.n);
            else K(apply2)(op, MODE_VV, v + in.a, v + in.b, v + in.y, in.n);
            if (may_raise(op)) for (j = 0; j < in.n; j++) poison += v[in.y + j] - v[in.y + j];
            continue;
        }
        switch (in.code) {
        TWO(OP_ADD, v_add);
        TWO(OP_SUB, v_sub);
        TWO(OP_MUL, v_mul);
        CHECK2(OP_DIV, v_div);
        ONE(OP_NEG, v_neg);
        ONE(OP_RELU, v_relu);
        ONE(OP_TANH, v_tanh);
        ONE(OP_SQUARE, v_square);
        CHECK(OP_EXP, v_exp);
        CHECK(OP_LOG, v_log);
        CHECK(OP_SQRT, v_sqrt);
        CHECK(OP_SIN, v_sin);
        CHECK(OP_COS, v_cos);
        CHECK(OP_SIGMOID, v_sigmoid);
        CHECK2(OP_POW, v_pow);
        case OPX_LOAD * 4: case OPX_LOAD * 4 + 3: v[in.y] = v[in.a]; break;
        case OPX_LAYER * 4: {
            const int32_t *ax = t->aux.v + in.a;
            K(matvec)(sp->turned + ax[8], ax[0], ax[1], ax[3] < 0 ? NULL : v + ax[3], v, ax + 9, v + in.y);
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
            for (k = 0; k < ax[0]; k++, q += 2)
                for (w = v + q[0], j = k == 0; j < q[1]; j++) s = s + w[j] * w[j];
            v[in.y] = s;
            break;
        }
        case OP_WHERE * 4: { const int32_t *ax = t->aux.v + in.a; v[in.y] = v_where(v[ax[0]], v[ax[1]], v[ax[2]]); break; }
        case OP_CLIP * 4: { const int32_t *ax = t->aux.v + in.a; v[in.y] = v_clip(v[ax[0]], v[ax[1]], v[ax[2]]); break; }
        case OP_CUSTOM * 4: call_forward(sp, t->aux.v + in.a, 0, v + in.y, 1); poison += v[in.y] - v[in.y]; break;
        default: {
            int op = in.code >> 2;
            if (is_nary(op)) K(reduce)(op, t->aux.v + in.a, v, v + in.y, 0, 1);
            else if (arity_table[op] == 1) v[in.y] = ad_value1(op, v[in.a]);
            else v[in.y] = ad_value2(op, v[in.a], v[in.b]);
            if (may_raise(op)) poison += v[in.y] - v[in.y];
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

static void K(backward_one)(const Tape *t, Space *sp) {
    double *v = sp->val, *d = sp->adj;
    const Ins *ip = t->fwd + t->nfwd;
    long j, k;
    while (ip-- > t->fwd) {
        Ins in = *ip;
        double g = d[in.y];
        __builtin_prefetch(v + ip[-AHEAD].a);
        __builtin_prefetch(v + ip[-AHEAD].b);
        __builtin_prefetch(d + ip[-AHEAD].a, 1);
        __builtin_prefetch(d + ip[-AHEAD].b, 1);
        if (in.n > 1) {
            int op = in.code >> 2, mode = in.code & 3;
            if (mode == SEND_NONE) continue;
            if (arity_table[op] == 1) K(pull1)(op, v + in.a, v + in.y, d + in.y, d + in.a, 0, in.n);
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
        PULL2(OP_POW, d0_pow, d1_pow);
        PULL1(OP_NEG, d0_neg);
        PULL1(OP_TANH, d0_tanh);
        PULL1(OP_SQUARE, d0_square);
        PULL1(OP_EXP, d0_exp);
        PULL1(OP_LOG, d0_log);
        PULL1(OP_SQRT, d0_sqrt);
        PULL1(OP_SIN, d0_sin);
        PULL1(OP_COS, d0_cos);
        PULL1(OP_SIGMOID, d0_sigmoid);
        case OP_RELU * 4: d[in.a] += v[in.a] <= 0.0 ? 0.0 : g; break;
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
            for (j = 0; j < 3; j++) if (ax[3 + j] >= 0 && p[j] != 0.0) d[ax[3 + j] >> 1] += p[j] * g;
            break;
        }
        case OP_CUSTOM * 4: call_backward(sp, t->aux.v + in.a, 0, v + in.y, d + in.y, 1); break;
        default: {
            int op = in.code >> 2, mode = in.code & 3;
            double p[2] = {0.0, 0.0};
            if (is_nary(op)) { double c; K(reduce_pull)(op, t->aux.v + in.a, v, d, v + in.y, d + in.y, &c, 0, 1); break; }
            if (mode == SEND_NONE) break;
            if (arity_table[op] == 1) ad_partials1(op, v[in.a], v[in.y], p);
            else ad_partials2(op, v[in.a], v[in.b], v[in.y], p);
            if (ad_selecting(op)) {
                if (mode != SEND_B && p[0] != 0.0) d[in.a] += p[0] * g;
                if (arity_table[op] == 2 && mode != SEND_A && p[1] != 0.0) d[in.b] += p[1] * g;
            } else {
                if (mode != SEND_B) d[in.a] += p[0] * g;
                if (arity_table[op] == 2 && mode != SEND_A) d[in.b] += p[1] * g;
            }
        }
        }
    }
}

#undef VEC
#undef LOADV
#undef STOREV
#undef EACH
#undef BINARY
#undef SEND
#undef CHOSEN
#undef A_
#undef B_
#undef FOLD
#undef FOLD_EXP
#undef FINISH
#undef PART
#undef ONE
#undef TWO
#undef CHECK
#undef CHECK2
#undef PULL1
#undef PULL2
