# Wrong answers to the exercises of lecture 9: each must be refused by its check.

# %% 9.1 gradient descent
def newton_root(f, x, steps):
    for _ in range(steps):
        value, slope = ag.value_and_grad(f)(x)
        x = x - 0.1 * slope
    return x


# %% 9.1 the slope multiplied
def newton_root(f, x, steps):
    for _ in range(steps):
        value, slope = ag.value_and_grad(f)(x)
        x = x - 0.01 * value * slope
    return x


# %% 9.1 upside down
def newton_root(f, x, steps):
    for _ in range(steps):
        value, slope = ag.value_and_grad(f)(x)
        x = x - slope / value if value else x
    return x


# %% 9.1 the slope of the start
def newton_root(f, x, steps):
    _, slope = ag.value_and_grad(f)(x)
    for _ in range(steps):
        x = x - float(f(x)) / slope
    return x


# %% 9.1 all steps but the first
def newton_root(f, x, steps):
    for _ in range(1 if steps == 1 else 8):
        value, slope = ag.value_and_grad(f)(x)
        x = x - value / slope
    return x


# %% 9.1 differences
def newton_root(f, x, steps):
    for _ in range(steps):
        value = float(f(x))
        x = x - value * 1e-7 / (float(f(x + 1e-7)) - value)
    return x


# %% 9.1 one step only
def newton_root(f, x, steps):
    value, slope = ag.value_and_grad(f)(x)
    return x - value / slope


# %% 9.1 a fixed number of steps
def newton_root(f, x, steps):
    for _ in range(20):
        value, slope = ag.value_and_grad(f)(x)
        x = x - value / slope
    return x


# %% 9.2 not normalized
def largest_curvature(f, x, steps=100):
    v = [1.0] * len(x)
    for _ in range(5):
        v = ag.hvp(f, x, v)
    return np.linalg.norm(v)


# %% 9.2 the matrix formed
def largest_curvature(f, x, steps=100):
    return np.linalg.eigvalsh(np.array(ag.hessian(f)(x))).max()


# %% 9.2 the matrix formed, then multiplied
def largest_curvature(f, x, steps=100):
    H, v = np.array(ag.hessian(f)(x)), 0.5 ** np.arange(len(x))
    for _ in range(steps):
        v = H @ v / np.linalg.norm(H @ v)
    return np.linalg.norm(H @ v)


# %% 9.2 the matrix formed, of gradients
def largest_curvature(f, x, steps=100):
    return np.linalg.eigvalsh(np.array(ag.jacobian(ag.grad(f))(x))).max()


# %% 9.2 the matrix formed, of products with unit vectors
def largest_curvature(f, x, steps=100):
    H = [ag.hvp(f, x, unit) for unit in np.eye(len(x)).tolist()]
    return np.linalg.eigvalsh(np.array(H)).max()


# %% 9.2 steps ignored
def largest_curvature(f, x, steps=100):
    v = 0.5 ** np.arange(len(x))
    for _ in range(100):
        Hv = np.array(ag.hvp(f, x, v.tolist()))
        v = Hv / np.linalg.norm(Hv)
    return np.linalg.norm(Hv)


# %% 9.2 one step
def largest_curvature(f, x, steps=100):
    v = np.ones(len(x)) / np.sqrt(len(x))
    return np.linalg.norm(ag.hvp(f, x, v.tolist()))


# %% 9.2 the gradient in place of the product
def largest_curvature(f, x, steps=100):
    return np.linalg.norm(ag.grad(f)(x))


# %% 9.2 the smallest
def largest_curvature(f, x, steps=100):
    return np.linalg.eigvalsh(np.array(ag.hessian(f)(x))).min()


# %% 9.2 the trace
def largest_curvature(f, x, steps=100):
    return np.trace(np.array(ag.hessian(f)(x)))


# %% 9.2 the largest entry
def largest_curvature(f, x, steps=100):
    return np.max(np.array(ag.hessian(f)(x)))


# %% 9.3 without the factorials
import math


def taylor(f, x0, n):
    x = ag.Value(x0)
    derivative, found = f(x), []
    for _ in range(n):
        found.append(derivative.data)
        (derivative,) = ag.differentiate(derivative, [x])
    return found


# %% 9.3 the first is left out
def taylor(f, x0, n):
    x = ag.Value(x0)
    derivative, found = f(x), []
    for k in range(n):
        (derivative,) = ag.differentiate(derivative, [x])
        found.append(derivative.data / math.factorial(k + 1))
    return found


# %% 9.3 divided by k
def taylor(f, x0, n):
    x = ag.Value(x0)
    derivative, found = f(x), []
    for k in range(n):
        found.append(derivative.data / max(k, 1))
        (derivative,) = ag.differentiate(derivative, [x])
    return found


# %% 9.3 always at 0
def taylor(f, x0, n):
    x = ag.Value(1e-9)
    derivative, found = f(x), []
    for k in range(n):
        found.append(derivative.data / math.factorial(k))
        (derivative,) = ag.differentiate(derivative, [x])
    return found


# %% 9.3 one too few
def taylor(f, x0, n):
    x = ag.Value(x0)
    derivative, found = f(x), []
    for k in range(n - 1):
        found.append(derivative.data / math.factorial(k))
        (derivative,) = ag.differentiate(derivative, [x])
    return found


# %% 9.3 the factorial of k + 1
def taylor(f, x0, n):
    x = ag.Value(x0)
    derivative, found = f(x), []
    for k in range(n):
        found.append(derivative.data / math.factorial(k + 1))
        (derivative,) = ag.differentiate(derivative, [x])
    return found
