# Wrong answers to the exercises of lecture 2: each must be refused by its check.

# %% 2.1 two paths
number_of_paths = 2
by_paths = z.explain(x).total

# %% 2.1 the path through exp forgotten
number_of_paths = 3
by_paths = m.partials[0] * s.partials[0] + m.partials[1]

# %% 2.1 the direct path forgotten
number_of_paths = 3
by_paths = (m.partials[0] + e.partials[0]) * s.partials[0]

# %% 2.1 the partials of the product swapped
number_of_paths = 3
by_paths = (
    m.partials[1] * s.partials[0] + m.partials[0] + e.partials[0] * s.partials[0]
)

# %% 2.1 added along a path
number_of_paths = 3
by_paths = sum([*z.partials, *m.partials, *e.partials, *s.partials])

# %% 2.1 four paths
number_of_paths = 4
by_paths = z.explain(x).total


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


# %% 2.3 the last column forgotten
def jacobian_by_columns(g, x):
    units = np.eye(len(x)).tolist()[:-1]
    return np.array([ag.jvp(g, (x,), (unit,))[1] for unit in units]).T
