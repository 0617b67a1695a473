/* A rule of the user's own, recorded by nn/training/recorded_rules.py: operations in order, each on what earlier ones gave.
 *
 * The first of them depend on the rate and the count of updates alone and are done once; the others go over blocks of parameters. Where
 * Python raises, or NumPy's result is nobody's promise (the larger of 0.0 and -0.0), the update is irregular and is done by the rule itself. */

enum { BLOCK = 128 };

typedef struct { int32_t operation, a, b, c; } Instruction;

typedef struct {
    const Instruction *code;
    const int32_t *outputs;      /* where the new parameter and the new buffers are found */
    long count, uniform;         /* instructions; so many of them give the same number for all parameters */
    double *room;                /* a block for each */
    const double **at;           /* where each one's numbers are */
} Recorded;

#define EACH(formula) for (j = 0; j < m; j++) out[j] = formula; return 0
#define EXTREME(sign) \
    for (j = 0; j < m; j++) { \
        uint64_t p, q; \
        memcpy(&p, a + j, 8); memcpy(&q, b + j, 8); \
        unclear |= (uint64_t)(a[j] == b[j]) & (uint64_t)(p != q); \
        out[j] = a[j] sign b[j] || a[j] != a[j] ? a[j] : b[j]; \
    } \
    return unclear != 0
/* One operation on m numbers; 1: its result depends on how NumPy is built. */
CLONES static int operate(int32_t operation, long m, const double *a, const double *b, const double *c, double *restrict out) {
    uint64_t unclear = 0;
    long j;
    switch (operation) {
    case '+': EACH(a[j] + b[j]);
    case '-': EACH(a[j] - b[j]);
    case '*': EACH(a[j] * b[j]);
    case '/': EACH(a[j] / b[j]);
    case '^': EACH(pow(a[j], b[j]));
    case 'n': EACH(-a[j]);
    case 'a': EACH(fabs(a[j]));
    case 'q': EACH(sqrt(a[j]));
    case 's': EACH(a[j] > 0.0 ? 1.0 : a[j] < 0.0 ? -1.0 : a[j] == 0.0 ? 0.0 : a[j]);
    case '>': EACH(a[j] > b[j]);
    case 'G': EACH(a[j] >= b[j]);
    case '=': EACH(a[j] == b[j]);
    case 'N': EACH(a[j] != b[j]);
    case '?': EACH(a[j] != 0.0 ? b[j] : c[j]);
    case 'M': EXTREME(>);
    case 'm': EXTREME(<);
    }
    return 1;
}

/* The rule on n parameters: 0 done, 1 irregular. */
static int apply_recorded(const Recorded *r, const double *constants, double rate, double k, long n, const double *x, const double *g,
                          const double *const *b, double *y, double *const *c, long buffers) {
    long i, j, start, m;
    for (i = 0; i < r->uniform; i++) {
        const Instruction *do_ = r->code + i;
        double *out = r->room + i * BLOCK;
        if (do_->operation == 'r') *out = rate;
        else if (do_->operation == 'k') *out = k;
        else if (do_->operation == 'c') *out = constants[do_->a];
        else if (operate(do_->operation, 1, r->at[do_->a], r->at[do_->b], r->at[do_->c], out)) return 1;
        if (!isfinite(*out)) return 1;
        for (j = 1; j < BLOCK; j++) out[j] = *out;
    }
    for (start = 0; start < n; start += BLOCK) {
        m = n - start < BLOCK ? n - start : BLOCK;
        for (i = r->uniform; i < r->count; i++) {
            const Instruction *do_ = r->code + i;
            if (do_->operation == 'x') r->at[i] = x + start;
            else if (do_->operation == 'g') r->at[i] = g + start;
            else if (do_->operation == 'b') r->at[i] = b[do_->a] + start;
            else if (operate(do_->operation, m, r->at[do_->a], r->at[do_->b], r->at[do_->c], r->room + i * BLOCK)) return 1;
        }
        for (i = 0; i <= buffers; i++) memcpy((i ? c[i - 1] : y) + start, r->at[r->outputs[i]], (size_t)m * sizeof(double));
    }
    return 0;
}

static void forget_recorded(Recorded *r) {
    free(r->room);
    free(r->at);
}

/* Take a rule of so many buffers and constants from its text of int32: counts, instructions, outputs; 0, or -1: it is none. */
static int take_recorded(Recorded *r, const char *text, Py_ssize_t size, long buffers, long constants) {
    const int32_t *numbers = (const int32_t *)text;
    long i;
    if (size < 8 || size != 4 * (3 + 4 * (long)numbers[0] + buffers) || numbers[0] < 1 || numbers[1] < 0 || numbers[1] > numbers[0]) return -1;
    r->count = numbers[0];
    r->uniform = numbers[1];
    r->code = (const Instruction *)(numbers + 2);
    r->outputs = numbers + 2 + 4 * r->count;
    for (i = 0; i < r->count; i++) {
        const Instruction *do_ = r->code + i;
        long limit = do_->operation == 'c' ? constants : do_->operation == 'b' ? buffers : strchr("xgrk", do_->operation) ? 1 : i;
        if (do_->operation < 1 || do_->operation > 127 || !strchr(i < r->uniform ? "rkc+-*/^naqs>G=N?Mm" : "xgb+-*/naqs>G=N?Mm", do_->operation)) return -1;
        if (do_->a < 0 || do_->a >= limit || do_->b < 0 || do_->b > i || do_->c < 0 || do_->c > i) return -1;
        if (!strchr("xgbrkc", do_->operation) && (do_->b >= i || do_->c >= i)) return -1;
    }
    for (i = 0; i <= buffers; i++) if (r->outputs[i] < 0 || r->outputs[i] >= r->count) return -1;
    r->room = malloc((size_t)r->count * BLOCK * sizeof(double));
    r->at = malloc((size_t)r->count * sizeof *r->at);
    if (!r->room || !r->at) return -1;
    for (i = 0; i < r->count; i++) r->at[i] = r->room + i * BLOCK;
    return 0;
}
