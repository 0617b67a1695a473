# Wrong answers to the exercises of lecture 2: each must be refused by its check.

# %% 2.1 two paths
number_of_paths = 2


def by_paths(x, s, m, e, z):
    return m.partials[0] * s.partials[0] + m.partials[1]


# %% 2.1 the path through exp forgotten
number_of_paths = 3


def by_paths(x, s, m, e, z):
    return z.partials[0] * (m.partials[0] * s.partials[0] + m.partials[1])


# %% 2.1 the direct path forgotten
number_of_paths = 3


def by_paths(x, s, m, e, z):
    return (m.partials[0] + e.partials[0]) * s.partials[0]


# %% 2.1 the partials of the product swapped
number_of_paths = 3


def by_paths(x, s, m, e, z):
    to_m, to_e = z.partials
    return to_m * (m.partials[1] * s.partials[0] + m.partials[0]) + (
        to_e * e.partials[0] * s.partials[0]
    )


# %% 2.1 added along a path
number_of_paths = 3


def by_paths(x, s, m, e, z):
    return sum([*z.partials, *m.partials, *e.partials, *s.partials])


# %% 2.1 the sum's partials, which are 1, left out
number_of_paths = 3


def by_paths(x, s, m, e, z):
    return (m.partials[0] + e.partials[0]) * s.partials[0] + m.partials[1]


# %% 2.1 four paths
number_of_paths = 4


def by_paths(x, s, m, e, z):
    return (m.partials[0] + e.partials[0]) * s.partials[0] + m.partials[1]


# %% 2.1 not from the partials: explain
number_of_paths = 3


def by_paths(x, s, m, e, z):
    return z.explain(x).total


# %% 2.1 not from the partials: backward
number_of_paths = 3


def by_paths(x, s, m, e, z):
    x.zero_grad()
    z.backward()
    return x.grad


# %% 2.1 not from the partials: the formula
number_of_paths = 3


def by_paths(x, s, m, e, z):
    return (
        math.cos(0.8) * 0.8
        + math.sin(0.8)
        + math.cos(0.8) * math.exp(math.sin(0.8))
    )


# %% 2.2 the transpose
def jacobian_by_rows(g, x):
    values, pull_back = ag.vjp(g, x)
    units = np.eye(len(values)).tolist()
    return np.array([pull_back(unit)[0] for unit in units]).T


# %% 2.2 ones in place of unit vectors
def jacobian_by_rows(g, x):
    values, pull_back = ag.vjp(g, x)
    return [pull_back([1.0] * len(values))[0] for _ in values]


# %% 2.2 the tuple kept
def jacobian_by_rows(g, x):
    values, pull_back = ag.vjp(g, x)
    return [pull_back(unit) for unit in np.eye(len(values)).tolist()]


# %% 2.2 the first row only
def jacobian_by_rows(g, x):
    values, pull_back = ag.vjp(g, x)
    return [pull_back([1.0] + [0.0] * (len(values) - 1))[0]]


# %% 2.2 scaled by the values
def jacobian_by_rows(g, x):
    values, pull_back = ag.vjp(g, x)
    return [
        pull_back(row)[0] for row in np.diag([float(v) for v in values]).tolist()
    ]


# %% 2.2 as many rows as inputs
def jacobian_by_rows(g, x):
    values, pull_back = ag.vjp(g, x)
    rows = [pull_back(unit)[0] for unit in np.eye(len(values)).tolist()]
    return (rows * 3)[: len(x)]


# %% 2.2 by the library
def jacobian_by_rows(g, x):
    return ag.jacobian(g)(x)


# %% 2.2 by columns
def jacobian_by_rows(g, x):
    units = np.eye(len(x)).tolist()
    return np.array([ag.jvp(g, (x,), (unit,))[1] for unit in units]).T


# %% 2.2 a gradient for each output
def jacobian_by_rows(g, x):
    outputs = len(g(x))
    return [ag.grad(lambda x: g(x)[i])(x) for i in range(outputs)]


# %% 2.2 no unit vectors
def jacobian_by_rows(g, x):
    values, pull_back = ag.vjp(g, x)
    units = (2.0 * np.eye(len(values))).tolist()
    return [np.array(pull_back(unit)[0]) / 2.0 for unit in units]


# %% 2.3 not transposed
def jacobian_by_columns(g, x):
    units = np.eye(len(x)).tolist()
    return [ag.jvp(g, (x,), (unit,))[1] for unit in units]


# %% 2.3 the values in place of the products
def jacobian_by_columns(g, x):
    units = np.eye(len(x)).tolist()
    return np.array([ag.jvp(g, (x,), (unit,))[0] for unit in units]).T


# %% 2.3 all inputs moved at once
def jacobian_by_columns(g, x):
    return np.array([ag.jvp(g, (x,), ([1.0] * len(x),))[1] for _ in x]).T


# %% 2.3 moved along x itself
def jacobian_by_columns(g, x):
    rows = np.diag(x).tolist()
    return np.array([ag.jvp(g, (x,), (row,))[1] for row in rows]).T


# %% 2.3 reshaped in place of transposed
def jacobian_by_columns(g, x):
    units = np.eye(len(x)).tolist()
    columns = np.array([ag.jvp(g, (x,), (unit,))[1] for unit in units])
    return columns.reshape(columns.shape[1], columns.shape[0])


# %% 2.3 by the library
def jacobian_by_columns(g, x):
    return ag.jacobian(g)(x)


# %% 2.3 by rows
def jacobian_by_columns(g, x):
    values, pull_back = ag.vjp(g, x)
    return [pull_back(unit)[0] for unit in np.eye(len(values)).tolist()]


# %% 2.3 the last column forgotten
def jacobian_by_columns(g, x):
    units = np.eye(len(x)).tolist()[:-1]
    return np.array([ag.jvp(g, (x,), (unit,))[1] for unit in units]).T
