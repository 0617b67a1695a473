/* One operation over many numbers. Part of `tape/kernel.h`. */

#define EACH for (l = 0; l < n; l++)

static void K(mark_poison)(double *restrict poison, const double *restrict y, long n, long L) {
    long l, k;
    for (k = 0; k < n; k += L)
        for (l = 0; l < L; l++) poison[l] += y[k + l] - y[k + l];
}

/* What is made of one exponential, for many numbers at a time: F_outer(a, exp(F_inner(a))). */
#define IN_PARTS for (from = 0; from < n; from += POWERS)
#define EACH_OF_PART for (l = from; l < n && l < from + POWERS; l++)
#define EXPONENTIALS(F) \
    double e[POWERS]; \
    EACH_OF_PART e[l - from] = F##_inner(a[l]); \
    exp_many(e, e, n - from < POWERS ? n - from : POWERS);
#define VALUE_BY_EXP(op, F) case op: IN_PARTS { EXPONENTIALS(F) EACH_OF_PART y[l] = F##_outer(a[l], e[l - from]); } break;
#define SLOPE_BY_EXP(op, F) case op: IN_PARTS { \
        EXPONENTIALS(F) \
        if (first) EACH_OF_PART ga[l] = 0.0 + F##_outer(a[l], e[l - from]) * g[l]; \
        else EACH_OF_PART ga[l] += F##_outer(a[l], e[l - from]) * g[l]; \
    } break;

/* Value of an operation over n numbers; sa, sb are 0 for an operand that is one number for all. */
static void K(apply1)(int op, const double *restrict a, double *restrict y, long n) {
    long l, from;
    switch (op) {
    AD_VALUES_BY_EXP(VALUE_BY_EXP)
    case OP_NEG: EACH y[l] = v_neg(a[l]); break;
    case OP_ABS: EACH y[l] = v_abs(a[l]); break;
    case OP_RELU: EACH y[l] = v_relu(a[l]); break;
    case OP_SQUARE: EACH y[l] = v_square(a[l]); break;
    case OP_SQRT: EACH y[l] = v_sqrt(a[l]); break;
    case OP_RECIPROCAL: EACH y[l] = v_reciprocal(a[l]); break;
    case OP_EXP: exp_many(a, y, n); break;
    case OP_LOG: EACH y[l] = v_log(a[l]); break;
    case OP_TANH: EACH y[l] = v_tanh(a[l]); break;
    case OP_SIN: EACH y[l] = v_sin(a[l]); break;
    case OP_COS: EACH y[l] = v_cos(a[l]); break;
    default: EACH y[l] = ad_value1(op, a[l]); break;
    }
}

/* y = a^b for an easy_power b; see `power.h`. */
static void K(power)(const double *restrict a, double b, double *restrict y, long n) {
    uint64_t doubt[POWERS];
    long l, from;
    for (from = 0; from < n; from += POWERS, a += POWERS, y += POWERS) {
        long count = n - from < POWERS ? n - from : POWERS;
#define EACH_POWER for (l = 0; l < count; l++)
        if (b == 2.0 || b == 3.0) {
            EACH_POWER {
                double x = a[l], p = x * x, e;
                SPLIT(x, h, t);
                e = ((h * h - p) + 2.0 * h * t) + t * t;
                if (b == 3.0) {
                    double q = p * x;
                    SPLIT(p, hp, tp);
                    e = (((hp * h - q) + hp * t) + tp * h) + tp * t + e * x;
                    p = q;
                }
                y[l] = p; doubt[l] = !no_doubt(x, p, e);
            }
        } else if (b < 0.0) {
            EACH_POWER {
                double x = a[l], below = b == -1.0 ? x : x * x, rest, p = 1.0 / below, q = p * below, e;
                SPLIT(x, hx, tx); SPLIT(below, h, t); SPLIT(p, hp, tp);
                rest = b == -1.0 ? 0.0 : ((hx * hx - below) + 2.0 * hx * tx) + tx * tx; /* of the divisor */
                e = (((1.0 - q) - ((((h * hp - q) + h * tp) + t * hp) + t * tp)) - p * rest) * p;
                y[l] = p; doubt[l] = !no_doubt(x, p, e);
            }
        } else {
            EACH_POWER {
                double x = a[l], p = sqrt(x), q = p * p, e;
                SPLIT(p, h, t);
                e = ((x - q) - (((h * h - q) + 2.0 * h * t) + t * t)) / (2.0 * p);
                y[l] = p; doubt[l] = !no_doubt(x, p, e);
            }
        }
        EACH_POWER if (doubt[l]) y[l] = pow(a[l], b);
    }
}

/* The slope with respect to a, d0_pow, for one b and many a. */
static void K(slope_of_power)(const double *restrict a, double b, double *restrict d, long n) {
    long l;
    if (powers_agree && b == 2.0) EACH d[l] = 2.0 * a[l]; /* pow(x, 1) is x */
    else if (easy_power(b - 1.0)) { K(power)(a, b - 1.0, d, n); EACH d[l] = b * d[l]; }
    else EACH d[l] = d0_pow(a[l], b, 0.0);
}

/* Several runs of n numbers; an operand that is uniform is one number for each run. */
#define BINARY(F) \
    if (mode == MODE_VV) EACH y[l] = F(a[l], b[l]); \
    else if (mode == MODE_VU) for (; runs > 0; runs--, a += n, b++, y += n) { double u = *b; EACH y[l] = F(a[l], u); } \
    else for (; runs > 0; runs--, a++, b += n, y += n) { double u = *a; EACH y[l] = F(u, b[l]); } \
    break

static void K(apply2)(int op, int mode, const double *a, const double *b, double *restrict y, long n, long runs) {
    long l;
    if (mode == MODE_VV) { n *= runs; runs = 1; }
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
    case OP_LESS_EQUAL: BINARY(v_less_equal);
    case OP_EQUAL: BINARY(v_equal);
    case OP_POW:
        for (; mode == MODE_VU && runs > 0 && easy_power(*b); runs--, a += n, b++, y += n) K(power)(a, *b, y, n);
        BINARY(v_pow);
    default:
        for (; runs > 0; runs--, a += mode == MODE_UV ? 1 : n, b += mode == MODE_VU ? 1 : n, y += n)
            EACH y[l] = ad_value2(op, a[mode == MODE_UV ? 0 : l], b[mode == MODE_VU ? 0 : l]);
    }
}

/* Contributions: to[l] = c or to[l] += c.  A selecting operation sends -0.0 where it did not choose; see `regions.h`. */
#define SEND(to, first, c) do { if (first) EACH (to)[l] = 0.0 + (c); else EACH (to)[l] += (c); } while (0)
#define CHOSEN(d, g) ((d) == 0.0 ? -0.0 : 0.0 + (d) * (g))
#define SEND_CHOSEN(to, first, d, g) do { if (first) EACH (to)[l] = CHOSEN(d, g); else EACH (to)[l] += CHOSEN(d, g); } while (0)

static int K(none_came)(const double *adjoint, long n) {
    long l;
    for (l = 0; l < n; l++) if (adjoint[l] != 0.0 || !signbit(adjoint[l])) return 0;
    return 1;
}

static void K(pull1)(int op, const double *restrict a, const double *restrict y, const double *restrict g, double *restrict ga, int first, long n) {
    long l, from;
    switch (op) {
    AD_SLOPES_BY_EXP(SLOPE_BY_EXP)
    case OP_NEG: SEND(ga, first, d0_neg(a[l], y[l]) * g[l]); break;
    case OP_RELU: SEND_CHOSEN(ga, first, d0_relu(a[l], y[l]), g[l]); break;
    case OP_ABS: SEND_CHOSEN(ga, first, d0_abs(a[l], y[l]), g[l]); break;
    case OP_SQUARE: SEND(ga, first, d0_square(a[l], y[l]) * g[l]); break;
    case OP_SQRT: SEND(ga, first, d0_sqrt(a[l], y[l]) * g[l]); break;
    case OP_RECIPROCAL: SEND(ga, first, d0_reciprocal(a[l], y[l]) * g[l]); break;
    case OP_EXP: SEND(ga, first, d0_exp(a[l], y[l]) * g[l]); break;
    case OP_LOG: SEND(ga, first, d0_log(a[l], y[l]) * g[l]); break;
    case OP_SIN: SEND(ga, first, d0_sin(a[l], y[l]) * g[l]); break;
    case OP_COS: SEND(ga, first, d0_cos(a[l], y[l]) * g[l]); break;
    default: {
        int selecting = ad_selecting(op);
        EACH {
            double d = NAN, c;
            ad_partials1(op, a[l], y[l], &d);
            c = selecting ? CHOSEN(d, g[l]) : 0.0 + d * g[l];
            ga[l] = first ? c : ga[l] + c;
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
        if (to_a) SEND_CHOSEN(ga, fa, d0_maximum(A_(l), B_(l), y[l]), g[l]);
        if (to_b) SEND_CHOSEN(gb, fb, d1_maximum(A_(l), B_(l), y[l]), g[l]);
        break;
    case OP_MINIMUM:
        if (to_a) SEND_CHOSEN(ga, fa, d0_minimum(A_(l), B_(l), y[l]), g[l]);
        if (to_b) SEND_CHOSEN(gb, fb, d1_minimum(A_(l), B_(l), y[l]), g[l]);
        break;
    case OP_LEAKY_RELU:
        if (to_a) SEND_CHOSEN(ga, fa, d0_leaky_relu(A_(l), B_(l), y[l]), g[l]);
        if (to_b) SEND_CHOSEN(gb, fb, d1_leaky_relu(A_(l), B_(l), y[l]), g[l]);
        break;
    case OP_POW:
        if (to_a && mode == MODE_VU) {
            long from;
            double d[POWERS];
            for (from = 0; from < n; from += POWERS) {
                long count = n - from < POWERS ? n - from : POWERS;
                K(slope_of_power)(a + from, *b, d, count);
                if (fa) for (l = 0; l < count; l++) ga[from + l] = 0.0 + d[l] * g[from + l];
                else for (l = 0; l < count; l++) ga[from + l] += d[l] * g[from + l];
            }
        } else if (to_a) SEND(ga, fa, d0_pow(A_(l), B_(l), y[l]) * g[l]);
        if (to_b) SEND(gb, fb, d1_pow(A_(l), B_(l), y[l]) * g[l]);
        break;
    default: {
        int selecting = ad_selecting(op);
        EACH {
            double d[2] = {NAN, NAN}, c;
            ad_partials2(op, A_(l), B_(l), y[l], d);
            if (to_a) {
                c = selecting ? CHOSEN(d[0], g[l]) : 0.0 + d[0] * g[l];
                ga[l] = fa ? c : ga[l] + c;
            }
            if (to_b) {
                c = selecting ? CHOSEN(d[1], g[l]) : 0.0 + d[1] * g[l];
                gb[l] = fb ? c : gb[l] + c;
            }
        }
    }
    }
}

static void K(apply3)(int op, const double *restrict a, const double *restrict b, const double *restrict c, double *restrict y, long n) {
    long l;
    if (op == OP_WHERE) EACH y[l] = v_where(a[l], b[l], c[l]);
    else EACH y[l] = v_clip(a[l], b[l], c[l]);
}

/* What operand r of three receives; their partials do not depend on the value. */
static void K(pull3)(int op, int r, const double *restrict a, const double *restrict b, const double *restrict c, const double *restrict g,
                     double *restrict to, int first, long n) {
    long l;
#define PULL3(d) do { SEND_CHOSEN(to, first, d(a[l], b[l], c[l], 0.0), g[l]); return; } while (0)
    if (op == OP_WHERE) switch (r) {
        case 0: PULL3(d0_where);
        case 1: PULL3(d1_where);
        default: PULL3(d2_where);
    }
    switch (r) {
    case 0: PULL3(d0_clip);
    case 1: PULL3(d1_clip);
    default: PULL3(d2_clip);
    }
}

static void K(send)(double *to, int32_t target, const double *restrict d, const double *restrict g, long n, int selecting) {
    long l;
    if (selecting) SEND_CHOSEN(to, target & 1, d[l], g[l]);
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
    for (j = 0; j < k; j++) { const double *x = V(xs[j]); double *e = p + j * n; EACH e[l] = x[l] - m[l]; } \
    exp_many(p, p, k * n); \
    EACH s[l] = 0.0; \
    for (j = 0; j < k; j++) { const double *e = p + j * n; EACH s[l] = s[l] + e[l]; } \
    for (j = 0; j < k; j++) { double *e = p + j * n; EACH e[l] = e[l] / s[l]; } \
    break

#define FINISH(name) { const double *x = V(xs[index]); EACH y[l] = finish_##name(m[l], s[l], (double)k, x[l]); } break
#define PART(name) EACH c[l] = part_##name(x[l], m[l], s[l], y[l], (double)k, (double)(j == index)); break

/* The same for one lane, without a loop over lanes.  The largest number is sought in eight parts: where +0.0 and -0.0 are the
 * largest another one of them may be found, but then s is at least 2, and neither x - m nor m + log(s) shows it. */
#define FOLD_ONE(name) { \
    double shift = pre0_##name, total = 0.0; \
    for (j = 0; j < k; j++) shift = pre_##name(shift, *V(xs[j])); \
    for (j = 0; j < k; j++) total = step_##name(total, *V(xs[j]), shift); \
    *m = shift; *s = total; \
    } break

#define FOLD_EXP_ONE(name) { \
    double top[8], total = 0.0; \
    for (l = 0; l < 8; l++) top[l] = pre0_##name; \
    for (j = 0; j < k; j++) p[j] = *V(xs[j]); \
    for (j = 0; j + 8 <= k; j += 8) for (l = 0; l < 8; l++) top[l] = pre_##name(top[l], p[j + l]); \
    for (; j < k; j++) top[0] = pre_##name(top[0], p[j]); \
    for (l = 1; l < 8; l++) top[0] = pre_##name(top[0], top[l]); \
    for (j = 0; j < k; j++) p[j] = p[j] - top[0]; \
    exp_many(p, p, k); \
    for (j = 0; j < k; j++) total = total + p[j]; \
    for (j = 0; j < k; j++) p[j] = p[j] / total; \
    *m = top[0]; *s = total; \
    } break

#define EACH_PART_ONE(d) \
    for (j = 0; j < k; j++) \
        if (to[j] >= 0) { double c1 = d, *at = G(to[j] >> 1); *at = *at + (selecting ? CHOSEN(c1, g1) : c1 * g1); } \
    return
#define PART_ONE(name) EACH_PART_ONE(part_##name(*V(xs[j]), m1, s1, y1, (double)k, (double)(j == index)))
#define PART_EXP_ONE(name) EACH_PART_ONE(part_##name(p[j], y1, (double)(j == index), others))

#define V(i) (val + ((long)(i) - nu) * L)
#define G(i) (adj + ((long)(i) - nu) * L)

static void K(reduce)(int op, const int32_t *ax, double *val, double *y, long nu, long L) {
    long k = ax[0], j, l, n = L, index = ax[2];
    const int32_t *xs = ax + 4;
    double *m = V(ax[1]), *s = V(ax[1] + 1), *p = V(ax[1] + 2);
    if (ax[3] && n == 1)
        switch (op) {
        case OP_SUM: FOLD_ONE(sum);
        case OP_MEAN: FOLD_ONE(mean);
        case OP_NORM: FOLD_ONE(norm);
        case OP_MAX: FOLD_ONE(max);
        case OP_MIN: FOLD_ONE(min);
        case OP_LOGSUMEXP: FOLD_EXP_ONE(logsumexp);
        case OP_SOFTMAX: FOLD_EXP_ONE(softmax);
        case OP_LOG_SOFTMAX: FOLD_EXP_ONE(log_softmax);
        }
    else if (ax[3])
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

/* The folds of an exponential reduction kept w = exp(x - m) / s. */
#define PART_EXP(name) \
    EACH { \
        double others = 0.0; \
        long i; \
        if (ad_indexed(op) && j == index) for (i = 0; i < k; i++) if (i != index) others = others + p[i * n + l]; \
        c[l] = part_##name(e[l], y[l], (double)(j == index), others); \
    } \
    break

static void K(reduce_pull)(int op, const int32_t *ax, double *val, double *adj, const double *y, const double *g, double *c, long nu, long L) {
    long k = ax[0], j, l, n = L, index = ax[2];
    const int32_t *xs = ax + 4, *to = xs + k;
    double *m = V(ax[1]), *s = V(ax[1] + 1), *p = V(ax[1] + 2);
    int selecting = ad_selecting(op);
    if (n == 1) {
        const double m1 = *m, s1 = *s, y1 = *y, g1 = *g;
        double others = 0.0;
        if (ad_exponentials(op) && ad_indexed(op)) for (j = 0; j < k; j++) if (j != index) others = others + p[j];
        switch (op) {
        case OP_SUM: PART_ONE(sum);
        case OP_MEAN: PART_ONE(mean);
        case OP_NORM: PART_ONE(norm);
        case OP_MAX: PART_ONE(max);
        case OP_MIN: PART_ONE(min);
        case OP_LOGSUMEXP: PART_EXP_ONE(logsumexp);
        case OP_SOFTMAX: PART_EXP_ONE(softmax);
        case OP_LOG_SOFTMAX: PART_EXP_ONE(log_softmax);
        }
    }
    for (j = 0; j < k; j++) {
        const double *x = V(xs[j]), *e = p + j * n;
        if (to[j] < 0) continue;
        switch (op) {
        case OP_SUM: PART(sum);
        case OP_MEAN: PART(mean);
        case OP_LOGSUMEXP: PART_EXP(logsumexp);
        case OP_SOFTMAX: PART_EXP(softmax);
        case OP_LOG_SOFTMAX: PART_EXP(log_softmax);
        case OP_NORM: PART(norm);
        case OP_MAX: PART(max);
        case OP_MIN: PART(min);
        }
        K(send)(G(to[j] >> 1), to[j], c, g, n, selecting);
    }
}

/* The lanes from c on, in registers. */
static inline __attribute__((always_inline)) void K(dot_lanes)(const int32_t *ax, const double *uni, const double *val, double *y, long nu, long L, long c, int vecs) {
    const int32_t *t = ax + 4;
    VEC sum[4];
    long j = ax[0];
    int r;
    for (r = 0; r < vecs; r++) {
        if (ax[1] >= nu) sum[r] = LOADV(V(ax[1]) + c + r * VL);
        else sum[r] = (ax[1] < 0 ? -0.0 : uni[ax[1]]) - (VEC){0}; /* without a bias -0.0: it changes nothing that is added to it */
    }
    for (; j > 0; j--, t += 4) {
        const double *w = t[0] < nu ? uni + t[0] : V(t[0]) + c, *x = t[1] < nu ? uni + t[1] : V(t[1]) + c;
        if (t[0] < nu && t[1] < nu) for (r = 0; r < vecs; r++) sum[r] = sum[r] + *w * *x;
        else if (t[0] < nu) for (r = 0; r < vecs; r++) sum[r] = sum[r] + *w * LOADV(x + r * VL);
        else if (t[1] < nu) for (r = 0; r < vecs; r++) sum[r] = sum[r] + LOADV(w + r * VL) * *x;
        else for (r = 0; r < vecs; r++) sum[r] = sum[r] + LOADV(w + r * VL) * LOADV(x + r * VL);
    }
    for (r = 0; r < vecs; r++) STOREV(y + c + r * VL, sum[r]);
}

static void K(dot_forward)(const int32_t *ax, const double *uni, const double *val, double *restrict y, long nu, long L) {
    long c = 0;
    for (; c + 4 * VL <= L; c += 4 * VL) K(dot_lanes)(ax, uni, val, y, nu, L, c, 4);
    for (; c < L; c += VL) K(dot_lanes)(ax, uni, val, y, nu, L, c, 1);
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

