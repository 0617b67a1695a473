/* A chain of multiply-adds becomes a dot; only live nodes are kept. Part of `tape/compile.h`. */

/* --- a chain of multiply-adds is a dot --- */

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
static int rewrite(Graph *g, Graph *h, Tape *t) {
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
    fold_constants(g);
    mark_needed(g, s.need);
    h->wanted = g->wanted; h->want_params = g->want_params;
    if (find_equal(g, g->nsweep < g->n ? NULL : s.need, map) < 0) goto done; /* what is needed does not give way */
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
