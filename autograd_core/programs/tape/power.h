/* x^2, x^3, x^-1, x^-2 and x^0.5 as pow computes them, many at a time, bit for bit. Part of `tape/module.c`.
 *
 * pow(x, b) is not always the nearest double: glibc's is off by at most 0.509 units in the last place, plus 0.03 where
 * |b log2 x| comes near 1024 (sysdeps/ieee754/dbl-64/e_pow.c tells its bounds).  So it is the nearest one wherever the
 * exact power lies within 0.48 units of that.  The product is computed with its error; where the error does not
 * decide, for one number in twenty-five, pow itself is called.  The library at hand is tried at start. */

static int powers_agree = 0;     /* may this way be taken? */

static int easy_power(double b) { return powers_agree && (b == 2.0 || b == 3.0 || b == -1.0 || b == -2.0 || b == 0.5); }

#define SPLIT(x, high, low) double t_##high = 134217729.0 * (x), high = t_##high - (t_##high - (x)), low = (x) - high
enum { POWERS = 64 };            /* numbers at a time */

/* Does an error of e leave no doubt that p is what pow(x, b) gives?  Not where p is a power of two: below it doubles lie closer. */
static inline int no_doubt(double x, double p, double e) {
    uint64_t bits;
    double unit;
    memcpy(&bits, &p, 8);
    bits &= 0x7ff0000000000000ull;
    memcpy(&unit, &bits, 8);
    return (fabs(e) < unit * (0.48 * 0x1p-52)) & (fabs(p) != unit) & (fabs(x) < 0x1p64) & (fabs(x) > 0x1p-64);
}
