/* What only a selection reaches, and is skipped in the reverse pass where nothing was selected. Part of `tape/compile.h`.
 *
 * A *head* is a node that only selecting operations use (the operands of max, where, relu).  Its *region* is the head and
 * the units before it that are used by nothing but the region.  An adjoint of -0.0 tells that nothing has come: a selecting
 * operation sends -0.0 along an edge that it did not choose, and what else it sends is never -0.0, for 0.0 was added to it.
 * So where all lanes of a head hold -0.0 the eager sweep would not visit the region, and OPX_SKIP goes past it. */

enum { LEAST_WORK = 6 };         /* operands in a region that is worth the question */

static void regions_free(Regions *r) { free(r->unit_of); free(r->from); free(r->inner); free(r->ends); memset(r, 0, sizeof *r); }

static int selected_only(const Compiler *z, int32_t i) {
    long k;
    if (!z->need[i] || !in_sweep(z->g, i) || is_row(z, i) || z->c.start[i] == z->c.start[i + 1]) return 0;
    for (k = z->c.start[i]; k < z->c.start[i + 1]; k++) {
        int op = z->g->op[z->c.node[k]];
        if (!ad_selecting(op) || ad_called(op)) return 0;
    }
    return 1;
}

/* The last unit that uses node i in the reverse pass; `beyond` where it may be in no region. */
static long last_use(const Compiler *z, const Regions *r, int32_t i, long beyond) {
    long k, last = -1;
    if (z->t->lanes && is_row(z, i)) return beyond; /* a layer's matrix wants all lanes of its adjoints */
    for (k = z->c.start[i]; k < z->c.start[i + 1]; k++)
        if (r->unit_of[z->c.node[k]] > last) last = r->unit_of[z->c.node[k]];
    return last;
}

static int find_regions(Compiler *z, Regions *r) {
    const Graph *g = z->g;
    long n = z->units.n, u, k, depth = 0;
    int32_t m, *last = malloc((size_t)(n + 1) * 4), *stack = malloc((size_t)(n + 1) * 4), *work = malloc((size_t)(n + 1) * 4);
    r->unit_of = malloc((size_t)(g->n + 1) * 4);
    r->from = malloc((size_t)(n + 1) * 4); r->inner = malloc((size_t)(n + 1) * 4); r->ends = malloc((size_t)(n + 1) * 4);
    if (!last || !stack || !work || !r->unit_of || !r->from || !r->inner || !r->ends) { free(last); free(stack); free(work); return -1; }
    memset(r->unit_of, 0xff, (size_t)(g->n + 1) * 4); memset(r->from, 0xff, (size_t)(n + 1) * 4);
    memset(r->inner, 0xff, (size_t)(n + 1) * 4); memset(r->ends, 0xff, (size_t)(n + 1) * 4);
    for (u = 0; u < n; u++) {
        for (m = rows_of(z, z->units.v[u]); m >= 0; m = next_row(z, m)) r->unit_of[m] = (int32_t)u;
    }
    work[0] = 0;
    for (u = 0; u < n; u++) {
        int32_t i = z->units.v[u];
        last[u] = -1;
        for (m = rows_of(z, i); m >= 0; m = next_row(z, m))
            if (last_use(z, r, m, n) > last[u]) last[u] = (int32_t)last_use(z, r, m, n);
        work[u + 1] = work[u] + (g->start[i + 1] - g->start[i]);
    }
    for (k = 0; k < g->nouts; k++) if (r->unit_of[g->outs[k]] >= 0) last[r->unit_of[g->outs[k]]] = (int32_t)n;
    for (u = 0; u < n; u++) { /* the stack: units that something later than they uses, the latest on top */
        while (depth && last[stack[depth - 1]] <= u) depth--;
        k = depth ? stack[depth - 1] + 1 : 0;
        if (last[u] < n && selected_only(z, z->units.v[u]) && work[u + 1] - work[k] >= LEAST_WORK) {
            r->from[u] = (int32_t)k;
            r->ends[k] = (int32_t)u; /* a later one is larger */
        }
        stack[depth++] = (int32_t)u;
    }
    depth = 0;
    for (u = n - 1; u >= 0; u--) { /* the stack: starts of the regions around u, the smallest on top */
        while (depth && u < stack[depth - 1]) depth--;
        if (r->from[u] >= 0) stack[depth++] = r->from[u];
        if (depth) r->inner[u] = stack[depth - 1];
    }
    free(last); free(stack); free(work);
    return 0;
}
