/* Dots over one vector become a layer; parameters, constants and values get their places. Part of `tape/compile.h`. */

/* --- dots over one vector are a layer --- */

typedef struct {
    int32_t first, last;         /* first and last member (nodes of the graph) */
    int32_t J, I, top;           /* top: the member that is row 0; the others are linked by next_member */
    uint8_t weights, biased, needed, swept, expand, sorted; /* weights, biased: KIND_CONST or KIND_PARAM; 0 no bias */
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
        new.first = new.last = new.top = (int32_t)i; new.J = 1;
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
        Group *v = with_room(layers->v, layers->n, &layers->room, sizeof *v);
        if (!v) goto done;
        layers->v = v;
        *slot = layers->group_of[i] = (int32_t)layers->n;
        layers->v[layers->n++] = new;
    }
    ok = 0;
done:
    free(table); free(stamp);
    return ok;
}

/* --- the place of parameters and constants --- */

typedef struct {                 /* see `regions.h` */
    int32_t *unit_of;            /* node -> its unit */
    int32_t *from;               /* unit -> the first unit of its region, if it is a head; else -1 */
    int32_t *inner;              /* unit -> the first unit of the smallest region that it is in; -1 none */
    int32_t *ends;               /* unit -> the head of the largest region that starts here; -1 none */
} Regions;

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
    Regions regions;
    long barrier, reverse_barrier; /* instructions before it join no run */
    int32_t *first_ins;          /* unit -> its first forward instruction */
    int32_t *bias_place, *made;  /* made: the forward instruction of a dot */
    long nplaced, room_consts;
    Ints *param_uses;            /* per parameter: contribution slots, in the sweep's order */
} Compiler;

static int32_t new_const(Compiler *z, double x) {
    Tape *t = z->t;
    double *v = with_room(t->consts, t->nconsts, &z->room_consts, sizeof *v);
    if (!v) return -1;
    t->consts = v;
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
    for (m = group->top; m >= 0; m = z->layers.next_member[m])
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
    for (m = group->top; m >= 0; m = z->layers.next_member[m])
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

typedef struct { int32_t key, item; } Pair;

static int by_key(const void *a, const void *b) { return ((const Pair *)a)->key - ((const Pair *)b)->key; }

/* Link the members in the order of their weights' places: another layer may have the same rows in another order. */
static void sort_rows(Compiler *z, Group *group) {
    const Graph *g = z->g;
    Pair *rows = malloc((size_t)group->J * sizeof *rows);
    int32_t m, n = 0;
    if (!rows) return;
    for (m = group->top; m >= 0; m = z->layers.next_member[m]) rows[n++] = (Pair){z->param_at[g->ref[matrix_node(g, group, m, 0, 1)]], m};
    qsort(rows, (size_t)n, sizeof *rows, by_key);
    group->top = rows[0].item;
    group->sorted = 1;
    for (; n > 0; n--) z->layers.next_member[rows[n - 1].item] = n < group->J ? rows[n].item : -1;
    free(rows);
}

static int place_matrices(Compiler *z) {
    Tape *t = z->t;
    long k, m;
    for (k = 0; k < z->layers.n; k++) {
        Group *group = z->layers.v + k;
        Matrix new = {0};
        new.J = group->J; new.I = group->I; new.w0 = new.b0 = -1;
        if (group->weights == KIND_PARAM && (new.w0 = place_block(z, group, 1)) < 0) {
            sort_rows(z, group);
            if ((new.w0 = place_block(z, group, 1)) < 0) { group->expand = 1; continue; }
        }
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
        for (m = group->top; m >= 0; m = z->layers.next_member[m]) {
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

/* --- indexes --- */

static int is_row(const Compiler *z, int32_t i) {
    int32_t k = z->layers.group_of[i];
    return k >= 0 && !z->layers.v[k].expand;
}

/* The first of a unit's nodes, which next_member links: a layer's rows, or node i alone. */
static int32_t rows_of(const Compiler *z, int32_t i) { return is_row(z, i) ? z->layers.v[z->layers.group_of[i]].top : i; }
static int32_t next_row(const Compiler *z, int32_t m) { return is_row(z, m) ? z->layers.next_member[m] : -1; }

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
            for (m = group->top; m >= 0; m = z->layers.next_member[m])
                for (j = 0; j < width; j++) {
                    int32_t at = new_const(z, g->value[matrix_node(g, group, m, j, i == 0)]);
                    if (at < 0) return -1;
                    if (m == group->top && j == 0) z->bias_place[2 * k + i] = at;
                }
        }
    }
    { /* equal ones are one, so that an operation in a loop meets the same */
        uint8_t *others = malloc((size_t)g->n + 1);
        int found = -1;
        for (i = 0; others && i < g->n; i++) others[i] = g->kind[i] != KIND_CONST;
        if (others) found = find_equal(g, others, z->same);
        free(others);
        if (found < 0) return -1;
    }
    for (i = 0; i < g->n; i++)
        if (g->kind[i] == KIND_CONST && (z->index[i] = z->same[i] < 0 ? new_const(z, g->value[i]) : z->index[z->same[i]]) < 0) return -1;
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
            for (m = z->layers.v[k].top; m >= 0; m = z->layers.next_member[m]) z->index[m] = (int32_t)next++;
        } else z->index[i] = (int32_t)next++;
        if (ints_push(&z->units, (int32_t)i) < 0) return -1;
    }
    t->slots = next - t->nu;
    return 0;
}
