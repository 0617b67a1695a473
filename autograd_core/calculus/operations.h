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
    OP_LEAF = 0, OP_ADD = 1, OP_SUB = 2, OP_MUL = 3, OP_DIV = 4, OP_NEG = 5, OP_POW = 6, OP_MOD = 7,
    OP_ABS = 8, OP_EXP = 9, OP_EXPM1 = 10, OP_EXP2 = 11, OP_LOG = 12, OP_LOG1P = 13, OP_LOG2 = 14,
    OP_LOG10 = 15, OP_SQRT = 16, OP_CBRT = 17, OP_SQUARE = 18, OP_RECIPROCAL = 19, OP_SIN = 20, OP_COS = 21,
    OP_TAN = 22, OP_ASIN = 23, OP_ACOS = 24, OP_ATAN = 25, OP_SINH = 26, OP_COSH = 27, OP_TANH = 28,
    OP_ASINH = 29, OP_ACOSH = 30, OP_ATANH = 31, OP_ATAN2 = 32, OP_HYPOT = 33, OP_SINPI = 34, OP_COSPI = 35,
    OP_SINC = 36, OP_DEGREES = 37, OP_RADIANS = 38, OP_SECH2 = 39, OP_GAUSSIAN = 40, OP_ERF = 41,
    OP_ERFC = 42, OP_ERFCX = 43, OP_IERFCX = 44, OP_ERFINV = 45, OP_GAMMA = 46, OP_LGAMMA = 47,
    OP_DIGAMMA = 48, OP_POLYGAMMA = 49, OP_DIGAMMA_DIFFERENCE = 50, OP_BETA = 51, OP_SIGMOID = 52,
    OP_LOGSIGMOID = 53, OP_SOFTPLUS = 54, OP_LOGIT = 55, OP_RELU = 56, OP_LEAKY_RELU = 57, OP_ELU = 58,
    OP_GELU = 59, OP_SILU = 60, OP_MAXIMUM = 61, OP_MINIMUM = 62, OP_LOGADDEXP = 63, OP_XLOGY = 64,
    OP_COPYSIGN = 65, OP_HEAVISIDE = 66, OP_WHERE = 67, OP_CLIP = 68, OP_SIGN = 69, OP_FLOOR = 70,
    OP_CEIL = 71, OP_RINT = 72, OP_STOP_GRADIENT = 73, OP_GREATER = 74, OP_GREATER_EQUAL = 75, OP_LESS = 76,
    OP_LESS_EQUAL = 77, OP_EQUAL = 78, OP_DOT = 79, OP_SUM = 80, OP_MEAN = 81, OP_COMPLEMENT = 82,
    OP_LOGSUMEXP = 83, OP_SOFTMAX = 84, OP_LOG_SOFTMAX = 85, OP_NORM = 86, OP_MAX = 87, OP_MIN = 88,
    OP_END = 89, OP_CUSTOM = 255
};

/* A bit for each fact, and 256 times how many operands (0 for any number, and for a user's own).
   selecting: its partial of 0 sends nothing at all; raises: Python raises for some operands;
   reduces: folds any number of operands; called: it has no C text, Python computes it;
   sends_nothing: all its partials are such zeros; cheap: no call and no division;
   indexed: one output of many; exponentials: its partials are made of exp(x - m) / s. */
static const unsigned short ad_facts[256] = {
    [OP_ADD] = 544, [OP_SUB] = 544, [OP_MUL] = 544, [OP_DIV] = 514, [OP_NEG] = 288, [OP_POW] = 514,
    [OP_MOD] = 514, [OP_ABS] = 289, [OP_EXP] = 258, [OP_EXPM1] = 258, [OP_EXP2] = 258, [OP_LOG] = 258,
    [OP_LOG1P] = 258, [OP_LOG2] = 258, [OP_LOG10] = 258, [OP_SQRT] = 258, [OP_CBRT] = 256,
    [OP_SQUARE] = 288, [OP_RECIPROCAL] = 258, [OP_SIN] = 258, [OP_COS] = 258, [OP_TAN] = 258,
    [OP_ASIN] = 258, [OP_ACOS] = 258, [OP_ATAN] = 256, [OP_SINH] = 258, [OP_COSH] = 258, [OP_TANH] = 256,
    [OP_ASINH] = 256, [OP_ACOSH] = 258, [OP_ATANH] = 258, [OP_ATAN2] = 512, [OP_HYPOT] = 520,
    [OP_SINPI] = 258, [OP_COSPI] = 258, [OP_SINC] = 256, [OP_DEGREES] = 288, [OP_RADIANS] = 288,
    [OP_SECH2] = 256, [OP_GAUSSIAN] = 256, [OP_ERF] = 256, [OP_ERFC] = 256, [OP_ERFCX] = 266,
    [OP_IERFCX] = 521, [OP_ERFINV] = 266, [OP_GAMMA] = 266, [OP_LGAMMA] = 266, [OP_DIGAMMA] = 266,
    [OP_POLYGAMMA] = 521, [OP_DIGAMMA_DIFFERENCE] = 520, [OP_BETA] = 522, [OP_SIGMOID] = 256,
    [OP_LOGSIGMOID] = 256, [OP_SOFTPLUS] = 256, [OP_LOGIT] = 258, [OP_RELU] = 289, [OP_LEAKY_RELU] = 544,
    [OP_ELU] = 512, [OP_GELU] = 256, [OP_SILU] = 256, [OP_MAXIMUM] = 545, [OP_MINIMUM] = 545,
    [OP_LOGADDEXP] = 512, [OP_XLOGY] = 514, [OP_COPYSIGN] = 513, [OP_HEAVISIDE] = 545, [OP_WHERE] = 801,
    [OP_CLIP] = 801, [OP_SIGN] = 305, [OP_FLOOR] = 305, [OP_CEIL] = 305, [OP_RINT] = 273,
    [OP_STOP_GRADIENT] = 305, [OP_GREATER] = 561, [OP_GREATER_EQUAL] = 561, [OP_LESS] = 561,
    [OP_LESS_EQUAL] = 561, [OP_EQUAL] = 561, [OP_SUM] = 4, [OP_MEAN] = 4, [OP_COMPLEMENT] = 545,
    [OP_LOGSUMEXP] = 132, [OP_SOFTMAX] = 196, [OP_LOG_SOFTMAX] = 196, [OP_NORM] = 4, [OP_MAX] = 5,
    [OP_MIN] = 5, [OP_CUSTOM] = 10
};
AD_INLINE int ad_arity(int op) { return ad_facts[op] >> 8; }
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
#define AD_OF_1(X) \
    X(OP_NEG, neg) X(OP_ABS, abs) X(OP_EXP, exp) X(OP_EXPM1, expm1) X(OP_EXP2, exp2) X(OP_LOG, log) \
    X(OP_LOG1P, log1p) X(OP_LOG2, log2) X(OP_LOG10, log10) X(OP_SQRT, sqrt) X(OP_CBRT, cbrt) \
    X(OP_SQUARE, square) X(OP_RECIPROCAL, reciprocal) X(OP_SIN, sin) X(OP_COS, cos) X(OP_TAN, tan) \
    X(OP_ASIN, asin) X(OP_ACOS, acos) X(OP_ATAN, atan) X(OP_SINH, sinh) X(OP_COSH, cosh) X(OP_TANH, tanh) \
    X(OP_ASINH, asinh) X(OP_ACOSH, acosh) X(OP_ATANH, atanh) X(OP_SINPI, sinpi) X(OP_COSPI, cospi) \
    X(OP_SINC, sinc) X(OP_DEGREES, degrees) X(OP_RADIANS, radians) X(OP_SECH2, sech2) \
    X(OP_GAUSSIAN, gaussian) X(OP_ERF, erf) X(OP_ERFC, erfc) X(OP_SIGMOID, sigmoid) \
    X(OP_LOGSIGMOID, logsigmoid) X(OP_SOFTPLUS, softplus) X(OP_LOGIT, logit) X(OP_RELU, relu) \
    X(OP_GELU, gelu) X(OP_SILU, silu) X(OP_SIGN, sign) X(OP_FLOOR, floor) X(OP_CEIL, ceil) X(OP_RINT, rint) \
    X(OP_STOP_GRADIENT, stop_gradient)
#define AD_VALUE_1(OP, name) case OP: return v_##name(a);
AD_INLINE double ad_value1(int op, double a) {
    switch (op) { AD_OF_1(AD_VALUE_1) default: return NAN; }
}
#define AD_PARTIALS_1(OP, name) case OP: d[0] = d0_##name(a, y); return 1;
AD_INLINE int ad_partials1(int op, double a, double y, double *d) {
    switch (op) { AD_OF_1(AD_PARTIALS_1) default: return 0; }
}
#define AD_OF_2(X) \
    X(OP_ADD, add) X(OP_SUB, sub) X(OP_MUL, mul) X(OP_DIV, div) X(OP_POW, pow) X(OP_MOD, mod) \
    X(OP_ATAN2, atan2) X(OP_LEAKY_RELU, leaky_relu) X(OP_ELU, elu) X(OP_MAXIMUM, maximum) \
    X(OP_MINIMUM, minimum) X(OP_LOGADDEXP, logaddexp) X(OP_XLOGY, xlogy) X(OP_COPYSIGN, copysign) \
    X(OP_HEAVISIDE, heaviside) X(OP_GREATER, greater) X(OP_GREATER_EQUAL, greater_equal) X(OP_LESS, less) \
    X(OP_LESS_EQUAL, less_equal) X(OP_EQUAL, equal) X(OP_COMPLEMENT, complement)
#define AD_VALUE_2(OP, name) case OP: return v_##name(a, b);
AD_INLINE double ad_value2(int op, double a, double b) {
    switch (op) { AD_OF_2(AD_VALUE_2) default: return NAN; }
}
#define AD_PARTIALS_2(OP, name) case OP: d[0] = d0_##name(a, b, y); d[1] = d1_##name(a, b, y); return 1;
AD_INLINE int ad_partials2(int op, double a, double b, double y, double *d) {
    switch (op) { AD_OF_2(AD_PARTIALS_2) default: return 0; }
}
#define AD_OF_3(X) \
    X(OP_WHERE, where) X(OP_CLIP, clip)
#define AD_VALUE_3(OP, name) case OP: return v_##name(a, b, c);
AD_INLINE double ad_value3(int op, double a, double b, double c) {
    switch (op) { AD_OF_3(AD_VALUE_3) default: return NAN; }
}
#define AD_PARTIALS_3(OP, name) case OP: d[0] = d0_##name(a, b, c, y); d[1] = d1_##name(a, b, c, y); d[2] = d2_##name(a, b, c, y); return 1;
AD_INLINE int ad_partials3(int op, double a, double b, double c, double y, double *d) {
    switch (op) { AD_OF_3(AD_PARTIALS_3) default: return 0; }
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
#define AD_FOLDS(X) \
    X(OP_SUM, sum) X(OP_MEAN, mean) X(OP_NORM, norm) X(OP_MAX, max) X(OP_MIN, min)
#define AD_EXPONENTIALS(X) \
    X(OP_LOGSUMEXP, logsumexp) X(OP_SOFTMAX, softmax) X(OP_LOG_SOFTMAX, log_softmax)
#define AD_FOLD(OP, name) case OP: \
        *m = pre0_##name; *s = 0.0; \
        for (j = 0; j < n; j++) *m = pre_##name(*m, x[j]); \
        for (j = 0; j < n; j++) *s = step_##name(*s, x[j], *m); \
        return;
AD_INLINE void ad_fold(int op, long n, const double *x, double *m, double *s) {
    long j;
    switch (op) { AD_FOLDS(AD_FOLD) AD_EXPONENTIALS(AD_FOLD) default: *m = *s = NAN; }
}
#define AD_FINISH(OP, name) case OP: return finish_##name(m, s, n, x);
AD_INLINE double ad_finish(int op, double m, double s, double n, double x) {
    switch (op) { AD_FOLDS(AD_FINISH) AD_EXPONENTIALS(AD_FINISH) default: return NAN; }
}
#define AD_PART(OP, name) case OP: \
        for (j = 0; j < n; j++) d[j] = part_##name(x[j], m, s, y, (double)n, (double)(j == index)); \
        return;
#define AD_PART_BY_EXP(OP, name) case OP: \
        for (j = 0; j < n; j++) d[j] = step_##name(0.0, x[j], m) / s; \
        for (j = 0; j < n; j++) if (j != index && ad_indexed(OP)) others = others + d[j]; \
        for (j = 0; j < n; j++) d[j] = part_##name(d[j], y, (double)(j == index), others); \
        return;
AD_INLINE void ad_parts(int op, long n, const double *x, double m, double s, double y,
                        long index, double *d) {
    double others = 0.0; long j;
    switch (op) { AD_FOLDS(AD_PART) AD_EXPONENTIALS(AD_PART_BY_EXP) default: return; }
}

#endif
