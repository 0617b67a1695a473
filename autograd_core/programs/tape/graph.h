/* The graph and the tape as data; who consumes what; what takes part in a gradient; equal subexpressions. Part of `tape/compile.h`. */

typedef struct {                 /* one forward instruction; in a one-lane tape one of its reverse, too */
    uint16_t code, n;            /* n: a run over n consecutive slots */
    int32_t y, a, b;
} Ins;

typedef struct {                 /* one reverse instruction of a tape of lanes */
    uint16_t code, n, flags, unused;
    int32_t y, a, b, ga, gb;     /* ga, gb: where the contributions go */
} Rev;

enum { AHEAD = 12 }; /* how many instructions ahead a one-lane tape fetches operands; so many spare ones at both ends */
enum { CHAINS = 8 }; /* sums that a one-lane tape adds up side by side */
/* How many of the rows that are left a layer's kernel takes at once: six fill the registers best, and few ones should remain. */
static inline long tile_rows(long left) { return left == 6 || left >= 10 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

enum { SKIP_A = 1, FIRST_A = 2, SKIP_B = 4, FIRST_B = 8 };
enum { MODE_VV = 0, MODE_VU = 1, MODE_UV = 2 };                       /* a tape of lanes: which operand is uniform */
enum { SEND_BOTH = 0, SEND_B = 1, SEND_A = 2, SEND_NONE = 3 };        /* a one-lane tape: who gets a contribution */
enum { OPX_LOAD = OP_END, OPX_CHAIN, OPX_LAYER, OPX_ZERO, OPX_SQUARES, OPX_SKIP, OPX_MULADD }; /* close behind, for a dense switch */
enum { RUN = 0x4000, FIX_A = 0x2000, FIX_B = 0x1000 }; /* in the code of an instruction of a one-lane tape whose n is not 1; its operand is one for all */
/* Which operand of a one-lane instruction is one number for all; a power's b is one, where it is alone. */
static int uniform_operand(const Ins *in, int op) {
    return in->code & FIX_A ? MODE_UV : in->code & FIX_B || (in->n == 1 && op == OP_POW) ? MODE_VU : MODE_VV;
}
enum { FAR = 1 << 15 };          /* numbers that stay in the caches without being fetched ahead */
enum { KIND_OP = 0, KIND_CONST = 1, KIND_PARAM = 2, KIND_INPUT = 3 };

typedef struct { int32_t w0, J, I, b0, transposed, uses, first_use; } Matrix; /* transposed: place of the transposed one, plus 1 */ /* uses: rows of Tape.matrix_uses */
typedef struct { int32_t param, uses, first_use; } Scalar;                /* uses: rows of Tape.scalar_uses */
typedef struct { int32_t left, right, relation, outcome; } Guard;

typedef struct { int32_t *v; long n, room; } Ints;

typedef struct Tape {
    int lanes;
    long live, params, inputs, outputs;
    long nu, slots, adjoints;    /* uniforms; value slots after them; adjoint slots after them */
    Ins *fwd, *fwd_block; long nfwd, fwd_room, uniform; /* fwd_block: the memory of fwd once it is finished; uniform: how many come first that no lane changes */
    Ins *bwd, *bwd_block; long nbwd; /* in a one-lane tape: its reverse, from the last one back; fwd itself where it has no stretches */
    Rev *rev; long nrev, rev_room;
    Ints aux;
    int32_t *order;              /* internal place of a parameter -> its place in the caller's list */
    double *consts; long nconsts;
    int32_t *out, *input_adjoint; /* indexes; input_adjoint -1: no contribution ever */
    Guard *guards; long nguards;
    Matrix *matrices; long nmatrices;
    Scalar *scalars; long nscalars;
    Ints matrix_uses, scalar_uses;
    Ints heads;                  /* in a one-lane tape: what stands above an OPX_SKIP */
    Ints transposed;                 /* w0 J I of each matrix that a one-lane tape keeps transposed too, one after the other */
    long transposed_size;
    long layers, dots, shared, largest_layer;
    long contributions;
} Tape;

typedef struct {
    long n, nsweep, nedges, nparams, ninputs, nouts, nguards;
    int32_t *op, *start, *par, *ref, *outs, *guards;
    uint8_t *kind;
    double *value;
    const char *wanted;          /* for each input, is its gradient wanted? Not ours */
    int want_params;             /* are the gradients of the parameters? */
} Graph;

/* An array with room for an item behind its first n: twice as long where it is full; NULL, and it stays, without memory. */
static void *with_room(void *array, long n, long *room, size_t item) {
    long longer = *room ? 2 * *room : 64;
    if (n < *room) return array;
    array = realloc(array, (size_t)longer * item);
    if (array) *room = longer;
    return array;
}

static int ints_push(Ints *s, int32_t x) {
    int32_t *v = with_room(s->v, s->n, &s->room, sizeof *v);
    if (!v) return -1;
    s->v = v;
    s->v[s->n++] = x;
    return 0;
}

static void graph_free(Graph *g) {
    free(g->op); free(g->start); free(g->par); free(g->ref); free(g->outs); free(g->guards); free(g->kind);
    free(g->value);
    memset(g, 0, sizeof *g);
}

static void tape_free(Tape *t) {
    if (!t) return;
    free(t->fwd_block ? t->fwd_block : t->fwd); if (t->bwd != t->fwd) free(t->bwd_block ? t->bwd_block : t->bwd);
    free(t->rev); free(t->aux.v); free(t->order); free(t->consts); free(t->out); free(t->input_adjoint);
    free(t->guards); free(t->matrices); free(t->scalars); free(t->matrix_uses.v); free(t->scalar_uses.v);
    free(t->transposed.v); free(t->heads.v);
    free(t);
}

/* --- consumers of each node, in the order of the graph --- */

typedef struct { int32_t *start, *node, *place; } Consumers; /* place[e]: where edge e stands in its target's list */

static void consumers_free(Consumers *c) { free(c->start); free(c->node); free(c->place); memset(c, 0, sizeof *c); }

static int consumers_of(const Graph *g, const uint8_t *counts, Consumers *c) {
    long i, e;
    memset(c, 0, sizeof *c);
    c->start = calloc((size_t)g->n + 2, sizeof(int32_t));
    c->node = malloc(((size_t)g->nedges + 1) * sizeof(int32_t));
    c->place = malloc(((size_t)g->nedges + 1) * sizeof(int32_t));
    if (!c->start || !c->node || !c->place) { consumers_free(c); return -1; }
    for (i = 0; i < g->n; i++)
        if (counts[i])
            for (e = g->start[i]; e < g->start[i + 1]; e++) c->start[g->par[e] + 2]++;
    for (i = 0; i < g->n; i++) c->start[i + 2] += c->start[i + 1];
    for (i = 0; i < g->n; i++)
        if (counts[i])
            for (e = g->start[i]; e < g->start[i + 1]; e++) {
                int32_t k = c->start[g->par[e] + 1]++;
                c->node[k] = (int32_t)i;
                c->place[e] = k;
            }
    return 0;
}

static int in_sweep(const Graph *g, long i) { return i < g->nsweep || g->op[i] == OPX_LOAD; }

static int is_dot(int op) { return op == OP_DOT || op == OPX_CHAIN; }

static void fold_constants(Graph *g) {
    long i, e;
    for (i = 0; i < g->n; i++) {
        int constant = g->kind[i] == KIND_OP;
        for (e = g->start[i]; constant && e < g->start[i + 1]; e++) constant = g->kind[g->par[e]] == KIND_CONST;
        if (constant) g->kind[i] = KIND_CONST;
    }
}

static void mark_live(const Graph *g, uint8_t *live) {
    long i, e;
    memset(live, 0, (size_t)g->n);
    for (i = 0; i < g->nouts; i++) live[g->outs[i]] = 1;
    for (i = 0; i < g->nguards; i++) live[g->guards[4 * i]] = live[g->guards[4 * i + 1]] = 1;
    for (i = g->n - 1; i >= 0; i--)
        if (live[i] && g->kind[i] == KIND_OP)
            for (e = g->start[i]; e < g->start[i + 1]; e++) live[g->par[e]] = 1;
}

static void mark_needed(const Graph *g, uint8_t *need) { /* who has a gradient to receive or pass on */
    long i, e;
    for (i = 0; i < g->n; i++) {
        need[i] = (g->kind[i] == KIND_PARAM && g->want_params) || (g->kind[i] == KIND_INPUT && g->wanted[g->ref[i]]);
        if (g->kind[i] == KIND_OP && in_sweep(g, i) && !ad_sends_nothing(g->op[i]))
            for (e = g->start[i]; e < g->start[i + 1]; e++) need[i] |= need[g->par[e]];
    }
}

/* --- equal subexpressions --- */

static uint64_t mix(uint64_t h, uint64_t x) {
    h = (h ^ x) * 0x9e3779b97f4a7c15ull;
    return h ^ (h >> 29);
}

static int same_node(const Graph *g, const int32_t *same, long i, long j) {
    long n = g->start[i + 1] - g->start[i], k;
    if (g->kind[i] != g->kind[j]) return 0;
    if (g->kind[i] == KIND_CONST) return memcmp(g->value + i, g->value + j, sizeof(double)) == 0;
    if (g->op[i] != g->op[j] || g->ref[i] != g->ref[j] || g->start[j + 1] - g->start[j] != n) return 0;
    for (k = 0; k < n; k++) {
        int32_t a = g->par[g->start[i] + k], b = g->par[g->start[j] + k];
        if ((same[a] < 0 ? a : same[a]) != (same[b] < 0 ? b : same[b])) return 0;
    }
    return 1;
}

typedef struct { uint32_t hash; int32_t node; } Known; /* the hash spares a look at most nodes that are others */

/* For each node the first one with the same value by construction, or -1. Operations of Python's are left alone, and nodes to
 * be left `out`; NULL: none. */
static int find_equal(const Graph *g, const uint8_t *out, int32_t *same) {
    long i, e, size = 64, mask;
    Known *table;
    for (e = i = 0; i < g->n; i++) { e += !(out && out[i]); same[i] = -1; }
    while (size < 2 * e) size *= 2;
    mask = size - 1;
    if (!(table = malloc((size_t)size * sizeof *table))) return -1;
    memset(table, 0xff, (size_t)size * sizeof *table);
    for (i = 0; i < g->n; i++) {
        uint64_t h = g->kind[i], bits;
        long at;
        if (out && out[i]) continue;
        if (g->kind[i] == KIND_CONST) {
            memcpy(&bits, g->value + i, 8);
            h = mix(h, bits);
        } else if (g->kind[i] == KIND_OP && g->op[i] != OP_CUSTOM) {
            h = mix(mix(h, (uint64_t)g->op[i]), (uint64_t)g->ref[i]);
            for (e = g->start[i]; e < g->start[i + 1]; e++) {
                int32_t p = g->par[e];
                h = mix(h, (uint64_t)(same[p] < 0 ? p : same[p]));
            }
        } else continue;
        for (at = (long)(h & (uint64_t)mask); table[at].node >= 0; at = (at + 1) & mask)
            if (table[at].hash == (uint32_t)(h >> 32) && same_node(g, same, i, table[at].node)) { same[i] = table[at].node; break; }
        if (same[i] < 0) table[at] = (Known){(uint32_t)(h >> 32), (int32_t)i};
    }
    free(table);
    return 0;
}

/* A node that takes part in no gradient gives way to its equal; others keep an adjoint of their own, for the order's sake. */
static void share(Graph *g, const uint8_t *need, const int32_t *same, Tape *t) {
    long i, e;
    for (i = 0; i < g->n; i++)
        if (g->kind[i] == KIND_OP)
            for (e = g->start[i]; e < g->start[i + 1]; e++) {
                int32_t p = g->par[e];
                if (g->kind[p] == KIND_OP && !need[p] && same[p] >= 0) { g->par[e] = same[p]; t->shared++; }
            }
}
