# Wrong answers to the exercises of lecture 0: each must be refused by its check.

# %% 0.1 the regularizer once for each example
def ridge(theta, examples, alpha):
    w, b = theta
    return sum(
        squared_error(w * x + b, y) + alpha * 0.5 * w**2 for x, y in examples
    )


# %% 0.1 a sum in place of the mean
def ridge(theta, examples, alpha):
    w, b = theta
    return (
        sum(squared_error(w * x + b, y) for x, y in examples) + alpha * 0.5 * w**2
    )


# %% 0.1 the bias penalized too
def ridge(theta, examples, alpha):
    w, b = theta
    risk = sum(squared_error(w * x + b, y) for x, y in examples) / len(examples)
    return risk + alpha * 0.5 * (w**2 + b**2)


# %% 0.1 without the half
def ridge(theta, examples, alpha):
    w, b = theta
    risk = sum(squared_error(w * x + b, y) for x, y in examples) / len(examples)
    return risk + alpha * w**2


# %% 0.1 without the regularizer
def ridge(theta, examples, alpha):
    w, b = theta
    return sum(squared_error(w * x + b, y) for x, y in examples) / len(examples)


# %% 0.1 always three examples
def ridge(theta, examples, alpha):
    w, b = theta
    risk = sum(squared_error(w * x + b, y) for x, y in examples) / 3
    return risk + alpha * 0.5 * w**2


# %% 0.1 nothing returned
def ridge(theta, examples, alpha):
    w, b = theta


# %% 0.2 uphill
def update(theta, batch, rate, alpha):
    w, b = theta
    g_w = sum((w * x + b - y) * x for x, y in batch) / len(batch) + alpha * w
    g_b = sum(w * x + b - y for x, y in batch) / len(batch)
    return [w + rate * g_w, b + rate * g_b]


# %% 0.2 a sum in place of the mean
def update(theta, batch, rate, alpha):
    w, b = theta
    g_w = sum((w * x + b - y) * x for x, y in batch) + alpha * w
    g_b = sum(w * x + b - y for x, y in batch)
    return [w - rate * g_w, b - rate * g_b]


# %% 0.2 the bias decays too
def update(theta, batch, rate, alpha):
    w, b = theta
    g_w = sum((w * x + b - y) * x for x, y in batch) / len(batch) + alpha * w
    g_b = sum(w * x + b - y for x, y in batch) / len(batch) + alpha * b
    return [w - rate * g_w, b - rate * g_b]


# %% 0.2 without the factor x
def update(theta, batch, rate, alpha):
    w, b = theta
    g = sum(w * x + b - y for x, y in batch) / len(batch)
    return [w - rate * (g + alpha * w), b - rate * g]


# %% 0.2 the bias uses the new weight
def update(theta, batch, rate, alpha):
    w, b = theta
    w -= rate * (
        sum((w * x + b - y) * x for x, y in batch) / len(batch) + alpha * w
    )
    b -= rate * sum(w * x + b - y for x, y in batch) / len(batch)
    return [w, b]


# %% 0.2 alpha without w
def update(theta, batch, rate, alpha):
    w, b = theta
    g_w = sum((w * x + b - y) * x for x, y in batch) / len(batch) + alpha
    g_b = sum(w * x + b - y for x, y in batch) / len(batch)
    return [w - rate * g_w, b - rate * g_b]


# %% 0.2 not by hand
def update(theta, batch, rate, alpha):
    g = ag.grad(lambda theta: ridge(theta, batch, alpha))(theta)
    return [t - rate * gi for t, gi in zip(theta, g)]


# %% 0.2 not by hand: nodes
def update(theta, batch, rate, alpha):
    theta = [ag.Value(t) for t in theta]
    ridge(theta, batch, alpha).backward()
    return [t.data - rate * t.grad for t in theta]


# %% 0.2 differences
def update(theta, batch, rate, alpha):
    h, base, new = 1e-6, ridge(theta, batch, alpha), []
    for k, t in enumerate(theta):
        moved = [*theta[:k], t + h, *theta[k + 1 :]]
        new.append(t - rate * (ridge(moved, batch, alpha) - base) / h)
    return new


# %% 0.2 always the rate 0.1
def update(theta, batch, rate, alpha):
    w, b = theta
    g_w = sum((w * x + b - y) * x for x, y in batch) / len(batch) + alpha * w
    g_b = sum(w * x + b - y for x, y in batch) / len(batch)
    return [w - 0.1 * g_w, b - 0.1 * g_b]


# %% 0.3 the logarithm to base 10
def summary(probabilities, labels):
    losses = [-math.log10(p[y]) for p, y in zip(probabilities, labels)]
    wrong = [p.index(max(p)) != y for p, y in zip(probabilities, labels)]
    return sum(losses) / len(losses), sum(wrong) / len(wrong)


# %% 0.3 the accuracy in place of the error
def summary(probabilities, labels):
    losses = [-math.log(p[y]) for p, y in zip(probabilities, labels)]
    right = [p.index(max(p)) == y for p, y in zip(probabilities, labels)]
    return sum(losses) / len(losses), sum(right) / len(right)


# %% 0.3 the entropy in place of the cross-entropy
def summary(probabilities, labels):
    losses = [-sum(q * math.log(q) for q in p) for p in probabilities]
    wrong = [p.index(max(p)) != y for p, y in zip(probabilities, labels)]
    return sum(losses) / len(losses), sum(wrong) / len(wrong)


# %% 0.3 without the sign
def summary(probabilities, labels):
    losses = [math.log(p[y]) for p, y in zip(probabilities, labels)]
    wrong = [p.index(max(p)) != y for p, y in zip(probabilities, labels)]
    return sum(losses) / len(losses), sum(wrong) / len(wrong)


# %% 0.3 right if more probable than one half
def summary(probabilities, labels):
    losses = [-math.log(p[y]) for p, y in zip(probabilities, labels)]
    wrong = [p[y] < 0.5 for p, y in zip(probabilities, labels)]
    return sum(losses) / len(losses), sum(wrong) / len(wrong)


# %% 0.3 sums
def summary(probabilities, labels):
    losses = [-math.log(p[y]) for p, y in zip(probabilities, labels)]
    wrong = [p.index(max(p)) != y for p, y in zip(probabilities, labels)]
    return sum(losses), sum(wrong)
