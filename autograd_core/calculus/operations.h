/* Written by codegen.py from operations.py: change that file, not this one. */
#ifndef AUTOGRAD_OPERATIONS_H
#define AUTOGRAD_OPERATIONS_H

#include <math.h>

#if defined(__GNUC__)
#define AD_INLINE static inline __attribute__((unused))
#else
#define AD_INLINE static inline
#endif

enum {
    OP_LEAF = 0,
    OP_ADD = 1,
    OP_SUB = 2,
    OP_MUL = 3,
    OP_DIV = 4,
    OP_NEG = 5,
    OP_POW = 6,
    OP_MOD = 7,
    OP_ABS = 8,
    OP_EXP = 9,
    OP_EXPM1 = 10,
    OP_EXP2 = 11,
    OP_LOG = 12,
    OP_LOG1P = 13,
    OP_LOG2 = 14,
    OP_LOG10 = 15,
    OP_SQRT = 16,
    OP_CBRT = 17,
    OP_SQUARE = 18,
    OP_RECIPROCAL = 19,
    OP_SIN = 20,
    OP_COS = 21,
    OP_TAN = 22,
    OP_ASIN = 23,
    OP_ACOS = 24,
    OP_ATAN = 25,
    OP_SINH = 26,
    OP_COSH = 27,
    OP_TANH = 28,
    OP_ASINH = 29,
    OP_ACOSH = 30,
    OP_ATANH = 31,
    OP_ATAN2 = 32,
    OP_HYPOT = 33,
    OP_SINPI = 34,
    OP_COSPI = 35,
    OP_SINC = 36,
    OP_DEGREES = 37,
    OP_RADIANS = 38,
    OP_SECH2 = 39,
    OP_GAUSSIAN = 40,
    OP_ERF = 41,
    OP_ERFC = 42,
    OP_ERFCX = 43,
    OP_IERFCX = 44,
    OP_ERFINV = 45,
    OP_GAMMA = 46,
    OP_LGAMMA = 47,
    OP_DIGAMMA = 48,
    OP_POLYGAMMA = 49,
    OP_DIGAMMA_DIFFERENCE = 50,
    OP_BETA = 51,
    OP_SIGMOID = 52,
    OP_LOGSIGMOID = 53,
    OP_SOFTPLUS = 54,
    OP_LOGIT = 55,
    OP_RELU = 56,
    OP_LEAKY_RELU = 57,
    OP_ELU = 58,
    OP_GELU = 59,
    OP_SILU = 60,
    OP_MAXIMUM = 61,
    OP_MINIMUM = 62,
    OP_LOGADDEXP = 63,
    OP_XLOGY = 64,
    OP_COPYSIGN = 65,
    OP_HEAVISIDE = 66,
    OP_WHERE = 67,
    OP_CLIP = 68,
    OP_SIGN = 69,
    OP_FLOOR = 70,
    OP_CEIL = 71,
    OP_RINT = 72,
    OP_STOP_GRADIENT = 73,
    OP_GREATER = 74,
    OP_GREATER_EQUAL = 75,
    OP_LESS = 76,
    OP_LESS_EQUAL = 77,
    OP_EQUAL = 78,
    OP_DOT = 79,
    OP_SUM = 80,
    OP_MEAN = 81,
    OP_COMPLEMENT = 82,
    OP_LOGSUMEXP = 83,
    OP_SOFTMAX = 84,
    OP_LOG_SOFTMAX = 85,
    OP_NORM = 86,
    OP_MAX = 87,
    OP_MIN = 88,
    OP_END = 89,
    OP_CUSTOM = 255
};

/* How many operands an operation takes; 0 for any number, and for a user's own. */
static const unsigned char ad_arities[256] = {
    [OP_ADD] = 2,
    [OP_SUB] = 2,
    [OP_MUL] = 2,
    [OP_DIV] = 2,
    [OP_NEG] = 1,
    [OP_POW] = 2,
    [OP_MOD] = 2,
    [OP_ABS] = 1,
    [OP_EXP] = 1,
    [OP_EXPM1] = 1,
    [OP_EXP2] = 1,
    [OP_LOG] = 1,
    [OP_LOG1P] = 1,
    [OP_LOG2] = 1,
    [OP_LOG10] = 1,
    [OP_SQRT] = 1,
    [OP_CBRT] = 1,
    [OP_SQUARE] = 1,
    [OP_RECIPROCAL] = 1,
    [OP_SIN] = 1,
    [OP_COS] = 1,
    [OP_TAN] = 1,
    [OP_ASIN] = 1,
    [OP_ACOS] = 1,
    [OP_ATAN] = 1,
    [OP_SINH] = 1,
    [OP_COSH] = 1,
    [OP_TANH] = 1,
    [OP_ASINH] = 1,
    [OP_ACOSH] = 1,
    [OP_ATANH] = 1,
    [OP_ATAN2] = 2,
    [OP_HYPOT] = 2,
    [OP_SINPI] = 1,
    [OP_COSPI] = 1,
    [OP_SINC] = 1,
    [OP_DEGREES] = 1,
    [OP_RADIANS] = 1,
    [OP_SECH2] = 1,
    [OP_GAUSSIAN] = 1,
    [OP_ERF] = 1,
    [OP_ERFC] = 1,
    [OP_ERFCX] = 1,
    [OP_IERFCX] = 2,
    [OP_ERFINV] = 1,
    [OP_GAMMA] = 1,
    [OP_LGAMMA] = 1,
    [OP_DIGAMMA] = 1,
    [OP_POLYGAMMA] = 2,
    [OP_DIGAMMA_DIFFERENCE] = 2,
    [OP_BETA] = 2,
    [OP_SIGMOID] = 1,
    [OP_LOGSIGMOID] = 1,
    [OP_SOFTPLUS] = 1,
    [OP_LOGIT] = 1,
    [OP_RELU] = 1,
    [OP_LEAKY_RELU] = 2,
    [OP_ELU] = 2,
    [OP_GELU] = 1,
    [OP_SILU] = 1,
    [OP_MAXIMUM] = 2,
    [OP_MINIMUM] = 2,
    [OP_LOGADDEXP] = 2,
    [OP_XLOGY] = 2,
    [OP_COPYSIGN] = 2,
    [OP_HEAVISIDE] = 2,
    [OP_WHERE] = 3,
    [OP_CLIP] = 3,
    [OP_SIGN] = 1,
    [OP_FLOOR] = 1,
    [OP_CEIL] = 1,
    [OP_RINT] = 1,
    [OP_STOP_GRADIENT] = 1,
    [OP_GREATER] = 2,
    [OP_GREATER_EQUAL] = 2,
    [OP_LESS] = 2,
    [OP_LESS_EQUAL] = 2,
    [OP_EQUAL] = 2,
    [OP_COMPLEMENT] = 2,
};
AD_INLINE int ad_arity(int op) { return ad_arities[op]; }

/* selecting: its partial of 0 sends nothing at all; raises: Python raises for some operands;
   reduces: folds any number of operands; called: it has no C text, Python computes it;
   sends_nothing: all its partials are such zeros; cheap: no call and no division;
   indexed: one output of many; exponentials: its partials are made of exp(x - m) / s. */
static const unsigned char ad_facts[256] = {
    [OP_ADD] = 32,
    [OP_SUB] = 32,
    [OP_MUL] = 32,
    [OP_DIV] = 2,
    [OP_NEG] = 32,
    [OP_POW] = 2,
    [OP_MOD] = 2,
    [OP_ABS] = 33,
    [OP_EXP] = 2,
    [OP_EXPM1] = 2,
    [OP_EXP2] = 2,
    [OP_LOG] = 2,
    [OP_LOG1P] = 2,
    [OP_LOG2] = 2,
    [OP_LOG10] = 2,
    [OP_SQRT] = 2,
    [OP_SQUARE] = 32,
    [OP_RECIPROCAL] = 2,
    [OP_SIN] = 2,
    [OP_COS] = 2,
    [OP_TAN] = 2,
    [OP_ASIN] = 2,
    [OP_ACOS] = 2,
    [OP_SINH] = 2,
    [OP_COSH] = 2,
    [OP_ACOSH] = 2,
    [OP_ATANH] = 2,
    [OP_HYPOT] = 8,
    [OP_SINPI] = 2,
    [OP_COSPI] = 2,
    [OP_DEGREES] = 32,
    [OP_RADIANS] = 32,
    [OP_ERFCX] = 10,
    [OP_IERFCX] = 9,
    [OP_ERFINV] = 10,
    [OP_GAMMA] = 10,
    [OP_LGAMMA] = 10,
    [OP_DIGAMMA] = 10,
    [OP_POLYGAMMA] = 9,
    [OP_DIGAMMA_DIFFERENCE] = 8,
    [OP_BETA] = 10,
    [OP_LOGIT] = 2,
    [OP_RELU] = 33,
    [OP_LEAKY_RELU] = 32,
    [OP_MAXIMUM] = 33,
    [OP_MINIMUM] = 33,
    [OP_XLOGY] = 2,
    [OP_COPYSIGN] = 1,
    [OP_HEAVISIDE] = 33,
    [OP_WHERE] = 33,
    [OP_CLIP] = 33,
    [OP_SIGN] = 49,
    [OP_FLOOR] = 49,
    [OP_CEIL] = 49,
    [OP_RINT] = 17,
    [OP_STOP_GRADIENT] = 49,
    [OP_GREATER] = 49,
    [OP_GREATER_EQUAL] = 49,
    [OP_LESS] = 49,
    [OP_LESS_EQUAL] = 49,
    [OP_EQUAL] = 49,
    [OP_SUM] = 4,
    [OP_MEAN] = 4,
    [OP_COMPLEMENT] = 33,
    [OP_LOGSUMEXP] = 132,
    [OP_SOFTMAX] = 196,
    [OP_LOG_SOFTMAX] = 196,
    [OP_NORM] = 4,
    [OP_MAX] = 5,
    [OP_MIN] = 5,
    [OP_CUSTOM] = 10,
};
AD_INLINE int ad_selecting(int op) { return (ad_facts[op] >> 0) & 1; }
AD_INLINE int ad_raises(int op) { return (ad_facts[op] >> 1) & 1; }
AD_INLINE int ad_reduces(int op) { return (ad_facts[op] >> 2) & 1; }
AD_INLINE int ad_called(int op) { return (ad_facts[op] >> 3) & 1; }
AD_INLINE int ad_sends_nothing(int op) { return (ad_facts[op] >> 4) & 1; }
AD_INLINE int ad_cheap(int op) { return (ad_facts[op] >> 5) & 1; }
AD_INLINE int ad_indexed(int op) { return (ad_facts[op] >> 6) & 1; }
AD_INLINE int ad_exponentials(int op) { return (ad_facts[op] >> 7) & 1; }

AD_INLINE double v_add(double a, double b) { (void)a; (void)b; return (a + b); }
AD_INLINE double d0_add(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x1.0000000000000p+0; }
AD_INLINE double d1_add(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x1.0000000000000p+0; }
AD_INLINE double v_sub(double a, double b) { (void)a; (void)b; return (a - b); }
AD_INLINE double d0_sub(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x1.0000000000000p+0; }
AD_INLINE double d1_sub(double a, double b, double y) { (void)a; (void)b; (void)y; return (-0x1.0000000000000p+0); }
AD_INLINE double v_mul(double a, double b) { (void)a; (void)b; return (a * b); }
AD_INLINE double d0_mul(double a, double b, double y) { (void)a; (void)b; (void)y; return b; }
AD_INLINE double d1_mul(double a, double b, double y) { (void)a; (void)b; (void)y; return a; }
AD_INLINE double v_div(double a, double b) { (void)a; (void)b; return (a / b); }
AD_INLINE double d0_div(double a, double b, double y) { (void)a; (void)b; (void)y; return (0x1.0000000000000p+0 / b); }
AD_INLINE double d1_div(double a, double b, double y) { (void)a; (void)b; (void)y; return (-(y / b)); }
AD_INLINE double v_neg(double a) { (void)a; return (-a); }
AD_INLINE double d0_neg(double a, double y) { (void)a; (void)y; return (-0x1.0000000000000p+0); }
AD_INLINE double v_pow(double a, double b) { (void)a; (void)b; return pow(a, b); }
AD_INLINE double d0_pow(double a, double b, double y) { (void)a; (void)b; (void)y; return ((b == 0x0.0p+0) ? (((b * pow(a, (b - 0x1.0000000000000p+0))) == (b * pow(a, (b - 0x1.0000000000000p+0)))) ? (b * pow(a, (b - 0x1.0000000000000p+0))) : 0x0.0p+0) : (b * pow(a, (b - 0x1.0000000000000p+0)))); }
AD_INLINE double d1_pow(double a, double b, double y) { (void)a; (void)b; (void)y; return ((a == 0x0.0p+0) ? ((b > 0x0.0p+0) ? 0x0.0p+0 : NAN) : (y * log(a))); }
AD_INLINE double ad_modulo(double a, double b) { /* Python's float remainder: the sign of b */
    double r;
    if (b == 0.0) return NAN;
    r = fmod(a, b);
    if (r == 0.0) return copysign(0.0, b);
    return ((b < 0.0) != (r < 0.0)) ? r + b : r;
}
AD_INLINE double v_mod(double a, double b) { (void)a; (void)b; return ad_modulo(a, b); }
AD_INLINE double d0_mod(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x1.0000000000000p+0; }
AD_INLINE double d1_mod(double a, double b, double y) { (void)a; (void)b; (void)y; return ((y - a) / b); }
AD_INLINE double ad_sign(double x) { return x != x ? x : (double)((x > 0.0) - (x < 0.0)); }
AD_INLINE double v_abs(double a) { (void)a; return fabs(a); }
AD_INLINE double d0_abs(double a, double y) { (void)a; (void)y; return ad_sign(a); }
AD_INLINE double v_exp(double a) { (void)a; return exp(a); }
AD_INLINE double d0_exp(double a, double y) { (void)a; (void)y; return y; }
AD_INLINE double v_expm1(double a) { (void)a; return expm1(a); }
AD_INLINE double d0_expm1(double a, double y) { (void)a; (void)y; return exp(a); }
AD_INLINE double v_exp2(double a) { (void)a; return exp2(a); }
AD_INLINE double d0_exp2(double a, double y) { (void)a; (void)y; return (y * 0x1.62e42fefa39efp-1); }
AD_INLINE double v_log(double a) { (void)a; return log(a); }
AD_INLINE double d0_log(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p+0 / a); }
AD_INLINE double v_log1p(double a) { (void)a; return log1p(a); }
AD_INLINE double d0_log1p(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p+0 / (0x1.0000000000000p+0 + a)); }
AD_INLINE double v_log2(double a) { (void)a; return log2(a); }
AD_INLINE double d0_log2(double a, double y) { (void)a; (void)y; return (0x1.71547652b82fep+0 / a); }
AD_INLINE double v_log10(double a) { (void)a; return log10(a); }
AD_INLINE double d0_log10(double a, double y) { (void)a; (void)y; return (0x1.bcb7b1526e50ep-2 / a); }
AD_INLINE double v_sqrt(double a) { (void)a; return sqrt(a); }
AD_INLINE double d0_sqrt(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p-1 / y); }
AD_INLINE double v_cbrt(double a) { (void)a; return cbrt(a); }
AD_INLINE double d0_cbrt(double a, double y) { (void)a; (void)y; return (((0x1.0000000000000p-1 * a) == a) ? (0x1.0000000000000p+0 / (0x1.8000000000000p+1 * (y * y))) : ((y / a) / 0x1.8000000000000p+1)); }
AD_INLINE double v_square(double a) { (void)a; return (a * a); }
AD_INLINE double d0_square(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p+1 * a); }
AD_INLINE double v_reciprocal(double a) { (void)a; return (0x1.0000000000000p+0 / a); }
AD_INLINE double d0_reciprocal(double a, double y) { (void)a; (void)y; return (-(y * y)); }
AD_INLINE double v_sin(double a) { (void)a; return sin(a); }
AD_INLINE double d0_sin(double a, double y) { (void)a; (void)y; return cos(a); }
AD_INLINE double v_cos(double a) { (void)a; return cos(a); }
AD_INLINE double d0_cos(double a, double y) { (void)a; (void)y; return (-sin(a)); }
AD_INLINE double v_tan(double a) { (void)a; return tan(a); }
AD_INLINE double d0_tan(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p+0 + (y * y)); }
AD_INLINE double v_asin(double a) { (void)a; return asin(a); }
AD_INLINE double d0_asin(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p+0 / sqrt(((fabs(a) < 0x1.0000000000000p-1) ? (0x1.0000000000000p+0 - (a * a)) : ((0x1.0000000000000p+0 - a) * (0x1.0000000000000p+0 + a))))); }
AD_INLINE double v_acos(double a) { (void)a; return acos(a); }
AD_INLINE double d0_acos(double a, double y) { (void)a; (void)y; return ((-0x1.0000000000000p+0) / sqrt(((fabs(a) < 0x1.0000000000000p-1) ? (0x1.0000000000000p+0 - (a * a)) : ((0x1.0000000000000p+0 - a) * (0x1.0000000000000p+0 + a))))); }
AD_INLINE double v_atan(double a) { (void)a; return atan(a); }
AD_INLINE double d0_atan(double a, double y) { (void)a; (void)y; return ((fabs(a) > 0x1.0000000000000p+0) ? ((0x1.0000000000000p+0 / a) / (a + (0x1.0000000000000p+0 / a))) : (0x1.0000000000000p+0 / (0x1.0000000000000p+0 + (a * a)))); }
AD_INLINE double v_sinh(double a) { (void)a; return sinh(a); }
AD_INLINE double d0_sinh(double a, double y) { (void)a; (void)y; return cosh(a); }
AD_INLINE double v_cosh(double a) { (void)a; return cosh(a); }
AD_INLINE double d0_cosh(double a, double y) { (void)a; (void)y; return sinh(a); }
AD_INLINE double v_sech2(double a) { (void)a; return ((0x1.0000000000000p+2 * exp(((a > 0x0.0p+0) ? ((-0x1.0000000000000p+1) * a) : (0x1.0000000000000p+1 * a)))) / ((0x1.0000000000000p+0 + exp(((a > 0x0.0p+0) ? ((-0x1.0000000000000p+1) * a) : (0x1.0000000000000p+1 * a)))) * (0x1.0000000000000p+0 + exp(((a > 0x0.0p+0) ? ((-0x1.0000000000000p+1) * a) : (0x1.0000000000000p+1 * a)))))); }
AD_INLINE double v_tanh(double a) { (void)a; return tanh(a); }
AD_INLINE double d0_tanh(double a, double y) { (void)a; (void)y; return v_sech2(a); }
AD_INLINE double v_asinh(double a) { (void)a; return asinh(a); }
AD_INLINE double d0_asinh(double a, double y) { (void)a; (void)y; return ((fabs(a) > 0x1.7d78400000000p+26) ? (0x1.0000000000000p+0 / fabs(a)) : (0x1.0000000000000p+0 / sqrt(((a * a) + 0x1.0000000000000p+0)))); }
AD_INLINE double v_acosh(double a) { (void)a; return acosh(a); }
AD_INLINE double d0_acosh(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p+0 / (sqrt((a - 0x1.0000000000000p+0)) * sqrt((a + 0x1.0000000000000p+0)))); }
AD_INLINE double v_atanh(double a) { (void)a; return atanh(a); }
AD_INLINE double d0_atanh(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p+0 / ((fabs(a) < 0x1.0000000000000p-1) ? (0x1.0000000000000p+0 - (a * a)) : ((0x1.0000000000000p+0 - a) * (0x1.0000000000000p+0 + a)))); }
AD_INLINE double v_atan2(double a, double b) { (void)a; (void)b; return atan2(a, b); }
AD_INLINE double d0_atan2(double a, double b, double y) { (void)a; (void)b; (void)y; return ((((((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)) == 0x0.0p+0) ? 0x1.0000000000000p+0 : (double)(((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)) > 0x1.fffffffffffffp+1023)) != 0.0) ? 0x0.0p+0 : (((b / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b))) / (((a / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b))) * (a / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)))) + ((b / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b))) * (b / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)))))) / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)))); }
AD_INLINE double d1_atan2(double a, double b, double y) { (void)a; (void)b; (void)y; return (-((((((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)) == 0x0.0p+0) ? 0x1.0000000000000p+0 : (double)(((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)) > 0x1.fffffffffffffp+1023)) != 0.0) ? 0x0.0p+0 : (((a / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b))) / (((a / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b))) * (a / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)))) + ((b / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b))) * (b / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b)))))) / ((fabs(a) > fabs(b)) ? fabs(a) : fabs(b))))); }
AD_INLINE double v_cospi(double a) { (void)a; return ((fabs((a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a))))) <= 0x1.0000000000000p-2) ? cos((0x1.921fb54442d18p+1 * fabs((a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a))))))) : ((fabs((a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a))))) < 0x1.8000000000000p-1) ? sin((0x1.921fb54442d18p+1 * (0x1.0000000000000p-1 - fabs((a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a)))))))) : (-cos((0x1.921fb54442d18p+1 * (0x1.0000000000000p+0 - fabs((a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a))))))))))); }
AD_INLINE double v_sinpi(double a) { (void)a; return sin((0x1.921fb54442d18p+1 * ((fabs((a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a))))) > 0x1.0000000000000p-1) ? copysign((0x1.0000000000000p+0 - fabs((a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a)))))), (a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a))))) : (a - (0x1.0000000000000p+1 * rint((0x1.0000000000000p-1 * a))))))); }
AD_INLINE double d0_sinpi(double a, double y) { (void)a; (void)y; return (0x1.921fb54442d18p+1 * v_cospi(a)); }
AD_INLINE double d0_cospi(double a, double y) { (void)a; (void)y; return ((-0x1.921fb54442d18p+1) * v_sinpi(a)); }
AD_INLINE double v_sinc(double a) { (void)a; return ((a == 0x0.0p+0) ? 0x1.0000000000000p+0 : ((fabs(a) > 0x1.fffffffffffffp+1023) ? 0x0.0p+0 : (v_sinpi(a) / (0x1.921fb54442d18p+1 * a)))); }
AD_INLINE double d0_sinc(double a, double y) { (void)a; (void)y; return ((fabs(a) < 0x1.8000000000000p-1) ? ((0x1.921fb54442d18p+1 * (0x1.921fb54442d18p+1 * a)) * ((((((((((((((((((((((((((((((0x0.0p+0 * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + (-0x1.2f185b90bb660p-108)) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + 0x1.00eba59daed98p-98) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + (-0x1.7a5b06e5367e5p-89)) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + 0x1.dedb34ba18f7dp-80) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + (-0x1.0132bcd1f4692p-70)) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + 0x1.ce272b49432cep-62) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + (-0x1.5532eaf516982p-53)) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + 0x1.952c77030ad4ap-45) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + (-0x1.78af56a4d411bp-37)) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + 0x1.08db48ebe51c7p-29) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + (-0x1.0cfeb60f94b0ep-22)) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + 0x1.71de3a556c734p-16) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + (-0x1.3813813813814p-10)) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + 0x1.1111111111111p-5) * ((0x1.921fb54442d18p+1 * a) * (0x1.921fb54442d18p+1 * a))) + (-0x1.5555555555555p-2))) : ((fabs(a) > 0x1.fffffffffffffp+1023) ? 0x0.0p+0 : ((v_cospi(a) - y) / a))); }
AD_INLINE double v_degrees(double a) { (void)a; return (a * 0x1.ca5dc1a63c1f8p+5); }
AD_INLINE double d0_degrees(double a, double y) { (void)a; (void)y; return 0x1.ca5dc1a63c1f8p+5; }
AD_INLINE double v_radians(double a) { (void)a; return (a * 0x1.1df46a2529d39p-6); }
AD_INLINE double d0_radians(double a, double y) { (void)a; (void)y; return 0x1.1df46a2529d39p-6; }
AD_INLINE double d0_sech2(double a, double y) { (void)a; (void)y; return ((-0x1.0000000000000p+1) * (y * tanh(a))); }
AD_INLINE double v_gaussian(double a) { (void)a; return (exp(((-0x1.0000000000000p-1) * ((floor((((fabs(a) > 0x1.4000000000000p+5) ? 0x1.4000000000000p+5 : fabs(a)) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6) * (floor((((fabs(a) > 0x1.4000000000000p+5) ? 0x1.4000000000000p+5 : fabs(a)) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6)))) * exp(((-0x1.0000000000000p-1) * ((((fabs(a) > 0x1.4000000000000p+5) ? 0x1.4000000000000p+5 : fabs(a)) - (floor((((fabs(a) > 0x1.4000000000000p+5) ? 0x1.4000000000000p+5 : fabs(a)) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6)) * (((fabs(a) > 0x1.4000000000000p+5) ? 0x1.4000000000000p+5 : fabs(a)) + (floor((((fabs(a) > 0x1.4000000000000p+5) ? 0x1.4000000000000p+5 : fabs(a)) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6)))))); }
AD_INLINE double d0_gaussian(double a, double y) { (void)a; (void)y; return (-(((fabs(a) > 0x1.4000000000000p+5) ? copysign(0x1.4000000000000p+5, a) : a) * y)); }
AD_INLINE double v_erf(double a) { (void)a; return erf(a); }
AD_INLINE double d0_erf(double a, double y) { (void)a; (void)y; return (0x1.20dd750429b6dp+0 * (v_gaussian(a) * v_gaussian(a))); }
AD_INLINE double v_erfc(double a) { (void)a; return erfc(a); }
AD_INLINE double d0_erfc(double a, double y) { (void)a; (void)y; return (-(0x1.20dd750429b6dp+0 * (v_gaussian(a) * v_gaussian(a)))); }
AD_INLINE double v_sigmoid(double a) { (void)a; return (((a > 0x0.0p+0) ? 0x1.0000000000000p+0 : exp((-fabs(a)))) / (0x1.0000000000000p+0 + exp((-fabs(a))))); }
AD_INLINE double d0_sigmoid(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p-2 * v_sech2((0x1.0000000000000p-1 * a))); }
AD_INLINE double v_logsigmoid(double a) { (void)a; return (-((((-a) <= 0x0.0p+0) ? 0x0.0p+0 : (-a)) + log1p(exp((-fabs((-a))))))); }
AD_INLINE double d0_logsigmoid(double a, double y) { (void)a; (void)y; return v_sigmoid((-a)); }
AD_INLINE double v_softplus(double a) { (void)a; return (((a <= 0x0.0p+0) ? 0x0.0p+0 : a) + log1p(exp((-fabs(a))))); }
AD_INLINE double d0_softplus(double a, double y) { (void)a; (void)y; return v_sigmoid(a); }
AD_INLINE double v_logit(double a) { (void)a; return ((a < 0x1.0000000000000p-2) ? log((a / (0x1.0000000000000p+0 - a))) : ((a > 0x1.8000000000000p-1) ? log((a / (0x1.0000000000000p+0 - a))) : (0x1.0000000000000p+1 * atanh(((0x1.0000000000000p+1 * a) - 0x1.0000000000000p+0))))); }
AD_INLINE double d0_logit(double a, double y) { (void)a; (void)y; return (0x1.0000000000000p+0 / (a * (0x1.0000000000000p+0 - a))); }
AD_INLINE double v_relu(double a) { (void)a; return ((a <= 0x0.0p+0) ? 0x0.0p+0 : a); }
AD_INLINE double d0_relu(double a, double y) { (void)a; (void)y; return ((a <= 0x0.0p+0) ? 0x0.0p+0 : 0x1.0000000000000p+0); }
AD_INLINE double v_leaky_relu(double a, double b) { (void)a; (void)b; return ((a <= 0x0.0p+0) ? (b * a) : a); }
AD_INLINE double d0_leaky_relu(double a, double b, double y) { (void)a; (void)b; (void)y; return ((a <= 0x0.0p+0) ? b : 0x1.0000000000000p+0); }
AD_INLINE double d1_leaky_relu(double a, double b, double y) { (void)a; (void)b; (void)y; return ((a <= 0x0.0p+0) ? a : 0x0.0p+0); }
AD_INLINE double v_elu(double a, double b) { (void)a; (void)b; return ((a <= 0x0.0p+0) ? (b * expm1(((a > 0x0.0p+0) ? 0x0.0p+0 : a))) : a); }
AD_INLINE double d0_elu(double a, double b, double y) { (void)a; (void)b; (void)y; return ((a <= 0x0.0p+0) ? (b * exp(((a > 0x0.0p+0) ? 0x0.0p+0 : a))) : 0x1.0000000000000p+0); }
AD_INLINE double d1_elu(double a, double b, double y) { (void)a; (void)b; (void)y; return ((a <= 0x0.0p+0) ? expm1(((a > 0x0.0p+0) ? 0x0.0p+0 : a)) : 0x0.0p+0); }
AD_INLINE double v_gelu(double a) { (void)a; return ((0x1.0000000000000p-1 * ((a < (-0x1.4000000000000p+5)) ? (-0x1.4000000000000p+5) : a)) * (erfc(((-a) * 0x1.6a09e667f3bcdp-1)) * (0x1.0000000000000p+0 - (((0x1.0000000000000p-1 * ((floor((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6) * (floor((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6))) - ((floor(((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.6a09e667f3bcdp-1) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6) * (floor(((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.6a09e667f3bcdp-1) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6))) + ((0x1.0000000000000p-1 * ((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) - (floor((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6)) * (((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) + (floor((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6)))) - (((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.6a09e667f3bcdp-1) - (floor(((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.6a09e667f3bcdp-1) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6)) * ((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.6a09e667f3bcdp-1) + (floor(((((a < (-0x1.0000000000000p+0)) ? ((a < (-0x1.4000000000000p+5)) ? 0x1.4000000000000p+5 : (-a)) : 0x0.0p+0) * 0x1.6a09e667f3bcdp-1) * 0x1.0000000000000p+6)) * 0x1.0000000000000p-6)))))))); }
AD_INLINE double d0_gelu(double a, double y) { (void)a; (void)y; return ((0x1.0000000000000p-1 * erfc(((-a) * 0x1.6a09e667f3bcdp-1))) + (((fabs(a) > 0x1.4000000000000p+5) ? copysign(0x1.4000000000000p+5, a) : a) * (0x1.9884533d43651p-2 * v_gaussian(a)))); }
AD_INLINE double v_silu(double a) { (void)a; return (((a < (-0x1.9000000000000p+9)) ? (-0x1.9000000000000p+9) : a) * v_sigmoid(a)); }
AD_INLINE double d0_silu(double a, double y) { (void)a; (void)y; return (v_sigmoid(a) * (0x1.0000000000000p+0 + (((fabs(a) > 0x1.9000000000000p+9) ? copysign(0x1.9000000000000p+9, a) : a) * v_sigmoid((-a))))); }
AD_INLINE double v_maximum(double a, double b) { (void)a; (void)b; return ((a >= b) ? a : ((b >= a) ? b : (a + b))); }
AD_INLINE double d0_maximum(double a, double b, double y) { (void)a; (void)b; (void)y; return ((a > b) ? 0x1.0000000000000p+0 : ((a == b) ? 0x1.0000000000000p-1 : 0x0.0p+0)); }
AD_INLINE double d1_maximum(double a, double b, double y) { (void)a; (void)b; (void)y; return ((b > a) ? 0x1.0000000000000p+0 : ((b == a) ? 0x1.0000000000000p-1 : 0x0.0p+0)); }
AD_INLINE double v_minimum(double a, double b) { (void)a; (void)b; return ((a <= b) ? a : ((b <= a) ? b : (a + b))); }
AD_INLINE double d0_minimum(double a, double b, double y) { (void)a; (void)b; (void)y; return ((a < b) ? 0x1.0000000000000p+0 : ((a == b) ? 0x1.0000000000000p-1 : 0x0.0p+0)); }
AD_INLINE double d1_minimum(double a, double b, double y) { (void)a; (void)b; (void)y; return ((b < a) ? 0x1.0000000000000p+0 : ((b == a) ? 0x1.0000000000000p-1 : 0x0.0p+0)); }
AD_INLINE double v_logaddexp(double a, double b) { (void)a; (void)b; return ((a == b) ? (a + 0x1.62e42fefa39efp-1) : (((a >= b) ? a : ((b >= a) ? b : (a + b))) + log1p(exp((-fabs((a - b))))))); }
AD_INLINE double d0_logaddexp(double a, double b, double y) { (void)a; (void)b; (void)y; return v_sigmoid((a - b)); }
AD_INLINE double d1_logaddexp(double a, double b, double y) { (void)a; (void)b; (void)y; return v_sigmoid((b - a)); }
AD_INLINE double v_xlogy(double a, double b) { (void)a; (void)b; return ((a == 0x0.0p+0) ? ((b == b) ? 0x0.0p+0 : b) : (a * log(b))); }
AD_INLINE double d0_xlogy(double a, double b, double y) { (void)a; (void)b; (void)y; return log(b); }
AD_INLINE double d1_xlogy(double a, double b, double y) { (void)a; (void)b; (void)y; return (a / ((a == 0x0.0p+0) ? ((b == 0x0.0p+0) ? 0x1.0000000000000p+0 : b) : b)); }
AD_INLINE double v_copysign(double a, double b) { (void)a; (void)b; return copysign(a, b); }
AD_INLINE double d0_copysign(double a, double b, double y) { (void)a; (void)b; (void)y; return (ad_sign(a) * copysign(0x1.0000000000000p+0, b)); }
AD_INLINE double d1_copysign(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double v_heaviside(double a, double b) { (void)a; (void)b; return ((a < 0x0.0p+0) ? 0x0.0p+0 : ((a > 0x0.0p+0) ? 0x1.0000000000000p+0 : ((a == 0x0.0p+0) ? b : a))); }
AD_INLINE double d0_heaviside(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double d1_heaviside(double a, double b, double y) { (void)a; (void)b; (void)y; return (double)(a == 0x0.0p+0); }
AD_INLINE double v_where(double a, double b, double c) { (void)a; (void)b; (void)c; return ((a != 0.0) ? b : c); }
AD_INLINE double d0_where(double a, double b, double c, double y) { (void)a; (void)b; (void)c; (void)y; return 0x0.0p+0; }
AD_INLINE double d1_where(double a, double b, double c, double y) { (void)a; (void)b; (void)c; (void)y; return ((a != 0.0) ? 0x1.0000000000000p+0 : 0x0.0p+0); }
AD_INLINE double d2_where(double a, double b, double c, double y) { (void)a; (void)b; (void)c; (void)y; return ((a != 0.0) ? 0x0.0p+0 : 0x1.0000000000000p+0); }
AD_INLINE double v_clip(double a, double b, double c) { (void)a; (void)b; (void)c; return ((a < b) ? b : ((a > c) ? c : a)); }
AD_INLINE double d0_clip(double a, double b, double c, double y) { (void)a; (void)b; (void)c; (void)y; return ((a < b) ? 0x0.0p+0 : ((a > c) ? 0x0.0p+0 : 0x1.0000000000000p+0)); }
AD_INLINE double d1_clip(double a, double b, double c, double y) { (void)a; (void)b; (void)c; (void)y; return ((a < b) ? 0x1.0000000000000p+0 : 0x0.0p+0); }
AD_INLINE double d2_clip(double a, double b, double c, double y) { (void)a; (void)b; (void)c; (void)y; return ((a < b) ? 0x0.0p+0 : ((a > c) ? 0x1.0000000000000p+0 : 0x0.0p+0)); }
AD_INLINE double v_sign(double a) { (void)a; return ad_sign(a); }
AD_INLINE double d0_sign(double a, double y) { (void)a; (void)y; return 0x0.0p+0; }
AD_INLINE double v_floor(double a) { (void)a; return floor(a); }
AD_INLINE double d0_floor(double a, double y) { (void)a; (void)y; return 0x0.0p+0; }
AD_INLINE double v_ceil(double a) { (void)a; return ceil(a); }
AD_INLINE double d0_ceil(double a, double y) { (void)a; (void)y; return 0x0.0p+0; }
AD_INLINE double v_rint(double a) { (void)a; return rint(a); }
AD_INLINE double d0_rint(double a, double y) { (void)a; (void)y; return 0x0.0p+0; }
AD_INLINE double v_stop_gradient(double a) { (void)a; return a; }
AD_INLINE double d0_stop_gradient(double a, double y) { (void)a; (void)y; return 0x0.0p+0; }
AD_INLINE double v_greater(double a, double b) { (void)a; (void)b; return (double)(a > b); }
AD_INLINE double d0_greater(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double d1_greater(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double v_greater_equal(double a, double b) { (void)a; (void)b; return (double)(a >= b); }
AD_INLINE double d0_greater_equal(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double d1_greater_equal(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double v_less(double a, double b) { (void)a; (void)b; return (double)(a < b); }
AD_INLINE double d0_less(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double d1_less(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double v_less_equal(double a, double b) { (void)a; (void)b; return (double)(a <= b); }
AD_INLINE double d0_less_equal(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double d1_less_equal(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double v_equal(double a, double b) { (void)a; (void)b; return (double)(a == b); }
AD_INLINE double d0_equal(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
AD_INLINE double d1_equal(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
#define pre0_sum 0x0.0p+0
AD_INLINE double pre_sum(double m, double x) { (void)m; (void)x; return m; }
AD_INLINE double step_sum(double s, double x, double m) { (void)s; (void)x; (void)m; return (s + x); }
AD_INLINE double finish_sum(double m, double s, double n, double x) { (void)m; (void)s; (void)n; (void)x; return s; }
AD_INLINE double part_sum(double x, double m, double s, double y, double n, double same) { (void)x; (void)m; (void)s; (void)y; (void)n; (void)same; return 0x1.0000000000000p+0; }
#define pre0_mean 0x0.0p+0
AD_INLINE double pre_mean(double m, double x) { (void)m; (void)x; return m; }
AD_INLINE double step_mean(double s, double x, double m) { (void)s; (void)x; (void)m; return (s + x); }
AD_INLINE double finish_mean(double m, double s, double n, double x) { (void)m; (void)s; (void)n; (void)x; return (s / n); }
AD_INLINE double part_mean(double x, double m, double s, double y, double n, double same) { (void)x; (void)m; (void)s; (void)y; (void)n; (void)same; return (0x1.0000000000000p+0 / n); }
AD_INLINE double v_complement(double a, double b) { (void)a; (void)b; return b; }
AD_INLINE double d0_complement(double a, double b, double y) { (void)a; (void)b; (void)y; return (-0x1.0000000000000p+0); }
AD_INLINE double d1_complement(double a, double b, double y) { (void)a; (void)b; (void)y; return 0x0.0p+0; }
#define pre0_logsumexp (-0x1.fffffffffffffp+1023)
AD_INLINE double pre_logsumexp(double m, double x) { (void)m; (void)x; return ((x > m) ? ((x <= 0x1.fffffffffffffp+1023) ? x : m) : m); }
AD_INLINE double step_logsumexp(double s, double x, double m) { (void)s; (void)x; (void)m; return (s + exp((x - m))); }
AD_INLINE double finish_logsumexp(double m, double s, double n, double x) { (void)m; (void)s; (void)n; (void)x; return (m + log(s)); }
AD_INLINE double part_logsumexp(double w, double y, double same, double others) { (void)w; (void)y; (void)same; (void)others; return w; }
#define pre0_softmax (-0x1.fffffffffffffp+1023)
AD_INLINE double pre_softmax(double m, double x) { (void)m; (void)x; return ((x > m) ? ((x <= 0x1.fffffffffffffp+1023) ? x : m) : m); }
AD_INLINE double step_softmax(double s, double x, double m) { (void)s; (void)x; (void)m; return (s + exp((x - m))); }
AD_INLINE double finish_softmax(double m, double s, double n, double x) { (void)m; (void)s; (void)n; (void)x; return (exp((x - m)) / s); }
AD_INLINE double part_softmax(double w, double y, double same, double others) { (void)w; (void)y; (void)same; (void)others; return (y * ((same != 0.0) ? others : (0x0.0p+0 - w))); }
#define pre0_log_softmax (-0x1.fffffffffffffp+1023)
AD_INLINE double pre_log_softmax(double m, double x) { (void)m; (void)x; return ((x > m) ? ((x <= 0x1.fffffffffffffp+1023) ? x : m) : m); }
AD_INLINE double step_log_softmax(double s, double x, double m) { (void)s; (void)x; (void)m; return (s + exp((x - m))); }
AD_INLINE double finish_log_softmax(double m, double s, double n, double x) { (void)m; (void)s; (void)n; (void)x; return ((x - m) - log(s)); }
AD_INLINE double part_log_softmax(double w, double y, double same, double others) { (void)w; (void)y; (void)same; (void)others; return ((same != 0.0) ? others : (0x0.0p+0 - w)); }
#define pre0_norm 0x0.0p+0
AD_INLINE double pre_norm(double m, double x) { (void)m; (void)x; return ((fabs(m) > fabs(x)) ? fabs(m) : fabs(x)); }
AD_INLINE double step_norm(double s, double x, double m) { (void)s; (void)x; (void)m; return (s + ((m == 0x0.0p+0) ? x : ((x / m) * (x / m)))); }
AD_INLINE double finish_norm(double m, double s, double n, double x) { (void)m; (void)s; (void)n; (void)x; return ((m > 0x1.fffffffffffffp+1023) ? m : (m * sqrt(s))); }
AD_INLINE double part_norm(double x, double m, double s, double y, double n, double same) { (void)x; (void)m; (void)s; (void)y; (void)n; (void)same; return ((y == 0x0.0p+0) ? 0x0.0p+0 : (x / y)); }
#define pre0_max (-INFINITY)
AD_INLINE double pre_max(double m, double x) { (void)m; (void)x; return ((m >= x) ? m : ((x >= m) ? x : (m + x))); }
AD_INLINE double step_max(double s, double x, double m) { (void)s; (void)x; (void)m; return (s + (double)(x == m)); }
AD_INLINE double finish_max(double m, double s, double n, double x) { (void)m; (void)s; (void)n; (void)x; return m; }
AD_INLINE double part_max(double x, double m, double s, double y, double n, double same) { (void)x; (void)m; (void)s; (void)y; (void)n; (void)same; return ((x == m) ? (0x1.0000000000000p+0 / s) : 0x0.0p+0); }
#define pre0_min INFINITY
AD_INLINE double pre_min(double m, double x) { (void)m; (void)x; return ((m <= x) ? m : ((x <= m) ? x : (m + x))); }
AD_INLINE double step_min(double s, double x, double m) { (void)s; (void)x; (void)m; return (s + (double)(x == m)); }
AD_INLINE double finish_min(double m, double s, double n, double x) { (void)m; (void)s; (void)n; (void)x; return m; }
AD_INLINE double part_min(double x, double m, double s, double y, double n, double same) { (void)x; (void)m; (void)s; (void)y; (void)n; (void)same; return ((x == m) ? (0x1.0000000000000p+0 / s) : 0x0.0p+0); }
AD_INLINE double ad_value1(int op, double a) {
    switch (op) {
    case OP_NEG: return v_neg(a);
    case OP_ABS: return v_abs(a);
    case OP_EXP: return v_exp(a);
    case OP_EXPM1: return v_expm1(a);
    case OP_EXP2: return v_exp2(a);
    case OP_LOG: return v_log(a);
    case OP_LOG1P: return v_log1p(a);
    case OP_LOG2: return v_log2(a);
    case OP_LOG10: return v_log10(a);
    case OP_SQRT: return v_sqrt(a);
    case OP_CBRT: return v_cbrt(a);
    case OP_SQUARE: return v_square(a);
    case OP_RECIPROCAL: return v_reciprocal(a);
    case OP_SIN: return v_sin(a);
    case OP_COS: return v_cos(a);
    case OP_TAN: return v_tan(a);
    case OP_ASIN: return v_asin(a);
    case OP_ACOS: return v_acos(a);
    case OP_ATAN: return v_atan(a);
    case OP_SINH: return v_sinh(a);
    case OP_COSH: return v_cosh(a);
    case OP_TANH: return v_tanh(a);
    case OP_ASINH: return v_asinh(a);
    case OP_ACOSH: return v_acosh(a);
    case OP_ATANH: return v_atanh(a);
    case OP_SINPI: return v_sinpi(a);
    case OP_COSPI: return v_cospi(a);
    case OP_SINC: return v_sinc(a);
    case OP_DEGREES: return v_degrees(a);
    case OP_RADIANS: return v_radians(a);
    case OP_SECH2: return v_sech2(a);
    case OP_GAUSSIAN: return v_gaussian(a);
    case OP_ERF: return v_erf(a);
    case OP_ERFC: return v_erfc(a);
    case OP_SIGMOID: return v_sigmoid(a);
    case OP_LOGSIGMOID: return v_logsigmoid(a);
    case OP_SOFTPLUS: return v_softplus(a);
    case OP_LOGIT: return v_logit(a);
    case OP_RELU: return v_relu(a);
    case OP_GELU: return v_gelu(a);
    case OP_SILU: return v_silu(a);
    case OP_SIGN: return v_sign(a);
    case OP_FLOOR: return v_floor(a);
    case OP_CEIL: return v_ceil(a);
    case OP_RINT: return v_rint(a);
    case OP_STOP_GRADIENT: return v_stop_gradient(a);
    default: return NAN;
    }
}
AD_INLINE int ad_partials1(int op, double a, double y, double *d) {
    switch (op) {
    case OP_NEG: d[0] = d0_neg(a, y); return 1;
    case OP_ABS: d[0] = d0_abs(a, y); return 1;
    case OP_EXP: d[0] = d0_exp(a, y); return 1;
    case OP_EXPM1: d[0] = d0_expm1(a, y); return 1;
    case OP_EXP2: d[0] = d0_exp2(a, y); return 1;
    case OP_LOG: d[0] = d0_log(a, y); return 1;
    case OP_LOG1P: d[0] = d0_log1p(a, y); return 1;
    case OP_LOG2: d[0] = d0_log2(a, y); return 1;
    case OP_LOG10: d[0] = d0_log10(a, y); return 1;
    case OP_SQRT: d[0] = d0_sqrt(a, y); return 1;
    case OP_CBRT: d[0] = d0_cbrt(a, y); return 1;
    case OP_SQUARE: d[0] = d0_square(a, y); return 1;
    case OP_RECIPROCAL: d[0] = d0_reciprocal(a, y); return 1;
    case OP_SIN: d[0] = d0_sin(a, y); return 1;
    case OP_COS: d[0] = d0_cos(a, y); return 1;
    case OP_TAN: d[0] = d0_tan(a, y); return 1;
    case OP_ASIN: d[0] = d0_asin(a, y); return 1;
    case OP_ACOS: d[0] = d0_acos(a, y); return 1;
    case OP_ATAN: d[0] = d0_atan(a, y); return 1;
    case OP_SINH: d[0] = d0_sinh(a, y); return 1;
    case OP_COSH: d[0] = d0_cosh(a, y); return 1;
    case OP_TANH: d[0] = d0_tanh(a, y); return 1;
    case OP_ASINH: d[0] = d0_asinh(a, y); return 1;
    case OP_ACOSH: d[0] = d0_acosh(a, y); return 1;
    case OP_ATANH: d[0] = d0_atanh(a, y); return 1;
    case OP_SINPI: d[0] = d0_sinpi(a, y); return 1;
    case OP_COSPI: d[0] = d0_cospi(a, y); return 1;
    case OP_SINC: d[0] = d0_sinc(a, y); return 1;
    case OP_DEGREES: d[0] = d0_degrees(a, y); return 1;
    case OP_RADIANS: d[0] = d0_radians(a, y); return 1;
    case OP_SECH2: d[0] = d0_sech2(a, y); return 1;
    case OP_GAUSSIAN: d[0] = d0_gaussian(a, y); return 1;
    case OP_ERF: d[0] = d0_erf(a, y); return 1;
    case OP_ERFC: d[0] = d0_erfc(a, y); return 1;
    case OP_SIGMOID: d[0] = d0_sigmoid(a, y); return 1;
    case OP_LOGSIGMOID: d[0] = d0_logsigmoid(a, y); return 1;
    case OP_SOFTPLUS: d[0] = d0_softplus(a, y); return 1;
    case OP_LOGIT: d[0] = d0_logit(a, y); return 1;
    case OP_RELU: d[0] = d0_relu(a, y); return 1;
    case OP_GELU: d[0] = d0_gelu(a, y); return 1;
    case OP_SILU: d[0] = d0_silu(a, y); return 1;
    case OP_SIGN: d[0] = d0_sign(a, y); return 1;
    case OP_FLOOR: d[0] = d0_floor(a, y); return 1;
    case OP_CEIL: d[0] = d0_ceil(a, y); return 1;
    case OP_RINT: d[0] = d0_rint(a, y); return 1;
    case OP_STOP_GRADIENT: d[0] = d0_stop_gradient(a, y); return 1;
    default: return 0;
    }
}
AD_INLINE double ad_value2(int op, double a, double b) {
    switch (op) {
    case OP_ADD: return v_add(a, b);
    case OP_SUB: return v_sub(a, b);
    case OP_MUL: return v_mul(a, b);
    case OP_DIV: return v_div(a, b);
    case OP_POW: return v_pow(a, b);
    case OP_MOD: return v_mod(a, b);
    case OP_ATAN2: return v_atan2(a, b);
    case OP_LEAKY_RELU: return v_leaky_relu(a, b);
    case OP_ELU: return v_elu(a, b);
    case OP_MAXIMUM: return v_maximum(a, b);
    case OP_MINIMUM: return v_minimum(a, b);
    case OP_LOGADDEXP: return v_logaddexp(a, b);
    case OP_XLOGY: return v_xlogy(a, b);
    case OP_COPYSIGN: return v_copysign(a, b);
    case OP_HEAVISIDE: return v_heaviside(a, b);
    case OP_GREATER: return v_greater(a, b);
    case OP_GREATER_EQUAL: return v_greater_equal(a, b);
    case OP_LESS: return v_less(a, b);
    case OP_LESS_EQUAL: return v_less_equal(a, b);
    case OP_EQUAL: return v_equal(a, b);
    case OP_COMPLEMENT: return v_complement(a, b);
    default: return NAN;
    }
}
AD_INLINE int ad_partials2(int op, double a, double b, double y, double *d) {
    switch (op) {
    case OP_ADD: d[0] = d0_add(a, b, y); d[1] = d1_add(a, b, y); return 1;
    case OP_SUB: d[0] = d0_sub(a, b, y); d[1] = d1_sub(a, b, y); return 1;
    case OP_MUL: d[0] = d0_mul(a, b, y); d[1] = d1_mul(a, b, y); return 1;
    case OP_DIV: d[0] = d0_div(a, b, y); d[1] = d1_div(a, b, y); return 1;
    case OP_POW: d[0] = d0_pow(a, b, y); d[1] = d1_pow(a, b, y); return 1;
    case OP_MOD: d[0] = d0_mod(a, b, y); d[1] = d1_mod(a, b, y); return 1;
    case OP_ATAN2: d[0] = d0_atan2(a, b, y); d[1] = d1_atan2(a, b, y); return 1;
    case OP_LEAKY_RELU: d[0] = d0_leaky_relu(a, b, y); d[1] = d1_leaky_relu(a, b, y); return 1;
    case OP_ELU: d[0] = d0_elu(a, b, y); d[1] = d1_elu(a, b, y); return 1;
    case OP_MAXIMUM: d[0] = d0_maximum(a, b, y); d[1] = d1_maximum(a, b, y); return 1;
    case OP_MINIMUM: d[0] = d0_minimum(a, b, y); d[1] = d1_minimum(a, b, y); return 1;
    case OP_LOGADDEXP: d[0] = d0_logaddexp(a, b, y); d[1] = d1_logaddexp(a, b, y); return 1;
    case OP_XLOGY: d[0] = d0_xlogy(a, b, y); d[1] = d1_xlogy(a, b, y); return 1;
    case OP_COPYSIGN: d[0] = d0_copysign(a, b, y); d[1] = d1_copysign(a, b, y); return 1;
    case OP_HEAVISIDE: d[0] = d0_heaviside(a, b, y); d[1] = d1_heaviside(a, b, y); return 1;
    case OP_GREATER: d[0] = d0_greater(a, b, y); d[1] = d1_greater(a, b, y); return 1;
    case OP_GREATER_EQUAL: d[0] = d0_greater_equal(a, b, y); d[1] = d1_greater_equal(a, b, y); return 1;
    case OP_LESS: d[0] = d0_less(a, b, y); d[1] = d1_less(a, b, y); return 1;
    case OP_LESS_EQUAL: d[0] = d0_less_equal(a, b, y); d[1] = d1_less_equal(a, b, y); return 1;
    case OP_EQUAL: d[0] = d0_equal(a, b, y); d[1] = d1_equal(a, b, y); return 1;
    case OP_COMPLEMENT: d[0] = d0_complement(a, b, y); d[1] = d1_complement(a, b, y); return 1;
    default: return 0;
    }
}
AD_INLINE double ad_value3(int op, double a, double b, double c) {
    switch (op) {
    case OP_WHERE: return v_where(a, b, c);
    case OP_CLIP: return v_clip(a, b, c);
    default: return NAN;
    }
}
AD_INLINE int ad_partials3(int op, double a, double b, double c, double y, double *d) {
    switch (op) {
    case OP_WHERE: d[0] = d0_where(a, b, c, y); d[1] = d1_where(a, b, c, y); d[2] = d2_where(a, b, c, y); return 1;
    case OP_CLIP: d[0] = d0_clip(a, b, c, y); d[1] = d1_clip(a, b, c, y); d[2] = d2_clip(a, b, c, y); return 1;
    default: return 0;
    }
}
AD_INLINE double d0_expm1_inner(double a) { (void)a; return a; }
AD_INLINE double d0_expm1_outer(double a, double e) { (void)a; (void)e; return e; }
AD_INLINE double d0_tanh_inner(double a) { (void)a; return ((a > 0x0.0p+0) ? ((-0x1.0000000000000p+1) * a) : (0x1.0000000000000p+1 * a)); }
AD_INLINE double d0_tanh_outer(double a, double e) { (void)a; (void)e; return ((0x1.0000000000000p+2 * e) / ((0x1.0000000000000p+0 + e) * (0x1.0000000000000p+0 + e))); }
AD_INLINE double v_sech2_inner(double a) { (void)a; return ((a > 0x0.0p+0) ? ((-0x1.0000000000000p+1) * a) : (0x1.0000000000000p+1 * a)); }
AD_INLINE double v_sech2_outer(double a, double e) { (void)a; (void)e; return ((0x1.0000000000000p+2 * e) / ((0x1.0000000000000p+0 + e) * (0x1.0000000000000p+0 + e))); }
AD_INLINE double v_sigmoid_inner(double a) { (void)a; return (-fabs(a)); }
AD_INLINE double v_sigmoid_outer(double a, double e) { (void)a; (void)e; return (((a > 0x0.0p+0) ? 0x1.0000000000000p+0 : e) / (0x1.0000000000000p+0 + e)); }
AD_INLINE double d0_sigmoid_inner(double a) { (void)a; return (((0x1.0000000000000p-1 * a) > 0x0.0p+0) ? ((-0x1.0000000000000p+1) * (0x1.0000000000000p-1 * a)) : (0x1.0000000000000p+1 * (0x1.0000000000000p-1 * a))); }
AD_INLINE double d0_sigmoid_outer(double a, double e) { (void)a; (void)e; return (0x1.0000000000000p-2 * ((0x1.0000000000000p+2 * e) / ((0x1.0000000000000p+0 + e) * (0x1.0000000000000p+0 + e)))); }
AD_INLINE double d0_logsigmoid_inner(double a) { (void)a; return (-fabs((-a))); }
AD_INLINE double d0_logsigmoid_outer(double a, double e) { (void)a; (void)e; return ((((-a) > 0x0.0p+0) ? 0x1.0000000000000p+0 : e) / (0x1.0000000000000p+0 + e)); }
AD_INLINE double d0_softplus_inner(double a) { (void)a; return (-fabs(a)); }
AD_INLINE double d0_softplus_outer(double a, double e) { (void)a; (void)e; return (((a > 0x0.0p+0) ? 0x1.0000000000000p+0 : e) / (0x1.0000000000000p+0 + e)); }
AD_INLINE double v_silu_inner(double a) { (void)a; return (-fabs(a)); }
AD_INLINE double v_silu_outer(double a, double e) { (void)a; (void)e; return (((a < (-0x1.9000000000000p+9)) ? (-0x1.9000000000000p+9) : a) * (((a > 0x0.0p+0) ? 0x1.0000000000000p+0 : e) / (0x1.0000000000000p+0 + e))); }
/* What is made of one exponential: outer(a, exp(inner(a))). */
#define AD_VALUES_BY_EXP(X) X(OP_SECH2, v_sech2) X(OP_SIGMOID, v_sigmoid) X(OP_SILU, v_silu)
#define AD_SLOPES_BY_EXP(X) X(OP_EXPM1, d0_expm1) X(OP_TANH, d0_tanh) X(OP_SIGMOID, d0_sigmoid) X(OP_LOGSIGMOID, d0_logsigmoid) X(OP_SOFTPLUS, d0_softplus)
AD_INLINE void ad_fold(int op, long n, const double *x, double *m, double *s) {
    long j;
    switch (op) {
    case OP_SUM:
        *m = pre0_sum; *s = 0.0;
        for (j = 0; j < n; j++) *m = pre_sum(*m, x[j]);
        for (j = 0; j < n; j++) *s = step_sum(*s, x[j], *m);
        return;
    case OP_MEAN:
        *m = pre0_mean; *s = 0.0;
        for (j = 0; j < n; j++) *m = pre_mean(*m, x[j]);
        for (j = 0; j < n; j++) *s = step_mean(*s, x[j], *m);
        return;
    case OP_LOGSUMEXP:
        *m = pre0_logsumexp; *s = 0.0;
        for (j = 0; j < n; j++) *m = pre_logsumexp(*m, x[j]);
        for (j = 0; j < n; j++) *s = step_logsumexp(*s, x[j], *m);
        return;
    case OP_SOFTMAX:
        *m = pre0_softmax; *s = 0.0;
        for (j = 0; j < n; j++) *m = pre_softmax(*m, x[j]);
        for (j = 0; j < n; j++) *s = step_softmax(*s, x[j], *m);
        return;
    case OP_LOG_SOFTMAX:
        *m = pre0_log_softmax; *s = 0.0;
        for (j = 0; j < n; j++) *m = pre_log_softmax(*m, x[j]);
        for (j = 0; j < n; j++) *s = step_log_softmax(*s, x[j], *m);
        return;
    case OP_NORM:
        *m = pre0_norm; *s = 0.0;
        for (j = 0; j < n; j++) *m = pre_norm(*m, x[j]);
        for (j = 0; j < n; j++) *s = step_norm(*s, x[j], *m);
        return;
    case OP_MAX:
        *m = pre0_max; *s = 0.0;
        for (j = 0; j < n; j++) *m = pre_max(*m, x[j]);
        for (j = 0; j < n; j++) *s = step_max(*s, x[j], *m);
        return;
    case OP_MIN:
        *m = pre0_min; *s = 0.0;
        for (j = 0; j < n; j++) *m = pre_min(*m, x[j]);
        for (j = 0; j < n; j++) *s = step_min(*s, x[j], *m);
        return;
    default: *m = *s = NAN;
    }
}
AD_INLINE double ad_finish(int op, double m, double s, double n, double x) {
    switch (op) {
    case OP_SUM: return finish_sum(m, s, n, x);
    case OP_MEAN: return finish_mean(m, s, n, x);
    case OP_LOGSUMEXP: return finish_logsumexp(m, s, n, x);
    case OP_SOFTMAX: return finish_softmax(m, s, n, x);
    case OP_LOG_SOFTMAX: return finish_log_softmax(m, s, n, x);
    case OP_NORM: return finish_norm(m, s, n, x);
    case OP_MAX: return finish_max(m, s, n, x);
    case OP_MIN: return finish_min(m, s, n, x);
    default: return NAN;
    }
}
AD_INLINE void ad_parts(int op, long n, const double *x, double m, double s, double y,
                        long index, double *d) {
    double others = 0.0; long j;
    switch (op) {
    case OP_SUM:
        for (j = 0; j < n; j++)
            d[j] = part_sum(x[j], m, s, y, (double)n, (double)(j == index));
        return;
    case OP_MEAN:
        for (j = 0; j < n; j++)
            d[j] = part_mean(x[j], m, s, y, (double)n, (double)(j == index));
        return;
    case OP_LOGSUMEXP:
        for (j = 0; j < n; j++) d[j] = step_logsumexp(0.0, x[j], m) / s;
        for (j = 0; j < n; j++)
            d[j] = part_logsumexp(d[j], y, (double)(j == index), others);
        return;
    case OP_SOFTMAX:
        for (j = 0; j < n; j++) d[j] = step_softmax(0.0, x[j], m) / s;
        for (j = 0; j < n; j++) if (j != index) others = others + d[j];
        for (j = 0; j < n; j++)
            d[j] = part_softmax(d[j], y, (double)(j == index), others);
        return;
    case OP_LOG_SOFTMAX:
        for (j = 0; j < n; j++) d[j] = step_log_softmax(0.0, x[j], m) / s;
        for (j = 0; j < n; j++) if (j != index) others = others + d[j];
        for (j = 0; j < n; j++)
            d[j] = part_log_softmax(d[j], y, (double)(j == index), others);
        return;
    case OP_NORM:
        for (j = 0; j < n; j++)
            d[j] = part_norm(x[j], m, s, y, (double)n, (double)(j == index));
        return;
    case OP_MAX:
        for (j = 0; j < n; j++)
            d[j] = part_max(x[j], m, s, y, (double)n, (double)(j == index));
        return;
    case OP_MIN:
        for (j = 0; j < n; j++)
            d[j] = part_min(x[j], m, s, y, (double)n, (double)(j == index));
        return;
    default: return;
    }
}

#endif
