/* Lanes. Part of `tape/kernel.h`. */

static void K(forward)(const Tape *t, Workspace *sp, long from, long to) { /* the instructions from `from` on, before `to` */
    long nu = t->nu, L = sp->L, k, r, l, n;
    double *val = sp->val, *poison = sp->poison;
    const double *uni = sp->uni;
    for (k = from; k < to; k++) {
        Ins in = t->fwd[k];
        int op = in.code >> 2, mode = in.code & 3;
        double *y = V(in.y);
        const int32_t *ax = t->aux.v + in.a;
        n = in.n * L;
        switch (op) {
        case OPX_LAYER: {
            const double **x = sp->pointers;
            for (r = 0; r < ax[1]; r++) x[r] = V(ax[9 + r]);
            K(layer_forward)(uni + ax[2], ax[0], ax[1], ax[3] < 0 ? NULL : uni + ax[3], x, y, L);
            break;
        }
        case OPX_LOAD:
            if (in.a < nu) { double u = uni[in.a]; EACH y[l] = u; }
            else memcpy(y, V(in.a), (size_t)L * sizeof *y);
            break;
        case OP_DOT: K(dot_forward)(ax, uni, val, y, nu, L); break;
        case OP_WHERE: case OP_CLIP: K(apply3)(op, V(ax[0]), V(ax[1]), V(ax[2]), y, L); break;
        case OP_CUSTOM: call_forward(sp, ax, nu, y, L); break;
        default:
            if (ad_reduces(op)) K(reduce)(op, ax, val, y, nu, L);
            else if (ad_arity(op) == 1) K(apply1)(op, V(in.a), y, n);
            else K(apply2)(op, mode, mode == MODE_UV ? uni + in.a : V(in.a), mode == MODE_VU ? uni + in.b : V(in.b), y, L, in.n);
        }
        if (ad_raises(op)) K(mark_poison)(poison, y, n, L);
    }
}

/* The reverse instructions from `from` on, at least before `until`; returns where it stands. */
static long K(backward)(const Tape *t, Workspace *sp, long from, long until) {
    long nu = t->nu, L = sp->L, k, r, l, n;
    double *val = sp->val, *adj = sp->adj, *c = sp->scratch;
    const double *uni = sp->uni;
    for (k = from; k < until; k++) {
        Rev in = t->rev[k];
        int op = in.code >> 2, mode = in.code & 3;
        const double *y = V(in.y), *g = G(in.y);
        const int32_t *ax = t->aux.v + in.a;
        n = in.n * L;
        switch (op) {
        case OPX_LAYER: {
            double **gx = (double **)sp->pointers;
            uint8_t *first = sp->first;
            const int32_t *to = ax + 9 + ax[1];
            int any = 0;
            for (r = 0; r < ax[1]; r++) {
                gx[r] = to[r] < 0 ? NULL : G(to[r] >> 1);
                first[r] = to[r] & 1;
                any |= to[r] >= 0;
            }
            if (any) K(layer_pull)(uni + ax[2], ax[0], ax[1], ax[6] ? ax + ax[6] : NULL, g, gx, first, L);
            break;
        }
        case OPX_ZERO: { double *to = G(in.y), zero = in.flags & FIRST_A ? -0.0 : 0.0; EACH to[l] = zero; break; }
        case OPX_SKIP:
            if (!K(none_came)(g, L)) break;
            memset(sp->silent + (in.a - nu - t->slots), 1, (size_t)(in.b - in.a));
            k += in.ga;
            break;
        case OPX_LOAD:
            if (!(in.flags & SKIP_A)) { double *to = G(in.ga); SEND(to, in.flags & FIRST_A, g[l]); }
            break;
        case OP_DOT: K(dot_pull)(ax, uni, val, adj, g, nu, L); break;
        case OP_WHERE: case OP_CLIP:
            for (r = 0; r < 3; r++)
                if (ax[3 + r] >= 0) K(pull3)(op, r, V(ax[0]), V(ax[1]), V(ax[2]), g, G(ax[3 + r] >> 1), ax[3 + r] & 1, L);
            break;
        case OP_CUSTOM: call_backward(sp, ax, nu, g, L); break;
        default:
            if (ad_reduces(op)) K(reduce_pull)(op, ax, val, adj, y, g, c, nu, L);
            else if (ad_arity(op) == 1) K(pull1)(op, V(in.a), y, g, G(in.ga), in.flags & FIRST_A, n);
            else if (mode == MODE_VV) K(pull2)(op, mode, V(in.a), V(in.b), y, g, G(in.ga), G(in.gb), in.flags, n);
            else
                for (r = in.n - 1; r >= 0; r--) {
                    const double *a = mode == MODE_UV ? uni + in.a + r : V(in.a + r), *b = mode == MODE_VU ? uni + in.b + r : V(in.b + r);
                    K(pull2)(op, mode, a, b, y + r * L, g + r * L, G(in.ga + r), G(in.gb + r), in.flags, L);
                }
        }
    }
    return k;
}

#undef V
#undef G

