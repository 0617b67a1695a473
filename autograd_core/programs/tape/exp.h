/* exp of many numbers, four at a time, with the bits of the C library's exp. Part of `tape/module.c`.
 *
 * Programs promise the bits of Python's math, and so call the library's functions.  glibc's exp is, since 2.28, a table and
 * a polynomial by S. Nagy (ARM Optimized Routines): x = (128 n + k) ln 2 / 128 + r, exp(x) = 2^n 2^(k/128) (1 + r + ...).
 * The same operations, in the same order, on four numbers at once give the same bits in a third of the time.  Whether the
 * library at hand computes so is tried out when this module is loaded; if one bit differs, its exp is called for each
 * number.  It is so called for numbers where exp needs more care, too. */

static void exp_each(const double *x, double *y, long n) {
    long k;
    for (k = 0; k < n; k++) y[k] = exp(x[k]);
}

static void (*exp_many)(const double *, double *, long) = exp_each; /* y may be x */

#ifdef HAVE_X86
#include "exp_table.h"

__attribute__((target("avx2,fma"))) static void exp_fours(const double *x, double *y, long n) {
    const __m256d most = _mm256_set1_pd(512.0), sign = _mm256_set1_pd(-0.0), shift = _mm256_set1_pd(0x1.8p52);
    const __m256d per_step = _mm256_set1_pd(0x1.71547652b82fep0 * 128.0); /* 128 / ln 2 */
    const __m256d step_high = _mm256_set1_pd(-0x1.62e42fefa0000p-8), step_low = _mm256_set1_pd(-0x1.cf79abc9e3b39p-47); /* -ln 2 / 128 */
    const __m256d c2 = _mm256_set1_pd(0x1.ffffffffffdbdp-2), c3 = _mm256_set1_pd(0x1.555555555543cp-3);
    const __m256d c4 = _mm256_set1_pd(0x1.55555cf172b91p-5), c5 = _mm256_set1_pd(0x1.1111167a4d017p-7);
    const __m256i low_bits = _mm256_set1_epi64x(127);
    long l = 0;
    for (; l + 4 <= n; l += 4) {
        __m256d v = _mm256_loadu_pd(x + l), step, r, r2, p, scale;
        __m256i steps, k, bits;
        if (_mm256_movemask_pd(_mm256_cmp_pd(_mm256_andnot_pd(sign, v), most, _CMP_LT_OQ)) != 15) {
            exp_each(x + l, y + l, 4);
            continue;
        }
        step = _mm256_fmadd_pd(per_step, v, shift); /* the nearest whole number, in the last bits */
        steps = _mm256_castpd_si256(step);
        step = _mm256_sub_pd(step, shift);
        r = _mm256_fmadd_pd(step, step_low, _mm256_fmadd_pd(step, step_high, v));
        k = _mm256_slli_epi64(_mm256_and_si256(steps, low_bits), 1);
        bits = _mm256_add_epi64(_mm256_i64gather_epi64((const long long *)exp_table + 1, k, 8), _mm256_slli_epi64(steps, 45));
        p = _mm256_add_pd(_mm256_castsi256_pd(_mm256_i64gather_epi64((const long long *)exp_table, k, 8)), r);
        r2 = _mm256_mul_pd(r, r);
        p = _mm256_fmadd_pd(r2, _mm256_fmadd_pd(r, c3, c2), p);
        p = _mm256_fmadd_pd(_mm256_mul_pd(r2, r2), _mm256_fmadd_pd(r, c5, c4), p);
        scale = _mm256_castsi256_pd(bits);
        _mm256_storeu_pd(y + l, _mm256_fmadd_pd(scale, p, scale));
    }
    exp_each(x + l, y + l, n - l);
}

/* Ten thousand numbers, most of them moderate; where two ways of computing exp round apart, a few of them show it. */
static int exp_fours_agrees(void) {
    double x[64], fours[64], each[64];
    uint64_t state = 1;
    long k, round;
    for (round = 0; round < 160; round++) {
        for (k = 0; k < 64; k++) {
            state = state * 6364136223846793005ull + 1442695040888963407ull;
            x[k] = ((double)(state >> 11) * 0x1p-53 - 0.5) * (round % 4 == 0 ? 1020.0 : round % 4 == 1 ? 2.0 : 40.0);
        }
        x[round % 64] = round % 2 ? 0.0 : x[round % 64] * 0x1p-60;
        exp_fours(x, fours, 64);
        exp_each(x, each, 64);
        if (memcmp(fours, each, sizeof each) != 0) return 0;
    }
    return 1;
}
#endif

static void choose_exp(void) {
#ifdef HAVE_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && exp_fours_agrees()) exp_many = exp_fours;
#endif
}
