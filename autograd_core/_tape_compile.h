/* From a recorded graph to a tape: dead nodes, constants, dots, layers, slots, instructions.
 *
 * The one rule is that no bit of any result changes.  Values are safe as long as every operation is kept; gradients are
 * safe as long as each target receives its contributions in the order of the eager sweep.  Every rewriting below
 * therefore looks at the list of a target's consumers, sorted by their place in that order, before it moves one. */

typedef struct {                 /* one forward instruction; in a one-lane tape also its reverse */
    uint16_t code, n;            /* n: a run over n consecutive slots */
    int32_t y, a, b;
} Ins;

typedef struct {                 /* one reverse instruction of a tape of lanes */
    uint16_t code, n, flags, unused;
    int32_t y, a, b, ga, gb;     /* ga, gb: where the contributions go */
} Rev;

enum { AHEAD = 12 }; /* how many instructions ahead a one-lane tape fetches operands; so many spare ones at both ends */
enum { SKIP_A = 1, FIRST_A = 2, SKIP_B = 4, FIRST_B = 8 };
enum { MODE_VV = 0, MODE_VU = 1, MODE_UV = 2 };                       /* a tape of lanes: which operand is uniform */
enum { SEND_BOTH = 0, SEND_B = 1, SEND_A = 2, SEND_NONE = 3 };        /* a one-lane tape: who gets a contribution */
enum { OPX_LOAD = 200, OPX_CHAIN = 201, OPX_LAYER = 202, OPX_ZERO = 203, OPX_SQUARES = 204, RUN = 0x4000 };
enum { KIND_OP = 0, KIND_CONST = 1, KIND_PARAM = 2, KIND_INPUT = 3 };

typedef struct { int32_t w0, J, I, b0, turned, uses, first_use; } Matrix; /* turned: place of the transposed one, plus 1 */ /* uses: rows of Tape.matrix_uses */
typedef struct { int32_t param, uses, first_use; } Scalar;                /* uses: rows of Tape.scalar_uses */
typedef struct { int32_t left, right, relation, outcome; } Guard;

typedef struct { int32_t *v; long n, room; } Ints;

typedef struct Tape {
    int lanes, want_inputs;
    long nodes, live, params, inputs, outputs;
    long nu, slots, adjoints;    /* uniforms; value slots after them; adjoint slots after them */
    Ins *fwd, *fwd_block; long nfwd, fwd_room, uniform; /* fwd_block: the memory of fwd once it is finished; uniform: how many come first that no lane changes */
    Rev *rev; long nrev, rev_room;
    Ints aux;
    int32_t *order;              /* internal place of a parameter -> its place in the caller's list */
    double *consts; long nconsts;
    int32_t *out, *input_adjoint; /* indexes; input_adjoint -1: no contribution ever */
    Guard *guards; long nguards;
    Matrix *matrices; long nmatrices;
    Scalar *scalars; long nscalars;
    Ints matrix_uses, scalar_uses;
    Ints turned;                 /* w0 J I of each matrix that a one-lane tape keeps transposed too, one after the other */
    long turned_size;
    long layers, dots, folded, shared, largest_layer;
    long contributions;
} Tape;

typedef struct {
    long n, nsweep, nedges, nparams, ninputs, nouts, nguards;
    int32_t *op, *start, *par, *ref, *outs, *guards;
    uint8_t *kind;
    double *value;
} Graph;

static int ints_push(Ints *s, int32_t x) {
    if (s->n == s->room) {
        long room = s->room ? 2 * s->room : 64;
        int32_t *v = realloc(s->v, (size_t)room * sizeof *v);
        if (!v) return -1;
        s->v = v; s->room = room;
    }
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
    free(t->fwd_block ? t->fwd_block : t->fwd); free(t->rev); free(t->aux.v); free(t->order); free(t->consts); free(t->out); free(t->input_adjoint);
    free(t->guards); free(t->matrices); free(t->scalars); free(t->matrix_uses.v); free(t->scalar_uses.v);
    free(t->turned.v);
    free(t);
}

/* --- consumers of each node, in the order of the graph ------------------------------------------------------------- */

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

/* --- what the sweep never passes through ----------------------------------------------------------------------------- */

static int passes_nothing(int op) { /* the partials of these are 0 and selecting: they send nothing to their operands */
    switch (op) {
    case OP_SIGN: case OP_FLOOR: case OP_CEIL: case OP_STOP_GRADIENT:
    case OP_GREATER: case OP_GREATER_EQUAL: case OP_LESS: case OP_LESS_EQUAL: case OP_EQUAL:
        return 1;
    default: return 0;
    }
}

static int in_sweep(const Graph *g, long i) { return i < g->nsweep || g->op[i] == OPX_LOAD; }

static int is_dot(int op) { return op == OP_DOT || op == OPX_CHAIN; }

static int is_nary(int op) {
    switch (op) {
    case OP_SUM: case OP_MEAN: case OP_LOGSUMEXP: case OP_SOFTMAX: case OP_LOG_SOFTMAX: case OP_NORM: case OP_MAX:
    case OP_MIN:
        return 1;
    default: return 0;
    }
}

static void fold_constants(Graph *g, Tape *t) {
    long i, e;
    for (i = 0; i < g->n; i++) {
        int constant = g->kind[i] == KIND_OP;
        for (e = g->start[i]; constant && e < g->start[i + 1]; e++) constant = g->kind[g->par[e]] == KIND_CONST;
        if (constant) { g->kind[i] = KIND_CONST; t->folded++; }
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

static void mark_needed(const Graph *g, int want_inputs, uint8_t *need) { /* who has a gradient to receive or pass on */
    long i, e;
    for (i = 0; i < g->n; i++) {
        need[i] = g->kind[i] == KIND_PARAM || (g->kind[i] == KIND_INPUT && want_inputs);
        if (g->kind[i] == KIND_OP && in_sweep(g, i) && !passes_nothing(g->op[i]))
            for (e = g->start[i]; e < g->start[i + 1]; e++) need[i] |= need[g->par[e]];
    }
}

/* --- equal subexpressions ------------------------------------------------------------------------------------------ */

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

/* For each node the first one with the same value by construction, or -1. Operations of Python's are left alone. */
static int find_equal(const Graph *g, int32_t *same) {
    long i, e, size = 64;
    int32_t *table;
    while (size < 2 * g->n) size *= 2;
    if (!(table = malloc((size_t)size * 4))) return -1;
    memset(table, 0xff, (size_t)size * 4);
    for (i = 0; i < g->n; i++) {
        uint64_t h = g->kind[i], bits;
        same[i] = -1;
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
        for (h &= (uint64_t)(size - 1); table[h] >= 0; h = (h + 1) & (uint64_t)(size - 1))
            if (same_node(g, same, i, table[h])) { same[i] = table[h]; break; }
        if (same[i] < 0) table[h] = (int32_t)i;
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

/* Worth a copy instead of a second evaluation, in a tape of lanes. */
static int is_costly(int op) {
    switch (op) {
    case OP_ADD: case OP_SUB: case OP_MUL: case OP_NEG: case OP_ABS: case OP_RELU: case OP_SQUARE: case OP_LEAKY_RELU: case OP_MAXIMUM:
    case OP_MINIMUM: case OP_SIGN: case OP_FLOOR: case OP_CEIL: case OP_STOP_GRADIENT: case OP_GREATER:
    case OP_GREATER_EQUAL: case OP_LESS: case OP_LESS_EQUAL: case OP_EQUAL: case OPX_LOAD:
        return 0;
    default: return 1;
    }
}

/* --- a chain of multiply-adds is a dot ------------------------------------------------------------------------------- */

typedef struct {
    Graph *g;
    uint8_t *live, *need, *counts, *absorbed;
    int32_t *uses, *owner; /* owner: the root of the chain that a node belongs to, or -1 */
    Consumers c;
} Chains;

static int lone(const Chains *s, long i, int op) {
    return s->g->kind[i] == KIND_OP && s->g->op[i] == op && s->uses[i] == 1 && !s->absorbed[i];
}

/* Collect the products of the chain that ends at r, last first; return how many, and the bias or -1. */
static long collect(const Chains *s, long r, Ints *terms, int32_t *bias, int32_t *first_add) {
    const Graph *g = s->g;
    long cur = r, p, q;
    terms->n = 0;
    *bias = -1;
    for (;;) {
        p = g->par[g->start[cur]];
        q = g->par[g->start[cur] + 1];
        if (!lone(s, q, OP_MUL)) break;
        if (ints_push(terms, (int32_t)q) < 0) return -1;
        *first_add = (int32_t)cur;
        if (lone(s, p, OP_ADD) && lone(s, g->par[g->start[p] + 1], OP_MUL)) { cur = p; continue; }
        if (lone(s, p, OP_MUL)) return ints_push(terms, (int32_t)p) < 0 ? -1 : terms->n;
        *bias = (int32_t)p;
        break;
    }
    return terms->n;
}

/* Does every target of edge e get its later contributions, up to the root r, from the chain itself? */
static int undisturbed(const Chains *s, long e, long r, int members_allowed) {
    int32_t z = s->g->par[e], k, end = s->c.start[z + 1];
    if (!s->need[z]) return 1;
    for (k = s->c.place[e] + 1; k < end && s->c.node[k] < r; k++)
        if (!members_allowed || s->owner[s->c.node[k]] != r) return 0;
    return 1;
}

static int chain_keeps_order(const Chains *s, long r, const Ints *terms, int32_t bias, int32_t first_add) {
    long j;
    if (!s->need[r]) return 1;
    for (j = 0; j < terms->n; j++) {
        long e = s->g->start[terms->v[j]];
        if (!undisturbed(s, e, r, 1) || !undisturbed(s, e + 1, r, 1)) return 0;
    }
    if (bias >= 0) {
        for (j = 0; j < terms->n; j++) {
            long e = s->g->start[terms->v[j]];
            if (s->g->par[e] == bias || s->g->par[e + 1] == bias) return 0;
        }
        return undisturbed(s, s->g->start[first_add], r, 0);
    }
    return 1;
}

static void own(Chains *s, long r, const Ints *terms, int32_t owner) {
    long j, cur = r;
    for (j = 0; j < terms->n; j++) s->owner[terms->v[j]] = owner;
    for (;;) {
        if (cur != r) s->owner[cur] = owner;
        cur = s->g->par[s->g->start[cur]];
        if (s->g->kind[cur] != KIND_OP || s->g->op[cur] != OP_ADD || s->uses[cur] != 1) break;
        if (s->owner[s->g->par[s->g->start[cur] + 1]] != owner) break;
    }
}

static int32_t mapped(const int32_t *map, int32_t i) { return map[i]; }

static int push_node(Graph *h, int32_t op, uint8_t kind, double value, int32_t ref) {
    h->op[h->n] = op; h->kind[h->n] = kind; h->value[h->n] = value; h->ref[h->n] = ref;
    h->n++;
    h->start[h->n] = (int32_t)h->nedges;
    return 0;
}

static int graph_room(Graph *h, long n, long edges, long outs, long guards) {
    h->op = malloc((size_t)(n + 1) * 4); h->start = malloc((size_t)(n + 2) * 4); h->par = malloc((size_t)(edges + 1) * 4);
    h->ref = malloc((size_t)(n + 1) * 4); h->kind = malloc((size_t)n + 1); h->value = malloc((size_t)(n + 1) * 8);
    h->outs = malloc((size_t)(outs + 1) * 4); h->guards = malloc((size_t)(4 * guards + 4) * 4);
    if (!h->op || !h->start || !h->par || !h->ref || !h->kind || !h->value || !h->outs || !h->guards) return -1;
    h->start[0] = 0;
    return 0;
}

/* Rewrite g into h: only live nodes, chains as dots, and a copy where an output is a leaf or stands twice. */
static int rewrite(Graph *g, Graph *h, Tape *t, int want_inputs) {
    Chains s = {0};
    Ints terms = {0}, all = {0};
    int32_t *first = NULL, *count = NULL, *biases = NULL, *map = NULL;
    long i, j, e, n = g->n;
    int ok = -1;
    s.g = g;
    s.live = calloc((size_t)n + 1, 1); s.need = calloc((size_t)n + 1, 1); s.counts = calloc((size_t)n + 1, 1);
    s.absorbed = calloc((size_t)n + 1, 1); s.uses = calloc((size_t)n + 1, 4); s.owner = malloc((size_t)(n + 1) * 4);
    first = malloc((size_t)(n + 1) * 4); count = calloc((size_t)n + 1, 4); biases = malloc((size_t)(n + 1) * 4);
    map = malloc((size_t)(n + 1) * 4);
    if (!s.live || !s.need || !s.counts || !s.absorbed || !s.uses || !s.owner || !first || !count || !biases || !map)
        goto done;
    fold_constants(g, t);
    mark_needed(g, want_inputs, s.need);
    if (find_equal(g, map) < 0) goto done;
    share(g, s.need, map, t);
    mark_live(g, s.live);
    for (i = 0; i < n; i++) {
        s.owner[i] = -1;
        s.counts[i] = s.live[i] && g->kind[i] == KIND_OP && i < g->nsweep && s.need[i];
        if (s.live[i] && g->kind[i] == KIND_OP)
            for (e = g->start[i]; e < g->start[i + 1]; e++) s.uses[g->par[e]]++;
    }
    for (i = 0; i < g->nouts; i++) s.uses[g->outs[i]] += 2;
    for (i = 0; i < 4 * g->nguards; i += 4) { s.uses[g->guards[i]] += 2; s.uses[g->guards[i + 1]] += 2; }
    if (consumers_of(g, s.counts, &s.c) < 0) goto done;
    for (i = n - 1; i >= 0; i--) {
        int32_t bias, first_add = 0;
        if (!s.live[i] || s.absorbed[i] || g->kind[i] != KIND_OP || g->op[i] != OP_ADD) continue;
        if ((j = collect(&s, i, &terms, &bias, &first_add)) < 0) goto done;
        if (j < 2) continue;
        own(&s, i, &terms, (int32_t)i);
        if (!chain_keeps_order(&s, i, &terms, bias, first_add)) { own(&s, i, &terms, -1); continue; }
        first[i] = (int32_t)all.n; count[i] = (int32_t)j; biases[i] = bias;
        for (j = terms.n - 1; j >= 0; j--) if (ints_push(&all, terms.v[j]) < 0) goto done;
        for (j = 0; j < terms.n; j++) s.absorbed[terms.v[j]] = 1;
        { long cur = i; for (j = 0; j < count[i] - 1 - (bias < 0); j++) { cur = g->par[g->start[cur]]; s.absorbed[cur] = 1; } }
        t->dots++;
    }
    if (graph_room(h, n + g->nouts, g->nedges + g->nouts, g->nouts, g->nguards) < 0) goto done;
    for (i = 0; i < n; i++) {
        if (!s.live[i] || s.absorbed[i]) continue;
        if (g->kind[i] == KIND_OP && count[i]) {
            for (j = 0; j < count[i]; j++) h->par[h->nedges++] = mapped(map, g->par[g->start[all.v[first[i] + j]]]);
            for (j = 0; j < count[i]; j++) h->par[h->nedges++] = mapped(map, g->par[g->start[all.v[first[i] + j]] + 1]);
            if (biases[i] >= 0) h->par[h->nedges++] = mapped(map, biases[i]);
        } else if (g->kind[i] == KIND_OP) {
            for (e = g->start[i]; e < g->start[i + 1]; e++) h->par[h->nedges++] = mapped(map, g->par[e]);
        }
        map[i] = (int32_t)h->n;
        push_node(h, g->kind[i] == KIND_OP && count[i] ? OPX_CHAIN : g->op[i], g->kind[i], g->value[i], g->ref[i]);
        if (i < g->nsweep) h->nsweep = h->n;
    }
    h->nparams = g->nparams; h->ninputs = g->ninputs; h->nouts = g->nouts; h->nguards = g->nguards;
    memset(s.counts, 0, (size_t)n);
    for (i = 0; i < g->nouts; i++) { h->outs[i] = map[g->outs[i]]; }
    for (i = g->nouts - 1; i >= 0; i--) { /* later copies first: the sweep then adds the seeds in the outputs' order */
        int again = 0;
        for (j = 0; j < i && !again && g->nouts < 4096; j++) again = g->outs[j] == g->outs[i];
        if (g->kind[g->outs[i]] == KIND_OP && !again) continue;
        h->par[h->nedges++] = map[g->outs[i]];
        h->outs[i] = (int32_t)h->n;
        push_node(h, OPX_LOAD, KIND_OP, g->value[g->outs[i]], 0);
    }
    for (i = 0; i < g->nguards; i++) {
        h->guards[4 * i] = map[g->guards[4 * i]];
        h->guards[4 * i + 1] = map[g->guards[4 * i + 1]];
        h->guards[4 * i + 2] = g->guards[4 * i + 2];
        h->guards[4 * i + 3] = g->guards[4 * i + 3];
    }
    ok = 0;
done:
    free(s.live); free(s.need); free(s.counts); free(s.absorbed); free(s.uses); free(s.owner); consumers_free(&s.c);
    free(terms.v); free(all.v); free(first); free(count); free(biases); free(map);
    return ok;
}

/* --- dots over one vector are a layer ---------------------------------------------------------------------------------- */

typedef struct {
    int32_t first, last;         /* first and last member (nodes of the graph) */
    int32_t J, I, members;       /* members: where the list of nodes starts in Layers.members; linked by next_member */
    uint8_t weights, biased, needed, swept, expand; /* weights, biased: KIND_CONST or KIND_PARAM; 0 no bias */
    int32_t matrix;
} Group;

typedef struct {
    Group *v; long n, room;
    int32_t *group_of, *next_member; /* of a node; -1 none */
} Layers;

static int uniform(const Graph *g, int32_t i) { return g->kind[i] == KIND_CONST || g->kind[i] == KIND_PARAM; }

/* Exchange factors so that the uniform ones stand first; a product does not mind. */
static void uniform_first(Graph *g, long i) {
    long s = g->start[i], n = (g->start[i + 1] - s) / 2, j, swap = 0;
    for (j = 0; j < n; j++) swap += !uniform(g, g->par[s + j]) && uniform(g, g->par[s + n + j]);
    if (!swap || (g->op[i] == OP_DOT && swap != n)) return;
    for (j = 0; j < n; j++)
        if (!uniform(g, g->par[s + j]) && uniform(g, g->par[s + n + j])) {
            int32_t x = g->par[s + j];
            g->par[s + j] = g->par[s + n + j];
            g->par[s + n + j] = x;
        }
}

/* Can node i be a row of a layer?  Its weights are all parameters or all constants, its x are distinct and vary. */
static int layerable(const Graph *g, long i, int32_t *stamp, Group *out) {
    long s = g->start[i], count = g->start[i + 1] - s, n = count / 2, j;
    if (n < 2) return 0;
    out->weights = g->kind[g->par[s]];
    for (j = 0; j < n; j++) {
        int32_t w = g->par[s + j], x = g->par[s + n + j];
        if (g->kind[w] != out->weights || !uniform(g, w) || uniform(g, x)) return 0;
        if (stamp[x] == i + 1 || (out->weights == KIND_PARAM && stamp[w] == i + 1)) return 0;
        stamp[x] = (int32_t)i + 1;
        if (out->weights == KIND_PARAM) stamp[w] = (int32_t)i + 1;
    }
    out->biased = 0;
    if (count % 2) {
        int32_t b = g->par[s + count - 1];
        if (!uniform(g, b) || (g->kind[b] == KIND_PARAM && stamp[b] == i + 1)) return 0;
        out->biased = g->kind[b];
    }
    out->I = (int32_t)n;
    return 1;
}

static int joins(const Graph *g, const Consumers *c, const uint8_t *need, const Group *group, long i) {
    long s = g->start[i], n = group->I, j;
    for (j = 0; j < n; j++)
        if (g->par[s + n + j] != g->par[g->start[group->first] + n + j]) return 0;
    if (!group->needed) return 1;
    for (j = 0; j < n; j++) {
        int32_t w = g->par[s + j], x = g->par[s + n + j];
        if (need[x]) {
            int32_t k = c->place[s + n + j];
            if (k == c->start[x] || c->node[k - 1] != group->last) return 0;
        }
        if (need[w]) {
            int32_t k = c->place[s + j];
            if (k != c->start[w] && c->node[k - 1] >= group->first) return 0;
        }
    }
    if (group->biased == KIND_PARAM) {
        int32_t b = g->par[s + 2 * n], k = c->place[s + 2 * n];
        if (k != c->start[b] && c->node[k - 1] >= group->first) return 0;
    }
    return 1;
}

static uint64_t hash_vector(const int32_t *v, long n) {
    uint64_t h = 1469598103934665603ull;
    long j;
    for (j = 0; j < n; j++) h = (h ^ (uint32_t)v[j]) * 1099511628211ull;
    return h ^ (h >> 29);
}

static int find_layers(Graph *g, const Consumers *c, const uint8_t *need, Layers *layers) {
    long i, size = 64, n = g->n;
    int32_t *table = NULL, *stamp = calloc((size_t)n + 1, 4);
    int ok = -1;
    layers->group_of = malloc((size_t)(n + 1) * 4);
    layers->next_member = malloc((size_t)(n + 1) * 4);
    while (size < n / 4) size *= 2;
    table = malloc((size_t)size * 4);
    if (!stamp || !layers->group_of || !layers->next_member || !table) goto done;
    memset(table, 0xff, (size_t)size * 4);
    for (i = 0; i < n; i++) {
        Group new = {0};
        uint64_t h;
        int32_t *slot;
        layers->group_of[i] = layers->next_member[i] = -1;
        if (g->kind[i] != KIND_OP || !is_dot(g->op[i])) continue;
        uniform_first(g, i);
        if (!layerable(g, i, stamp, &new)) continue;
        new.needed = need[i]; new.swept = (uint8_t)in_sweep(g, i); new.matrix = -1;
        new.first = new.last = (int32_t)i; new.J = 1;
        h = hash_vector(g->par + g->start[i] + new.I, new.I) + 7u * new.weights + 31u * new.biased + 131u * new.needed;
        slot = table + (h & (uint64_t)(size - 1));
        if (*slot >= 0) {
            Group *old = layers->v + *slot;
            if (old->I == new.I && old->weights == new.weights && old->biased == new.biased &&
                old->needed == new.needed && old->swept == new.swept && joins(g, c, need, old, i)) {
                layers->next_member[old->last] = (int32_t)i;
                layers->group_of[i] = *slot;
                old->last = (int32_t)i; old->J++;
                continue;
            }
        }
        if (layers->n == layers->room) {
            long room = layers->room ? 2 * layers->room : 32;
            Group *v = realloc(layers->v, (size_t)room * sizeof *v);
            if (!v) goto done;
            layers->v = v; layers->room = room;
        }
        *slot = layers->group_of[i] = (int32_t)layers->n;
        layers->v[layers->n++] = new;
    }
    ok = 0;
done:
    free(table); free(stamp);
    return ok;
}

/* --- the place of parameters and constants ----------------------------------------------------------------------------- */

typedef struct {
    Tape *t;
    Graph *g;
    Consumers c;
    Layers layers;
    uint8_t *need, *touched;
    int32_t *index;              /* node -> its uniform or value index */
    int32_t *param_at;           /* parameter -> internal place, or -1 */
    int32_t *loaded, *reserved;  /* per edge: the slot that holds a uniform operand; the slot of its contribution */
    Ints units;                  /* nodes in the order of execution; a layer stands at its first member */
    int32_t *same;               /* a node's equal, or -1 */
    long barrier;                /* forward instructions before it join no run */
    int32_t *bias_place, *made;  /* made: the forward instruction of a dot */
    long nplaced, room_consts;
    Ints *param_uses;            /* per parameter: contribution slots, in the sweep's order */
} Compiler;

static int32_t new_const(Compiler *z, double x) {
    Tape *t = z->t;
    if (t->nconsts == z->room_consts) {
        long room = z->room_consts ? 2 * z->room_consts : 64;
        double *v = realloc(t->consts, (size_t)room * sizeof *v);
        if (!v) return -1;
        t->consts = v; z->room_consts = room;
    }
    t->consts[t->nconsts] = x;
    return (int32_t)(t->params + t->nconsts++);
}

static long member_count(const Group *group, int weights) { return weights ? (long)group->J * group->I : group->J; }

/* The k-th weight (row by row) or bias of a group, as a node. Members are walked once by the caller. */
static int32_t matrix_node(const Graph *g, const Group *group, int32_t member, long i, int weights) {
    return g->par[g->start[member] + (weights ? i : 2L * group->I)];
}

/* Give one group's parameters consecutive places, or find that they have them already; 0 if neither. */
static int32_t place_block(Compiler *z, const Group *group, int weights) {
    const Graph *g = z->g;
    int32_t m, first = -1, expect, at;
    long i, width = weights ? group->I : 1, fresh = 0, seen = 0, total = member_count(group, weights);
    for (m = group->first; m >= 0; m = z->layers.next_member[m])
        for (i = 0; i < width; i++) {
            at = z->param_at[g->ref[matrix_node(g, group, m, i, weights)]];
            if (seen == 0) first = at;
            if (at < 0) fresh++;
            else if (fresh || at != first + seen) return -1;
            seen++;
        }
    if (fresh && fresh != total) return -1;
    if (!fresh) return first;
    first = (int32_t)z->nplaced;
    expect = first;
    for (m = group->first; m >= 0; m = z->layers.next_member[m])
        for (i = 0; i < width; i++) {
            int32_t *place = &z->param_at[g->ref[matrix_node(g, group, m, i, weights)]];
            if (*place >= 0) { /* the same parameter twice in this block: undo */
                while (expect > first) z->param_at[z->t->order[--expect]] = -1;
                return -1;
            }
            z->t->order[expect] = g->ref[matrix_node(g, group, m, i, weights)];
            *place = expect++;
        }
    z->nplaced = expect;
    return first;
}

static int place_matrices(Compiler *z) {
    Tape *t = z->t;
    long k, m;
    for (k = 0; k < z->layers.n; k++) {
        Group *group = z->layers.v + k;
        Matrix new = {0};
        new.J = group->J; new.I = group->I; new.w0 = new.b0 = -1;
        if (group->weights == KIND_PARAM && (new.w0 = place_block(z, group, 1)) < 0) { group->expand = 1; continue; }
        if (group->biased == KIND_PARAM && (new.b0 = place_block(z, group, 0)) < 0) { group->expand = 1; continue; }
        if (new.w0 < 0 && new.b0 < 0) continue;
        for (m = t->nmatrices - 1; m >= 0; m--) {
            const Matrix *old = t->matrices + m;
            if (old->w0 == new.w0 && old->b0 == new.b0 && old->J == new.J && old->I == new.I) break;
        }
        if (m < 0) {
            Matrix *v = realloc(t->matrices, (size_t)(t->nmatrices + 1) * sizeof *v);
            if (!v) return -1;
            t->matrices = v;
            m = t->nmatrices;
            v[t->nmatrices++] = new;
        }
        group->matrix = (int32_t)m;
        if (group->swept && group->needed) t->matrices[m].uses++;
    }
    return 0;
}

/* In a tape of lanes a matrix sums its own gradient; that needs every use of its parameters to be a use of the matrix. */
static void expand_mixed(Compiler *z) {
    const Graph *g = z->g;
    Tape *t = z->t;
    uint8_t *bad = calloc((size_t)t->nmatrices + 1, 1);
    long k, i;
    if (!bad) { for (k = 0; k < z->layers.n; k++) z->layers.v[k].expand = 1; return; }
    for (k = 0; k < z->layers.n; k++) {
        const Group *group = z->layers.v + k;
        int32_t m;
        if (group->matrix < 0 || group->expand) continue;
        for (m = group->first; m >= 0; m = z->layers.next_member[m]) {
            long from = g->start[m], to = g->start[m + 1];
            for (i = from; i < to; i++) {
                int32_t p = g->par[i];
                if (g->kind[p] == KIND_PARAM && z->c.start[p + 1] - z->c.start[p] != t->matrices[group->matrix].uses)
                    bad[group->matrix] = 1;
            }
        }
    }
    for (k = 0; k < z->layers.n; k++)
        if (z->layers.v[k].matrix >= 0 && bad[z->layers.v[k].matrix]) z->layers.v[k].expand = 1;
    for (k = 0; k < t->nmatrices; k++) if (bad[k]) t->matrices[k].uses = 0;
    free(bad);
}

/* --- indexes --------------------------------------------------------------------------------------------------------------- */

static int is_row(const Compiler *z, int32_t i) {
    int32_t k = z->layers.group_of[i];
    return k >= 0 && !z->layers.v[k].expand;
}

static int place_constants(Compiler *z) {
    const Graph *g = z->g;
    long k, i;
    for (k = 0; k < z->layers.n; k++) {
        const Group *group = z->layers.v + k;
        int32_t m;
        if (group->expand) continue;
        for (i = 0; i < 2; i++) {
            long j, width = i == 0 ? group->I : 1;
            if ((i == 0 ? group->weights : group->biased) != KIND_CONST) continue;
            for (m = group->first; m >= 0; m = z->layers.next_member[m])
                for (j = 0; j < width; j++) {
                    int32_t at = new_const(z, g->value[matrix_node(g, group, m, j, i == 0)]);
                    if (at < 0) return -1;
                    if (m == group->first && j == 0) z->bias_place[2 * k + i] = at;
                }
        }
    }
    for (i = 0; i < g->n; i++)
        if (g->kind[i] == KIND_CONST && (z->index[i] = new_const(z, g->value[i])) < 0) return -1;
    return 0;
}

static int assign_slots(Compiler *z) {
    Graph *g = z->g;
    Tape *t = z->t;
    long i, next = t->nu + t->inputs;
    for (i = 0; i < g->n; i++) {
        int32_t k = z->layers.group_of[i], m;
        if (g->kind[i] == KIND_PARAM) z->index[i] = z->param_at[g->ref[i]];
        if (g->kind[i] == KIND_INPUT) z->index[i] = (int32_t)t->nu + g->ref[i];
        if (g->kind[i] != KIND_OP) continue;
        if (is_row(z, (int32_t)i)) {
            if (z->layers.v[k].first != i) continue;
            for (m = (int32_t)i; m >= 0; m = z->layers.next_member[m]) z->index[m] = (int32_t)next++;
        } else z->index[i] = (int32_t)next++;
        if (ints_push(&z->units, (int32_t)i) < 0) return -1;
    }
    t->slots = next - t->nu;
    return 0;
}

/* --- instructions ------------------------------------------------------------------------------------------------------------ */

static int32_t fresh_slot(Compiler *z) { return (int32_t)(z->t->nu + z->t->slots++); }

static int emit(Compiler *z, int code, int32_t y, int32_t a, int32_t b, int arity) {
    Tape *t = z->t;
    Ins *last = t->nfwd > z->barrier ? t->fwd + t->nfwd - 1 : NULL;
    int u = t->lanes ? code & 3 : 0;
    if (last && arity && arity < 3 && last->code == code && last->n < 60000 && y == last->y + last->n) {
        int32_t n = last->n;
        int a_runs = a == last->a + n && (u == MODE_UV || a < last->y);
        int b_runs = arity == 1 || (b == last->b + n && (u == MODE_VU || b < last->y));
        int apart = arity == 1 || u || (last->a == last->b) || last->a + n < last->b || last->b + n < last->a;
        if (a_runs && b_runs && apart) { last->n++; return 0; }
    }
    if (t->nfwd == t->fwd_room) {
        long room = t->fwd_room ? 2 * t->fwd_room : 256;
        Ins *v = realloc(t->fwd, (size_t)room * sizeof *v);
        if (!v) return -1;
        t->fwd = v; t->fwd_room = room;
    }
    last = t->fwd + t->nfwd++;
    last->code = (uint16_t)code; last->n = 1; last->y = y; last->a = a; last->b = b;
    return 0;
}

static int emit_reverse(Compiler *z, int code, int flags, int32_t y, int32_t a, int32_t b, int32_t ga, int32_t gb, int arity) {
    Tape *t = z->t;
    Rev *last = t->nrev ? t->rev + t->nrev - 1 : NULL;
    int u = code & 3;
    if (last && arity && arity < 3 && last->code == code && last->flags == flags && y == last->y - 1 && last->n < 60000) {
        int32_t n = last->n;                                  /* the run grows downwards */
        int a_runs = a == last->a - 1 && (flags & SKIP_A || (u != MODE_UV && ga == last->ga - 1));
        int b_runs = arity == 1 || (b == last->b - 1 && (flags & SKIP_B || (u != MODE_VU && gb == last->gb - 1)));
        int apart = arity == 1 || u || last->a == last->b || last->a < last->b - n || last->b < last->a - n;
        int below = (u == MODE_UV || last->a + n <= y) && (arity == 1 || u == MODE_VU || last->b + n <= y);
        if (a_runs && b_runs && apart && below) {
            last->n++; last->y = y;
            last->a = a;
            if (arity == 2) last->b = b;
            last->ga = ga; last->gb = gb;
            return 0;
        }
    }
    if (t->nrev == t->rev_room) {
        long room = t->rev_room ? 2 * t->rev_room : 256;
        Rev *v = realloc(t->rev, (size_t)room * sizeof *v);
        if (!v) return -1;
        t->rev = v; t->rev_room = room;
    }
    last = t->rev + t->nrev++;
    memset(last, 0, sizeof *last);
    last->code = (uint16_t)code; last->n = 1; last->flags = (uint16_t)flags;
    last->y = y; last->a = a; last->b = b; last->ga = ga; last->gb = gb;
    return 0;
}

static int arity_of(const Graph *g, long i) {
    long n = g->start[i + 1] - g->start[i];
    int op = g->op[i];
    if (is_dot(op) || is_nary(op) || op == OP_CUSTOM || op == OP_HYPOT || op == OP_LGAMMA || op == OP_POLYGAMMA) return 0;
    return (int)n;
}

static int32_t operand(const Compiler *z, long e) { return z->loaded[e] >= 0 ? z->loaded[e] : z->index[z->g->par[e]]; }

/* Copy a uniform operand into a slot of its own, for the instructions that want lanes. */
static int load_uniforms(Compiler *z, long i, int arity) {
    const Graph *g = z->g;
    long e, from = g->start[i], to = g->start[i + 1];
    if (!z->t->lanes || is_dot(g->op[i]) || g->op[i] == OPX_LOAD) return 0;
    for (e = from; e < to; e++) {
        if (!uniform(g, g->par[e])) continue;
        if (arity == 2 && !(e == from && uniform(g, g->par[e + 1]))) continue; /* one uniform of two is an instruction's mode */
        z->loaded[e] = fresh_slot(z);
        if (emit(z, OPX_LOAD * 4, z->loaded[e], z->index[g->par[e]], 0, 0) < 0) return -1;
    }
    return 0;
}

static int32_t aux_here(const Compiler *z) { return (int32_t)z->t->aux.n; }

static int aux(Compiler *z, int32_t x) { return ints_push(&z->t->aux, x); }

/* Where edge e sends its contributions: -1 nowhere, else 2 * index + (is it the first one?). Call in the sweep's order. */
static int32_t target(Compiler *z, long i, long e) {
    const Graph *g = z->g;
    int32_t p = g->par[e], at;
    if (!z->need[i] || !in_sweep(g, i) || !z->need[p]) return -1;
    if (z->loaded[e] >= 0) { /* the copy is met once; its own contribution is reserved now, in this edge's turn */
        z->reserved[e] = (int32_t)(z->t->nu + z->t->adjoints++);
        if (ints_push(&z->param_uses[g->ref[p]], z->reserved[e]) < 0) return -2;
        return 2 * z->loaded[e] + 1;
    }
    if (z->t->lanes && g->kind[p] == KIND_PARAM) {
        at = (int32_t)(z->t->nu + z->t->adjoints++);
        if (ints_push(&z->param_uses[g->ref[p]], at) < 0) return -2;
        return 2 * at + 1;
    }
    at = z->index[p];
    if (!z->t->lanes) return 2 * at;
    if (z->touched[p]) return 2 * at;
    z->touched[p] = 1;
    return 2 * at + 1;
}

/* Is this dot(ws, ws) of leaves that all take a gradient, without a bias?  The penalty of every weight decay. */
static int is_squares(const Graph *g, long i) {
    long from = g->start[i], n = (g->start[i + 1] - from) / 2, j;
    if (g->op[i] != OP_DOT || (g->start[i + 1] - from) % 2) return 0;
    for (j = 0; j < n; j++)
        if (g->par[from + j] != g->par[from + n + j] || g->kind[g->par[from + j]] != KIND_PARAM) return 0;
    return 1;
}

/* Count the runs of consecutive places among its operands; with `write`, put (start, length) of each into aux. */
static long segments(Compiler *z, long i, int write) {
    const Graph *g = z->g;
    long from = g->start[i], n = (g->start[i + 1] - from) / 2, j, count = 0, length;
    for (j = 0; j < n; j += length, count++) {
        int32_t start = z->index[g->par[from + j]];
        for (length = 1; j + length < n && z->index[g->par[from + j + length]] == start + length;) length++;
        if (write && (aux(z, start) < 0 || aux(z, (int32_t)length) < 0)) return -1;
    }
    return count;
}

/* Where a one-lane tape keeps the transposed weights of a layer. Two layers may share parameters and yet be turned apart. */
static int32_t turned_at(Compiler *z, const Group *group, int32_t w0) {
    Tape *t = z->t;
    Matrix *m = group->weights == KIND_PARAM ? t->matrices + group->matrix : NULL;
    long at = t->turned_size;
    if (t->lanes) return 0;
    if (m && m->turned) return m->turned - 1;
    ints_push(&t->turned, w0); ints_push(&t->turned, group->J); ints_push(&t->turned, group->I);
    t->turned_size += (long)group->J * group->I;
    if (m) m->turned = (int32_t)at + 1;
    return (int32_t)at;
}

/* Softmaxes, and the like, over one vector share its folds: the head computes them into slots of their own. */
typedef struct { uint64_t hash; int32_t node; } Seen;

static int emit_forward(Compiler *z, Seen *seen, long nseen, int32_t *where, const uint8_t *varies, int wanted) {
    const Graph *g = z->g;
    long u, e, j;
    for (u = 0; u < z->units.n; u++) {
        long i = z->units.v[u], from = g->start[i], to = g->start[i + 1], n = to - from;
        int op = g->op[i], arity = arity_of(g, i), mode = 0;
        int32_t y = z->index[i], at = aux_here(z);
        if (wanted != 1 && load_uniforms(z, i, arity) < 0) return -1; /* with the first pass, where there are two */
        if (wanted >= 0 && varies[i] != wanted) continue;
        where[i] = at;
        if (is_row(z, (int32_t)i)) {
            const Group *group = z->layers.v + z->layers.group_of[i];
            long k = z->layers.group_of[i];
            int32_t w0 = group->weights == KIND_PARAM ? z->t->matrices[group->matrix].w0 : z->bias_place[2 * k];
            int32_t b0 = !group->biased ? -1 : group->biased == KIND_PARAM ? z->t->matrices[group->matrix].b0 : z->bias_place[2 * k + 1];
            int contiguous = 1;
            for (j = 1; j < group->I; j++)
                contiguous &= z->index[g->par[from + group->I + j]] == z->index[g->par[from + group->I]] + j;
            /* J I w0 b0 y0 contiguous matrix sends(w, b) turned x[I] gx[I] */
            aux(z, group->J); aux(z, group->I); aux(z, w0); aux(z, b0); aux(z, y); aux(z, contiguous); aux(z, group->matrix);
            aux(z, (group->needed && group->weights == KIND_PARAM) + 2 * (group->needed && group->biased == KIND_PARAM));
            aux(z, turned_at(z, group, w0));
            for (j = 0; j < group->I; j++) aux(z, z->index[g->par[from + group->I + j]]);
            for (j = 0; j < group->I; j++) if (aux(z, -1) < 0) return -1;
            if (emit(z, OPX_LAYER * 4, y, at, 0, 0) < 0) return -1;
            z->t->layers++;
            if ((long)group->J * group->I > z->t->largest_layer) z->t->largest_layer = (long)group->J * group->I;
        } else if (!z->t->lanes && is_squares(g, i) && (n = segments(z, i, 0)) * 16 < to - from) {
            /* segments, do they send, then start and length of each */
            aux(z, (int32_t)n); aux(z, z->need[i] && in_sweep(g, i));
            if (segments(z, i, 1) < 0 || emit(z, OPX_SQUARES * 4, y, at, 0, 0) < 0) return -1;
            z->made[i] = (int32_t)(z->t->nfwd - 1);
        } else if (is_dot(op)) {
            n = to - from;
            /* n, bias, target of bias, is it a chain, then w x gw gx for each product */
            aux(z, (int32_t)(n / 2)); aux(z, n % 2 ? z->index[g->par[to - 1]] : -1); aux(z, -1); aux(z, op == OPX_CHAIN);
            for (j = 0; j < n / 2; j++) {
                aux(z, z->index[g->par[from + j]]); aux(z, z->index[g->par[from + n / 2 + j]]); aux(z, -1);
                if (aux(z, -1) < 0) return -1;
            }
            if (emit(z, OP_DOT * 4, y, at, 0, 0) < 0) return -1;
            z->made[i] = (int32_t)(z->t->nfwd - 1);
        } else if (is_nary(op)) {
            uint64_t h = hash_vector(g->par + from, n) + (uint64_t)op * 1315423911u;
            Seen *s = seen + (h & (uint64_t)(nseen - 1));
            int exponential = op == OP_SOFTMAX || op == OP_LOG_SOFTMAX || op == OP_LOGSUMEXP;
            int32_t head = -1, m;
            if (s->hash == h && s->node >= 0 && g->op[s->node] == op && g->start[s->node + 1] - g->start[s->node] == n &&
                memcmp(g->par + g->start[s->node], g->par + from, (size_t)n * 4) == 0) head = where[s->node];
            else { s->hash = h; s->node = (int32_t)i; }
            m = head >= 0 ? z->t->aux.v[head + 1] : fresh_slot(z);
            if (head < 0) { fresh_slot(z); if (exponential) for (j = 0; j < n; j++) fresh_slot(z); }
            /* n, slot of m (s follows, then exp(x - m) / s), index, is it the head, x[n], gx[n] */
            aux(z, (int32_t)n); aux(z, m); aux(z, g->ref[i]); aux(z, head < 0);
            for (e = from; e < to; e++) aux(z, operand(z, e));
            for (e = from; e < to; e++) if (aux(z, -1) < 0) return -1;
            if (emit(z, op * 4, y, at, 0, 0) < 0) return -1;
        } else if (arity == 0) { /* n, which callable, x[n], gx[n] */
            aux(z, (int32_t)n); aux(z, g->ref[i]);
            for (e = from; e < to; e++) aux(z, operand(z, e));
            for (e = from; e < to; e++) if (aux(z, -1) < 0) return -1;
            if (emit(z, OP_CUSTOM * 4, y, at, 0, 0) < 0) return -1;
        } else if (arity == 3) {
            for (e = from; e < to; e++) aux(z, operand(z, e));
            for (e = from; e < to; e++) if (aux(z, -1) < 0) return -1;
            if (emit(z, op * 4, y, at, 0, 3) < 0) return -1;
        } else {
            int32_t a = operand(z, from), b = arity == 2 ? operand(z, from + 1) : 0;
            if (!z->t->lanes) {
                int sends = z->need[i] && in_sweep(g, i);
                int to_a = sends && z->need[g->par[from]], to_b = sends && arity == 2 && z->need[g->par[from + 1]];
                mode = arity == 1 ? (to_a ? SEND_BOTH : SEND_NONE) : to_a && to_b ? SEND_BOTH : to_b ? SEND_B : to_a ? SEND_A : SEND_NONE;
            } else if (arity == 2) mode = a < z->t->nu ? MODE_UV : b < z->t->nu ? MODE_VU : MODE_VV;
            if (z->t->lanes && z->same[i] >= 0 && is_costly(op)) { /* copied forward; its reverse is its own */
                z->t->shared++;
                if (emit(z, OPX_LOAD * 4, y, z->index[z->same[i]], 0, 0) < 0) return -1;
            } else if (emit(z, op * 4 + mode, y, a, b, op == OPX_LOAD ? 0 : arity) < 0) return -1;
        }
    }
    return 0;
}

/* What depends on parameters and constants alone is computed once a run, not once a block: it comes first. */
static int emit_in_passes(Compiler *z, Seen *seen, long nseen, int32_t *where) {
    const Graph *g = z->g;
    long i, e;
    int ok = -1;
    uint8_t *varies = calloc((size_t)g->n + 1, 1);
    if (!varies) return -1;
    for (i = 0; i < g->n; i++) {
        varies[i] = g->kind[i] == KIND_INPUT || (g->kind[i] == KIND_OP && g->op[i] == OP_CUSTOM);
        for (e = g->start[i]; g->kind[i] == KIND_OP && e < g->start[i + 1]; e++) varies[i] |= varies[g->par[e]];
    }
    if (!z->t->lanes) ok = emit_forward(z, seen, nseen, where, varies, -1); /* it is its own reverse: order matters */
    else if (emit_forward(z, seen, nseen, where, varies, 0) == 0) {
        z->barrier = z->t->uniform = z->t->nfwd;
        ok = emit_forward(z, seen, nseen, where, varies, 1);
    }
    free(varies);
    return ok;
}

static int sends_flags(int32_t a, int32_t b) {
    return (a < 0 ? SKIP_A : a & 1 ? FIRST_A : 0) | (b < 0 ? SKIP_B : b & 1 ? FIRST_B : 0);
}

static int emit_backward(Compiler *z, const int32_t *where) {
    const Graph *g = z->g;
    Tape *t = z->t;
    long u, e, j;
    for (j = 0; j < t->outputs; j++) z->touched[g->outs[j]] = 1;
    for (u = z->units.n - 1; u >= 0; u--) {
        long i = z->units.v[u], from = g->start[i], to = g->start[i + 1], n = to - from;
        int op = g->op[i], arity = arity_of(g, i);
        int32_t y = z->index[i], at = where[i], *x, ga, gb = -1;
        if (!z->need[i] || !in_sweep(g, i)) continue;
        if (is_row(z, (int32_t)i)) {
            const Group *group = z->layers.v + z->layers.group_of[i];
            int32_t m;
            for (m = group->first; t->lanes && m >= 0; m = z->layers.next_member[m])
                if (!z->touched[m] && emit_reverse(z, OPX_ZERO * 4, 0, z->index[m], 0, 0, 0, 0, 0) < 0) return -1;
            for (j = 0; j < group->I; j++) t->aux.v[at + 9 + group->I + j] = target(z, i, from + group->I + j);
            if (t->lanes && group->matrix >= 0 && t->aux.v[at + 7]) {
                Matrix *m = t->matrices + group->matrix;
                t->matrix_uses.v[m->first_use + m->uses++] = at;
            }
            if (t->lanes && emit_reverse(z, OPX_LAYER * 4, 0, y, at, 0, 0, 0, 0) < 0) return -1;
            continue;
        }
        if (t->lanes && !z->touched[i]) continue; /* the sweep never reaches it */
        if (!t->lanes && is_squares(g, i) && t->fwd[z->made[i]].code == OPX_SQUARES * 4) continue;
        if (is_dot(op)) {
            long k = n / 2;
            x = t->aux.v + at + 4;
            if (op == OPX_CHAIN)
                for (j = k - 1; j >= 0; j--) { x[4 * j + 2] = target(z, i, from + j); x[4 * j + 3] = target(z, i, from + k + j); }
            else {
                for (j = 0; j < k; j++) x[4 * j + 2] = target(z, i, from + j);
                for (j = 0; j < k; j++) x[4 * j + 3] = target(z, i, from + k + j);
            }
            if (n % 2) t->aux.v[at + 2] = target(z, i, to - 1);
            if (t->lanes && emit_reverse(z, OP_DOT * 4, 0, y, at, 0, 0, 0, 0) < 0) return -1;
            continue;
        }
        if (arity == 0 || arity == 3) {
            long head = is_nary(op) ? 4 : arity == 0 ? 2 : 0;
            for (e = from; e < to; e++) t->aux.v[at + head + n + (e - from)] = target(z, i, e);
            if (t->lanes && emit_reverse(z, (is_nary(op) || arity == 3 ? op : OP_CUSTOM) * 4, 0, y, at, 0, 0, 0, 0) < 0) return -1;
        } else {
            int mode = 0;
            int32_t a = operand(z, from), b = arity == 2 ? operand(z, from + 1) : 0;
            ga = target(z, i, from);
            if (arity == 2) gb = target(z, i, from + 1);
            if (!t->lanes) continue;
            if (arity == 2) mode = a < t->nu ? MODE_UV : b < t->nu ? MODE_VU : MODE_VV;
            if (emit_reverse(z, op * 4 + mode, sends_flags(ga, gb), y, a, b, ga >> 1, gb >> 1, op == OPX_LOAD ? 0 : arity) < 0)
                return -1;
        }
        for (e = to - 1; t->lanes && e >= from; e--)
            if (z->loaded[e] >= 0 && z->need[g->par[e]] &&
                emit_reverse(z, OPX_LOAD * 4, FIRST_A | SKIP_B, z->loaded[e], z->index[g->par[e]], 0, z->reserved[e], -1, 0) < 0)
                return -1;
    }
    return 0;
}

static int collect_scalars(Compiler *z) {
    Tape *t = z->t;
    long p, j;
    t->scalars = malloc((size_t)(t->params + 1) * sizeof(Scalar));
    if (!t->scalars) return -1;
    for (p = 0; p < t->params; p++) {
        const Ints *uses = z->param_uses + t->order[p];
        Scalar *s = t->scalars + t->nscalars;
        if (!uses->n) continue;
        s->param = (int32_t)p; s->uses = (int32_t)uses->n; s->first_use = (int32_t)t->scalar_uses.n;
        for (j = 0; j < uses->n; j++) if (ints_push(&t->scalar_uses, uses->v[j]) < 0) return -1;
        t->nscalars++;
        t->contributions += uses->n;
    }
    return 0;
}

static int finish_tables(Compiler *z) {
    Graph *g = z->g;
    Tape *t = z->t;
    long i;
    t->out = malloc((size_t)(t->outputs + 1) * 4);
    t->input_adjoint = malloc((size_t)(t->inputs + 1) * 4);
    t->guards = malloc((size_t)(g->nguards + 1) * sizeof(Guard));
    if (!t->out || !t->input_adjoint || !t->guards) return -1;
    for (i = 0; i < t->outputs; i++) t->out[i] = z->index[g->outs[i]];
    for (i = 0; i < t->inputs; i++) t->input_adjoint[i] = -1;
    for (i = 0; i < g->n; i++)
        if (g->kind[i] == KIND_INPUT && (z->touched[i] || !t->lanes)) t->input_adjoint[g->ref[i]] = z->index[i];
    t->nguards = g->nguards;
    for (i = 0; i < g->nguards; i++) {
        t->guards[i].left = z->index[g->guards[4 * i]];
        t->guards[i].right = z->index[g->guards[4 * i + 1]];
        t->guards[i].relation = g->guards[4 * i + 2];
        t->guards[i].outcome = g->guards[4 * i + 3];
    }
    return 0;
}

static int settle(Tape *t) { /* instructions in a block of their own, with spare ones at both ends */
    Ins *block = calloc((size_t)t->nfwd + 2 * AHEAD, sizeof *block);
    if (!block) return -1;
    memcpy(block + AHEAD, t->fwd, (size_t)t->nfwd * sizeof *block);
    free(t->fwd);
    t->fwd_block = block;
    t->fwd = block + AHEAD;
    return 0;
}

static Tape *tape_compile(Graph *g0, int lanes, int want_inputs) {
    Compiler z = {0};
    Graph h = {0};
    Seen *seen = NULL;
    int32_t *where = NULL;
    long i, nseen = 64;
    int ok = -1;
    uint8_t *counts = NULL;
    Tape *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->lanes = lanes; t->want_inputs = want_inputs;
    t->nodes = g0->n; t->params = g0->nparams; t->inputs = g0->ninputs; t->outputs = g0->nouts;
    z.t = t; z.g = &h;
    if (rewrite(g0, &h, t, want_inputs) < 0) goto done;
    t->live = h.n;
    while (nseen < h.n / 4) nseen *= 2;
    z.need = calloc((size_t)h.n + 1, 1); z.touched = calloc((size_t)h.n + 1, 1); counts = calloc((size_t)h.n + 1, 1);
    z.index = malloc((size_t)(h.n + 1) * 4); z.param_at = malloc((size_t)(t->params + 1) * 4);
    t->order = malloc((size_t)(t->params + 1) * 4);
    z.loaded = malloc((size_t)(h.nedges + 1) * 4); z.reserved = malloc((size_t)(h.nedges + 1) * 4);
    z.param_uses = calloc((size_t)t->params + 1, sizeof(Ints));
    z.made = malloc((size_t)(h.n + 1) * 4); z.same = malloc((size_t)(h.n + 1) * 4); where = malloc((size_t)(h.n + 1) * 4); seen = malloc((size_t)nseen * sizeof *seen);
    if (!z.need || !z.touched || !counts || !z.index || !z.param_at || !t->order || !z.loaded || !z.reserved || !z.param_uses || !z.made || !z.same || !where || !seen)
        goto done;
    memset(z.index, 0xff, (size_t)(h.n + 1) * 4); memset(z.param_at, 0xff, (size_t)(t->params + 1) * 4);
    memset(z.loaded, 0xff, (size_t)(h.nedges + 1) * 4); memset(z.reserved, 0xff, (size_t)(h.nedges + 1) * 4);
    for (i = 0; i < nseen; i++) seen[i].node = -1;
    mark_needed(&h, want_inputs, z.need);
    for (i = 0; i < h.n; i++) counts[i] = h.kind[i] == KIND_OP && z.need[i] && in_sweep(&h, i);
    /* uniform_first exchanges edges, so it comes before the consumers' places are known */
    for (i = 0; i < h.n; i++) if (h.kind[i] == KIND_OP && is_dot(h.op[i])) uniform_first(&h, i);
    if (consumers_of(&h, counts, &z.c) < 0 || find_layers(&h, &z.c, z.need, &z.layers) < 0) goto done;
    z.bias_place = malloc((size_t)(2 * z.layers.n + 2) * 4);
    if (!z.bias_place || place_matrices(&z) < 0) goto done;
    if (lanes) expand_mixed(&z);
    for (i = 0; i < t->params; i++)
        if (z.param_at[i] < 0) { t->order[z.nplaced] = (int32_t)i; z.param_at[i] = (int32_t)z.nplaced++; }
    if (place_constants(&z) < 0) goto done;
    t->nu = t->params + t->nconsts;
    if (assign_slots(&z) < 0) goto done;
    { /* each matrix's uses, in the sweep's order; counted before, filled by emit_backward */
        int32_t total = 0;
        for (i = 0; i < t->nmatrices; i++) {
            t->matrices[i].first_use = total;
            total += t->matrices[i].uses;
            t->matrices[i].uses = 0;
        }
        for (i = 0; i < total; i++) if (ints_push(&t->matrix_uses, -1) < 0) goto done;
    }
    if (find_equal(&h, z.same) < 0 || emit_in_passes(&z, seen, nseen, where) < 0) goto done;
    t->adjoints = t->slots;
    if (emit_backward(&z, where) < 0 || collect_scalars(&z) < 0 || finish_tables(&z) < 0 || settle(t) < 0) goto done;
    ok = 0;
done:
    for (i = 0; z.param_uses && i < t->params; i++) free(z.param_uses[i].v);
    free(z.param_uses); free(z.need); free(z.touched); free(counts); free(z.index); free(z.param_at); free(z.loaded);
    free(z.reserved); free(where); free(seen); free(z.units.v); free(z.layers.v); free(z.layers.group_of);
    free(z.layers.next_member); free(z.bias_place); free(z.made); free(z.same);
    consumers_free(&z.c);
    graph_free(&h);
    if (ok < 0) { tape_free(t); return NULL; }
    return t;
}
