/* Layers, lanes side by side: y[j] = b[j] + sum_i w[j][i] x[i]. Part of `tape/kernel.h`. */

/* to[c * stride + r] = from[r][c]: rows become columns. */
static void K(turn)(const double *const *from, long rows, long columns, double *restrict to, long stride) {
    long r = 0, c;
#if VL >= 4
    for (; r + 4 <= rows; r += 4) {
        const double *a0 = from[r], *a1 = from[r + 1], *a2 = from[r + 2], *a3 = from[r + 3];
        for (c = 0; c + 4 <= columns; c += 4) {
            __m256d a = _mm256_loadu_pd(a0 + c), b = _mm256_loadu_pd(a1 + c), d = _mm256_loadu_pd(a2 + c), e = _mm256_loadu_pd(a3 + c);
            __m256d low = _mm256_unpacklo_pd(a, b), high = _mm256_unpackhi_pd(a, b);
            __m256d low2 = _mm256_unpacklo_pd(d, e), high2 = _mm256_unpackhi_pd(d, e);
            double *at = to + c * stride + r;
            _mm256_storeu_pd(at, _mm256_permute2f128_pd(low, low2, 0x20));
            _mm256_storeu_pd(at + stride, _mm256_permute2f128_pd(high, high2, 0x20));
            _mm256_storeu_pd(at + 2 * stride, _mm256_permute2f128_pd(low, low2, 0x31));
            _mm256_storeu_pd(at + 3 * stride, _mm256_permute2f128_pd(high, high2, 0x31));
        }
        for (; c < columns; c++) {
            double *at = to + c * stride + r;
            at[0] = a0[c]; at[1] = a1[c]; at[2] = a2[c]; at[3] = a3[c];
        }
    }
#endif
    for (; r < rows; r++)
        for (c = 0; c < columns; c++) to[c * stride + r] = from[r][c];
}

static inline __attribute__((always_inline)) void K(layer_tile)(const double *w, long I, const double *bias, const double *const *x,
                                                              double *y, long L, long c, int rows, int vecs) {
    VEC acc[6][2];
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
    long j, c, r;
    for (c = 0; c < L;) {
        int two = c + 2 * VL <= L;
        for (j = 0; j < J; j += r) {
            r = tile_rows(J - j);
#define TILE(R) (two ? K(layer_tile)(w + j * I, I, bias ? bias + j : NULL, x, y + j * L, L, c, R, 2) : \
                       K(layer_tile)(w + j * I, I, bias ? bias + j : NULL, x, y + j * L, L, c, R, 1))
            switch (r) { case 6: TILE(6); break; case 4: TILE(4); break; case 2: TILE(2); break; default: TILE(1); }
#undef TILE
        }
        c += two ? 2 * VL : VL;
    }
}

/* x'[i] += w[j][i] y'[j], j from the last of `order`, or the last, to the first: the order of the sweep */
static inline __attribute__((always_inline)) void K(pull_tile)(const double *w, long J, long I, const int32_t *order, const double *g, double *const *gx,
                                                             const uint8_t *first, long L, long c, int cols, int vecs) {
    VEC acc[4][2];
    long k;
    int q, v;
    for (q = 0; q < cols; q++)
        for (v = 0; v < vecs; v++) {
            VEC zero = {0};
            acc[q][v] = first[q] ? zero : LOADV(gx[q] + c + v * VL);
        }
    for (k = J - 1; k >= 0; k--) {
        long j = order ? order[k] : k;
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

static void K(layer_pull)(const double *w, long J, long I, const int32_t *order, const double *g, double *const *gx, const uint8_t *first, long L) {
    long i, c;
    for (c = 0; c < L;) {
        int two = c + 2 * VL <= L;
        for (i = 0; i < I;) {
            int four = i + 4 <= I && gx[i] && gx[i + 1] && gx[i + 2] && gx[i + 3];
            if (!gx[i]) { i++; continue; }
            if (four && two) K(pull_tile)(w + i, J, I, order, g, gx + i, first + i, L, c, 4, 2);
            else if (four) K(pull_tile)(w + i, J, I, order, g, gx + i, first + i, L, c, 4, 1);
            else if (two) K(pull_tile)(w + i, J, I, order, g, gx + i, first + i, L, c, 1, 2);
            else K(pull_tile)(w + i, J, I, order, g, gx + i, first + i, L, c, 1, 1);
            i += four ? 4 : 1;
        }
        c += two ? 2 * VL : VL;
    }
}

/* w'[j][i] += y'[j] x[i] for k = (lane, use) in order; gt[k][J] and xt[k][I] have one row a step */
static inline __attribute__((always_inline)) void K(outer_tile)(double *dw, long I, const double *gt, long J, const double *const *xt,
                                                              long i, long n, int rows, int vecs) {
    VEC acc[6][4], x[4];
    long k;
    int r, v;
    for (r = 0; r < rows; r++)
        for (v = 0; v < vecs; v++) acc[r][v] = LOADV(dw + r * I + v * VL);
    for (k = 0; k < n; k++) {
        const double *g = gt + k * J;
        for (v = 0; v < vecs; v++) x[v] = LOADV(xt[k] + i + v * VL);
        for (r = 0; r < rows; r++)
            for (v = 0; v < vecs; v++) acc[r][v] = acc[r][v] + g[r] * x[v];
    }
    for (r = 0; r < rows; r++)
        for (v = 0; v < vecs; v++) STOREV(dw + r * I + v * VL, acc[r][v]);
}

/* One column i of w', vectors along j. */
static inline __attribute__((always_inline)) void K(column_tile)(double *dw, long I, const double *gt, long J, const double *const *xt,
                                                               long i, long n, int vecs) {
    VEC acc[4];
    long k, r;
    int v;
    for (v = 0; v < vecs; v++) {
        acc[v] = (VEC){0};
        for (r = 0; r < VL; r++) acc[v][r] = dw[(v * VL + r) * I];
    }
    for (k = 0; k < n; k++) {
        double x = xt[k][i];
        for (v = 0; v < vecs; v++) acc[v] = acc[v] + LOADV(gt + k * J + v * VL) * x;
    }
    for (v = 0; v < vecs; v++) for (r = 0; r < VL; r++) dw[(v * VL + r) * I] = acc[v][r];
}

static void K(layer_outer)(double *dw, long J, long I, const double *gt, const double *const *xt, long n, long from, long to) {
    long i, j, k, r;
    for (i = 0; i + VL <= I;) {
        int two = i + 2 * VL <= I, four = from + 1 == to && i + 4 * VL <= I; /* a lone row needs four sums to hide their latency */
        for (j = from; j < to; j += r) {
            r = tile_rows(to - j);
#define TILE(R) (two ? K(outer_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, R, 2) : \
                       K(outer_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, R, 1))
            switch (four ? 0 : r) {
            case 0: K(outer_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, 1, 4); break;
            case 6: TILE(6); break;
            case 4: TILE(4); break;
            case 2: TILE(2); break;
            default: TILE(1);
            }
#undef TILE
        }
        i += four ? 4 * VL : two ? 2 * VL : VL;
    }
    for (; i < I; i++) {
        for (j = from; j + 4 * VL <= to; j += 4 * VL) K(column_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, 4);
        for (; j + VL <= to; j += VL) K(column_tile)(dw + j * I + i, I, gt + j, J, xt, i, n, 1);
        for (; j < to; j++) {
            double s = dw[j * I + i];
            for (k = 0; k < n; k++) s = s + gt[k * J + j] * xt[k][i];
            dw[j * I + i] = s;
        }
    }
}

static void K(bias_sum)(double *db, long J, const double *gt, long n, long from, long to) {
    long j = from, k;
    for (; j + 4 * VL <= to; j += 4 * VL) { /* four sums hide each other's latency */
        VEC a = LOADV(db + j), b = LOADV(db + j + VL), c = LOADV(db + j + 2 * VL), d = LOADV(db + j + 3 * VL);
        for (k = 0; k < n; k++) {
            const double *g = gt + k * J + j;
            a = a + LOADV(g); b = b + LOADV(g + VL); c = c + LOADV(g + 2 * VL); d = d + LOADV(g + 3 * VL);
        }
        STOREV(db + j, a); STOREV(db + j + VL, b); STOREV(db + j + 2 * VL, c); STOREV(db + j + 3 * VL, d);
    }
    for (; j + VL <= to; j += VL) {
        VEC acc = LOADV(db + j);
        for (k = 0; k < n; k++) acc = acc + LOADV(gt + k * J + j);
        STOREV(db + j, acc);
    }
    for (; j < to; j++)
        for (k = 0; k < n; k++) db[j] = db[j] + gt[k * J + j];
}

