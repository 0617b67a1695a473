# Wrong answers to the exercises of lecture 7: each must be refused by its check.

# %% 7.1 that of the central difference
p = 1 / 3

# %% 7.1 that of the one-sided difference
p = 1 / 2

# %% 7.1 a little less
p = 1 / 5

# %% 7.1 about right
p = 0.3

# %% 7.1 upside down
p = 4.0

# %% 7.1 the sign
p = -1 / 4


# %% 7.2 as it was
@ag.operation(lambda x, y: y * (1 - y))
def steep_right(x):
    return 1 / (1 + math.exp(-3 * x))


# %% 7.2 divided
@ag.operation(lambda x, y: y * (1 - y) / 3)
def steep_right(x):
    return 1 / (1 + math.exp(-3 * x))


# %% 7.2 of the operand
@ag.operation(lambda x, y: 3 * x * (1 - x))
def steep_right(x):
    return 1 / (1 + math.exp(-3 * x))


# %% 7.2 the value changed to fit the partial
@ag.operation(lambda x, y: y * (1 - y))
def steep_right(x):
    return 1 / (1 + math.exp(-x))


# %% 7.2 no operation
def steep_right(x):
    return 1 / (1 + math.exp(-3 * float(x)))


# %% 7.2 the sign
@ag.operation(lambda x, y: 3 * y * (y - 1))
def steep_right(x):
    return 1 / (1 + math.exp(-3 * x))


# %% 7.2 a number leaves the graph
@ag.operation(lambda x, y: 3 * float(y) * (1 - float(y)))
def steep_right(x):
    return 1 / (1 + math.exp(-3 * x))


# %% 7.3 no differences
def agrees(f, x, gradient):
    found = ag.grad(f)(x)
    return all(
        abs(a - g) <= 1e-6 * max(1.0, abs(g)) for a, g in zip(found, gradient)
    )


# %% 7.3 an absolute step
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + 1e-5, x[i] - 1e-5
        slope = (f(up) - f(down)) / 2e-5
        if not abs(slope - g) <= 1e-6 * max(1.0, abs(g)):
            return False
    return True


# %% 7.3 a tolerance of 1e-5
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        if not abs((f(up) - f(down)) / (2 * h) - g) <= 1e-5 * max(1.0, abs(g)):
            return False
    return True


# %% 7.3 two entries at most
def agrees(f, x, gradient):
    for i, g in enumerate(gradient[:2]):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        if not abs((f(up) - f(down)) / (2 * h) - g) <= 1e-6 * max(1.0, abs(g)):
            return False
    return True


# %% 7.3 a relative tolerance alone
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        if not abs((f(up) - f(down)) / (2 * h) - g) <= 1e-6 * abs(g):
            return False
    return True


# %% 7.3 one-sided differences
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up = list(x)
        up[i] = x[i] + h
        if not abs((f(up) - f(x)) / h - g) <= 1e-6 * max(1.0, abs(g)):
            return False
    return True


# %% 7.3 always content
def agrees(f, x, gradient):
    return True


# %% 7.3 never content
def agrees(f, x, gradient):
    return False


# %% 7.3 without the absolute value
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        if (f(up) - f(down)) / (2 * h) - g > 1e-6 * max(1.0, abs(g)):
            return False
    return True


# %% 7.3 the first entry only
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        slope = (f(up) - f(down)) / (2 * h)
        return bool(abs(slope - g) <= 1e-6 * max(1.0, abs(g)))


# %% 7.3 an absolute tolerance
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        if not abs((f(up) - f(down)) / (2 * h) - g) <= 1e-6:
            return False
    return True


# %% 7.3 the tolerance of the largest entry
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        difference = abs((f(up) - f(down)) / (2 * h) - g)
        if not difference <= 1e-6 * max(1.0, *map(abs, gradient)):
            return False
    return True


# %% 7.3 not a number passes
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        if abs((f(up) - f(down)) / (2 * h) - g) > 1e-6 * max(1.0, abs(g)):
            return False
    return True


# %% 7.3 the division by h in place of 2 h
def agrees(f, x, gradient):
    for i, g in enumerate(gradient):
        h = 1e-5 * max(1.0, abs(x[i]))
        up, down = list(x), list(x)
        up[i], down[i] = x[i] + h, x[i] - h
        if not abs((f(up) - f(down)) / h - g) <= 1e-6 * max(1.0, abs(g)):
            return False
    return True
