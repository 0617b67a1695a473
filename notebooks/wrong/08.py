# Wrong answers to the exercises of lecture 8: each must be refused by its check.

# %% 8.1 another function recorded
line_program = ag.record(lambda x: x, 0.0)


def train(xs, ys, steps, rate):
    for _ in range(steps):
        residual = slope.data * xs + offset.data - ys
        slope.data -= rate * (residual * xs).mean()
        offset.data -= rate * residual.mean()


# %% 8.1 right at one point
line_program = ag.record(
    lambda x, y: 0.5 + 0.0 * (slope * x + offset - y), 0.0, 0.0
)


def train(xs, ys, steps, rate):
    for _ in range(steps):
        residual = slope.data * xs + offset.data - ys
        slope.data -= rate * (residual * xs).mean()
        offset.data -= rate * residual.mean()


# %% 8.1 the gradients pile up
line_program = ag.record(lambda x, y: nn.mse(slope * x + offset, y), 0.0, 0.0)


def train(xs, ys, steps, rate):
    for _ in range(steps):
        line_program.backward(xs, ys)
        for p in (slope, offset):
            p.data -= rate * p.grad / len(xs)


# %% 8.1 the sum in place of the mean
line_program = ag.record(lambda x, y: nn.mse(slope * x + offset, y), 0.0, 0.0)


def train(xs, ys, steps, rate):
    for _ in range(min(steps, 20)):
        for p in (slope, offset):
            p.zero_grad()
        line_program.backward(xs, ys)
        for p in (slope, offset):
            p.data -= rate * p.grad


# %% 8.1 not recorded
def line_program(x, y):
    return nn.mse(slope * x + offset, y)


def train(xs, ys, steps, rate):
    pass


# %% 8.1 the square without the half
line_program = ag.record(lambda x, y: (slope * x + offset - y) ** 2, 0.0, 0.0)


def train(xs, ys, steps, rate):
    for _ in range(steps):
        for p in (slope, offset):
            p.zero_grad()
        line_program.backward(xs, ys)
        for p in (slope, offset):
            p.data -= rate * p.grad / len(xs)


# %% 8.1 uphill
line_program = ag.record(lambda x, y: nn.mse(slope * x + offset, y), 0.0, 0.0)


def train(xs, ys, steps, rate):
    for _ in range(steps):
        for p in (slope, offset):
            p.zero_grad()
        line_program.backward(xs, ys)
        for p in (slope, offset):
            p.data += rate * p.grad / len(xs)


# %% 8.1 the slope alone
line_program = ag.record(lambda x, y: nn.mse(slope * x + offset, y), 0.0, 0.0)


def train(xs, ys, steps, rate):
    for _ in range(steps):
        slope.zero_grad()
        line_program.backward(xs, ys)
        slope.data -= rate * slope.grad / len(xs)


# %% 8.1 without the program
line_program = ag.record(lambda x, y: nn.mse(slope * x + offset, y), 0.0, 0.0)


def train(xs, ys, steps, rate):
    for _ in range(steps):
        residual = slope.data * xs + offset.data - ys
        slope.data -= rate * (residual * xs).mean()
        offset.data -= rate * residual.mean()


# %% 8.1 with nodes
line_program = ag.record(lambda x, y: nn.mse(slope * x + offset, y), 0.0, 0.0)


def train(xs, ys, steps, rate):
    for _ in range(steps):
        slope.zero_grad(), offset.zero_grad()
        for x, y in zip(xs.tolist(), ys.tolist()):
            nn.mse(slope * x + offset, y).backward()
        for p in (slope, offset):
            p.data -= rate * p.grad / len(xs)


# %% 8.2 unchanged
def good(x):
    return bad(x)


# %% 8.2 a comparison of Values
def good(x):
    return x * x if x > 1 else x


# %% 8.2 the larger of the two
def good(x):
    return ag.maximum(x, x * x)


# %% 8.2 the branches swapped
def good(x):
    return ag.where(ag.greater(x, 1.0), x, x * x)


# %% 8.2 the condition swapped
def good(x):
    return ag.where(ag.greater(1.0, x), x * x, x)


# %% 8.2 another threshold
def good(x):
    return ag.where(ag.greater(x, 1.2), x * x, x)


# %% 8.2 between the slopes where the branches meet
def good(x):
    return x * ag.maximum(x, 1.0)


# %% 8.2 cut off at 1
def good(x):
    return ag.maximum(x, 1.0) ** 2


# %% 8.2 a plain number
def good(x):
    x = x.data
    return x * x if x > 1 else x


# %% 8.3 the values
def slopes_at(f, points):
    return ag.record(f, points[0])(points)


# %% 8.3 a loop over the points
def slopes_at(f, points):
    return np.array([ag.grad(f)(float(x)) for x in points])


# %% 8.3 a call for each point
def slopes_at(f, points):
    program = ag.record(f, points[0])
    return np.array([program.value_and_grad([x])[1].inputs[0][0] for x in points])


# %% 8.3 a recording for each point
def slopes_at(f, points):
    return np.array(
        [ag.record(f, x).value_and_grad([x])[1].inputs[0][0] for x in points[:2]]
        + [ag.grad(f)(float(x)) for x in points[2:]]
    )


# %% 8.3 called twice
def slopes_at(f, points):
    program = ag.record(f, points[0])
    program(points)
    return program.value_and_grad(points)[1].inputs[0]


# %% 8.3 not recorded
def slopes_at(f, points):
    values = [ag.Value(float(x)) for x in points]
    ag.sum([f(x) for x in values]).backward()
    return np.array([x.grad for x in values])


# %% 8.3 the sum over the lanes
def slopes_at(f, points):
    return ag.record(f, points[0]).value_and_grad(points)[1].inputs[0].sum()


# %% 8.3 the first point only
def slopes_at(f, points):
    gradients = ag.record(f, points[0]).value_and_grad(points)[1].inputs[0]
    return np.full(len(points), gradients[0])


# %% 8.3 a row of rows
def slopes_at(f, points):
    return np.array(ag.record(f, points[0]).value_and_grad(points)[1].inputs[:1])


# %% 8.3 divided by the number of lanes
def slopes_at(f, points):
    return ag.record(f, points[0]).value_and_grad(points)[1].inputs[0] / len(points)
