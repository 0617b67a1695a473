/* Written by autograd_core/calculus/codegen.py from updates.py: change that file, not this one. */
enum { BUFFERS = 8 };

/* x: parameters, g: gradient, b: buffers, s: settings, k: which update; y and c: what x and b become. */
#define UPDATE(name) \
    CLONES static void update_##name( \
        const double *s, double rate, double k, long n, const double *restrict x, const double *restrict g, \
        const double *const *b, double *restrict y, double *const *c)
#define BUFFER(name, j) const double *restrict b_##name = b[j]; double *restrict c_##name = c[j]
UPDATE(sgd) {
    (void)s; (void)k; (void)rate; (void)b; (void)c;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        y[i] = (x_i - (rate * g_i));
    }
}
UPDATE(momentum) {
    double momentum = s[0];
    BUFFER(velocity, 0);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)momentum;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((momentum * b_velocity[i]) + g_i);
        c_velocity[i] = t0;
        y[i] = (x_i - (rate * t0));
    }
}
UPDATE(nesterov) {
    double momentum = s[0];
    BUFFER(velocity, 0);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)momentum;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((momentum * b_velocity[i]) + g_i);
        c_velocity[i] = t0;
        y[i] = (x_i - (rate * (g_i + (momentum * t0))));
    }
}
UPDATE(adagrad) {
    double eps = s[0];
    BUFFER(squares, 0);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)eps;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = (b_squares[i] + (g_i * g_i));
        c_squares[i] = t0;
        y[i] = (x_i - (rate * ((g_i == 0x0.0p+0) ? 0x0.0p+0 : (g_i / (sqrt(t0) + eps)))));
    }
}
UPDATE(rmsprop) {
    double rho = s[0], eps = s[1], momentum = s[2];
    BUFFER(squares, 0); BUFFER(mean, 1); BUFFER(velocity, 2);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)rho; (void)eps; (void)momentum;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((rho * b_squares[i]) + (((0x1.0000000000000p+0 - rho) * g_i) * g_i));
        c_squares[i] = t0;
        c_mean[i] = b_mean[i];
        c_velocity[i] = b_velocity[i];
        y[i] = (x_i - (rate * ((g_i == 0x0.0p+0) ? 0x0.0p+0 : (g_i / (sqrt(t0) + eps)))));
    }
}
UPDATE(rmsprop_centered) {
    double rho = s[0], eps = s[1], momentum = s[2];
    BUFFER(squares, 0); BUFFER(mean, 1); BUFFER(velocity, 2);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)rho; (void)eps; (void)momentum;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((rho * b_squares[i]) + (((0x1.0000000000000p+0 - rho) * g_i) * g_i));
        double t1 = (b_mean[i] + ((0x1.0000000000000p+0 - rho) * (g_i - b_mean[i])));
        double t2 = (t0 - (t1 * t1));
        c_squares[i] = t0;
        c_mean[i] = t1;
        c_velocity[i] = b_velocity[i];
        y[i] = (x_i - (rate * ((g_i == 0x0.0p+0) ? 0x0.0p+0 : (g_i / (sqrt(((0x0.0p+0 > t2) ? 0x0.0p+0 : t2)) + eps)))));
    }
}
UPDATE(rmsprop_momentum) {
    double rho = s[0], eps = s[1], momentum = s[2];
    BUFFER(squares, 0); BUFFER(mean, 1); BUFFER(velocity, 2);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)rho; (void)eps; (void)momentum;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((rho * b_squares[i]) + (((0x1.0000000000000p+0 - rho) * g_i) * g_i));
        double t1 = ((momentum * b_velocity[i]) + ((g_i == 0x0.0p+0) ? 0x0.0p+0 : (g_i / (sqrt(t0) + eps))));
        c_squares[i] = t0;
        c_mean[i] = b_mean[i];
        c_velocity[i] = t1;
        y[i] = (x_i - (rate * t1));
    }
}
UPDATE(rmsprop_centered_momentum) {
    double rho = s[0], eps = s[1], momentum = s[2];
    BUFFER(squares, 0); BUFFER(mean, 1); BUFFER(velocity, 2);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)rho; (void)eps; (void)momentum;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((rho * b_squares[i]) + (((0x1.0000000000000p+0 - rho) * g_i) * g_i));
        double t1 = (b_mean[i] + ((0x1.0000000000000p+0 - rho) * (g_i - b_mean[i])));
        double t2 = (t0 - (t1 * t1));
        double t3 = ((momentum * b_velocity[i]) + ((g_i == 0x0.0p+0) ? 0x0.0p+0 : (g_i / (sqrt(((0x0.0p+0 > t2) ? 0x0.0p+0 : t2)) + eps))));
        c_squares[i] = t0;
        c_mean[i] = t1;
        c_velocity[i] = t3;
        y[i] = (x_i - (rate * t3));
    }
}
UPDATE(adam) {
    double beta1 = s[0], beta2 = s[1], eps = s[2], n0 = (rate / (0x1.0000000000000p+0 - pow(beta1, k))), n1 = sqrt((0x1.0000000000000p+0 - pow(beta2, k)));
    BUFFER(mean, 0); BUFFER(squares, 1);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)beta1; (void)beta2; (void)eps;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = (b_mean[i] + ((0x1.0000000000000p+0 - beta1) * (g_i - b_mean[i])));
        double t1 = ((beta2 * b_squares[i]) + (((0x1.0000000000000p+0 - beta2) * g_i) * g_i));
        c_mean[i] = t0;
        c_squares[i] = t1;
        y[i] = (x_i - (n0 * ((t0 == 0x0.0p+0) ? 0x0.0p+0 : (t0 / ((sqrt(t1) / n1) + eps)))));
    }
}
UPDATE(adamw) {
    double beta1 = s[0], beta2 = s[1], eps = s[2], weight_decay = s[3], n0 = (rate / (0x1.0000000000000p+0 - pow(beta1, k))), n1 = sqrt((0x1.0000000000000p+0 - pow(beta2, k))), n2 = (0x1.0000000000000p+0 - (rate * weight_decay));
    BUFFER(mean, 0); BUFFER(squares, 1);
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)beta1; (void)beta2; (void)eps; (void)weight_decay;
    for (long i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = (b_mean[i] + ((0x1.0000000000000p+0 - beta1) * (g_i - b_mean[i])));
        double t1 = ((beta2 * b_squares[i]) + (((0x1.0000000000000p+0 - beta2) * g_i) * g_i));
        c_mean[i] = t0;
        c_squares[i] = t1;
        y[i] = ((n2 * x_i) - (n0 * ((t0 == 0x0.0p+0) ? 0x0.0p+0 : (t0 / ((sqrt(t1) / n1) + eps)))));
    }
}
typedef struct {
    const char *name;
    int buffers, settings;
    void (*apply)(const double *s, double rate, double k, long n, const double *x, const double *g,
                  const double *const *b, double *y, double *const *c);
} Update;
static const Update updates[] = {
    {"sgd", 0, 0, update_sgd},
    {"momentum", 1, 1, update_momentum},
    {"nesterov", 1, 1, update_nesterov},
    {"adagrad", 1, 1, update_adagrad},
    {"rmsprop", 3, 3, update_rmsprop},
    {"rmsprop_centered", 3, 3, update_rmsprop_centered},
    {"rmsprop_momentum", 3, 3, update_rmsprop_momentum},
    {"rmsprop_centered_momentum", 3, 3, update_rmsprop_centered_momentum},
    {"adam", 2, 3, update_adam},
    {"adamw", 2, 4, update_adamw},
};
