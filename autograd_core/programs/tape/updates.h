/* Written by autograd_core/calculus/codegen.py from updates.py: change that file, not this one. */
enum { BUFFERS = 3, SETTINGS = 4 };

/* x: parameters, g: gradient, b: buffers, s: settings, k: which update;
   y and c: what x and b become. */
CLONES static void update_sgd(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c;
    for (i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        y[i] = (x_i - (rate * g_i));
    }
}
CLONES static void update_momentum(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double momentum = s[0];
    const double *restrict b_velocity = b[0];
    double *restrict c_velocity = c[0];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)momentum;
    for (i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((momentum * b_velocity[i]) + g_i);
        c_velocity[i] = t0;
        y[i] = (x_i - (rate * t0));
    }
}
CLONES static void update_nesterov(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double momentum = s[0];
    const double *restrict b_velocity = b[0];
    double *restrict c_velocity = c[0];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)momentum;
    for (i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((momentum * b_velocity[i]) + g_i);
        c_velocity[i] = t0;
        y[i] = (x_i - (rate * (g_i + (momentum * t0))));
    }
}
CLONES static void update_adagrad(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double eps = s[0];
    const double *restrict b_squares = b[0];
    double *restrict c_squares = c[0];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)eps;
    for (i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = (b_squares[i] + (g_i * g_i));
        c_squares[i] = t0;
        y[i] = (x_i - (rate * ((g_i == 0x0.0p+0) ? 0x0.0p+0 : (g_i / (sqrt(t0) + eps)))));
    }
}
CLONES static void update_rmsprop(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double rho = s[0];
    double eps = s[1];
    double momentum = s[2];
    const double *restrict b_squares = b[0];
    double *restrict c_squares = c[0];
    const double *restrict b_mean = b[1];
    double *restrict c_mean = c[1];
    const double *restrict b_velocity = b[2];
    double *restrict c_velocity = c[2];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)rho; (void)eps; (void)momentum;
    for (i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((rho * b_squares[i]) + (((0x1.0000000000000p+0 - rho) * g_i) * g_i));
        c_squares[i] = t0;
        c_mean[i] = b_mean[i];
        c_velocity[i] = b_velocity[i];
        y[i] = (x_i - (rate * ((g_i == 0x0.0p+0) ? 0x0.0p+0 : (g_i / (sqrt(t0) + eps)))));
    }
}
CLONES static void update_rmsprop_centered(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double rho = s[0];
    double eps = s[1];
    double momentum = s[2];
    const double *restrict b_squares = b[0];
    double *restrict c_squares = c[0];
    const double *restrict b_mean = b[1];
    double *restrict c_mean = c[1];
    const double *restrict b_velocity = b[2];
    double *restrict c_velocity = c[2];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)rho; (void)eps; (void)momentum;
    for (i = 0; i < n; i++) {
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
CLONES static void update_rmsprop_momentum(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double rho = s[0];
    double eps = s[1];
    double momentum = s[2];
    const double *restrict b_squares = b[0];
    double *restrict c_squares = c[0];
    const double *restrict b_mean = b[1];
    double *restrict c_mean = c[1];
    const double *restrict b_velocity = b[2];
    double *restrict c_velocity = c[2];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)rho; (void)eps; (void)momentum;
    for (i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = ((rho * b_squares[i]) + (((0x1.0000000000000p+0 - rho) * g_i) * g_i));
        double t1 = ((momentum * b_velocity[i]) + ((g_i == 0x0.0p+0) ? 0x0.0p+0 : (g_i / (sqrt(t0) + eps))));
        c_squares[i] = t0;
        c_mean[i] = b_mean[i];
        c_velocity[i] = t1;
        y[i] = (x_i - (rate * t1));
    }
}
CLONES static void update_rmsprop_centered_momentum(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double rho = s[0];
    double eps = s[1];
    double momentum = s[2];
    const double *restrict b_squares = b[0];
    double *restrict c_squares = c[0];
    const double *restrict b_mean = b[1];
    double *restrict c_mean = c[1];
    const double *restrict b_velocity = b[2];
    double *restrict c_velocity = c[2];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)rho; (void)eps; (void)momentum;
    for (i = 0; i < n; i++) {
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
CLONES static void update_adam(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double beta1 = s[0];
    double beta2 = s[1];
    double eps = s[2];
    double n0 = (rate / (0x1.0000000000000p+0 - pow(beta1, k)));
    double n1 = sqrt((0x1.0000000000000p+0 - pow(beta2, k)));
    const double *restrict b_mean = b[0];
    double *restrict c_mean = c[0];
    const double *restrict b_squares = b[1];
    double *restrict c_squares = c[1];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)beta1; (void)beta2; (void)eps;
    for (i = 0; i < n; i++) {
        double x_i = x[i], g_i = g[i];
        double t0 = (b_mean[i] + ((0x1.0000000000000p+0 - beta1) * (g_i - b_mean[i])));
        double t1 = ((beta2 * b_squares[i]) + (((0x1.0000000000000p+0 - beta2) * g_i) * g_i));
        c_mean[i] = t0;
        c_squares[i] = t1;
        y[i] = (x_i - (n0 * ((t0 == 0x0.0p+0) ? 0x0.0p+0 : (t0 / ((sqrt(t1) / n1) + eps)))));
    }
}
CLONES static void update_adamw(const double *s, double rate, double k, long n,
    const double *restrict x, const double *restrict g, const double *const *b,
    double *restrict y, double *const *c) {
    double beta1 = s[0];
    double beta2 = s[1];
    double eps = s[2];
    double weight_decay = s[3];
    double n0 = (rate / (0x1.0000000000000p+0 - pow(beta1, k)));
    double n1 = sqrt((0x1.0000000000000p+0 - pow(beta2, k)));
    double n2 = (0x1.0000000000000p+0 - (rate * weight_decay));
    const double *restrict b_mean = b[0];
    double *restrict c_mean = c[0];
    const double *restrict b_squares = b[1];
    double *restrict c_squares = c[1];
    long i;
    (void)s; (void)k; (void)rate; (void)b; (void)c; (void)beta1; (void)beta2; (void)eps; (void)weight_decay;
    for (i = 0; i < n; i++) {
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
