# Wrong answers to the exercises of lecture 6: each must be refused by its check.

# %% 6.1 the old v
def momentum_step(theta, v, g, rate, mu):
    new = [mu * vi + gi for vi, gi in zip(v, g)]
    return [t - rate * vi for t, vi in zip(theta, v)], new


# %% 6.1 a mean of v and g
def momentum_step(theta, v, g, rate, mu):
    v = [mu * vi + (1 - mu) * gi for vi, gi in zip(v, g)]
    return [t - rate * vi for t, vi in zip(theta, v)], v


# %% 6.1 no momentum
def momentum_step(theta, v, g, rate, mu):
    return [t - rate * gi for t, gi in zip(theta, g)], v


# %% 6.1 uphill
def momentum_step(theta, v, g, rate, mu):
    v = [mu * vi + gi for vi, gi in zip(v, g)]
    return [t + rate * vi for t, vi in zip(theta, v)], v


# %% 6.1 theta alone
def momentum_step(theta, v, g, rate, mu):
    v = [mu * vi + gi for vi, gi in zip(v, g)]
    return [t - rate * vi for t, vi in zip(theta, v)]


# %% 6.1 Nesterov's
def momentum_step(theta, v, g, rate, mu):
    v = [mu * vi + gi for vi, gi in zip(v, g)]
    return [t - rate * (gi + mu * vi) for t, gi, vi in zip(theta, g, v)], v


# %% 6.1 the rate in v
def momentum_step(theta, v, g, rate, mu):
    v = [mu * vi + rate * gi for vi, gi in zip(v, g)]
    return [t - vi for t, vi in zip(theta, v)], v


# %% 6.2 from the smallest curvature
def largest_rate(curvatures):
    return 2 / min(curvatures)


# %% 6.2 half of it
def largest_rate(curvatures):
    return 1 / max(curvatures)


# %% 6.2 the best rate
def largest_rate(curvatures):
    return 2 / (max(curvatures) + min(curvatures))


# %% 6.2 from the mean
def largest_rate(curvatures):
    return 2 * len(curvatures) / sum(curvatures)


# %% 6.2 right for the first example only
def largest_rate(curvatures):
    return 0.02


# %% 6.2 the square root
def largest_rate(curvatures):
    return 2 / math.sqrt(max(curvatures))


# %% 6.1 right for two components only
def momentum_step(theta, v, g, rate, mu):
    v = [mu * v[0] + g[0], mu * v[1] + g[1]]
    return [theta[0] - rate * v[0], theta[1] - rate * v[1]], v[: len(theta)]


# %% 6.3 too many updates
def my_training(X, y):
    model = nn.MLP(2, [8, 3], activation="tanh", initializer="glorot", seed=3)
    nn.fit(model, X, y, optimizer=nn.SGD(lr=0.3), batch_size=8, epochs=60, seed=1)
    return model


# %% 6.3 too many updates, in two runs
def my_training(X, y):
    model = nn.MLP(2, [8, 3], activation="tanh", initializer="glorot", seed=3)
    for seed in (1, 2):
        nn.fit(
            model,
            X,
            y,
            optimizer=nn.Adam(lr=0.05),
            batch_size=16,
            epochs=60,
            seed=seed,
        )
    return model


# %% 6.3 not trained enough
def my_training(X, y):
    model = nn.MLP(2, [8, 3], activation="tanh", initializer="glorot", seed=3)
    nn.fit(model, X, y, optimizer=nn.SGD(lr=0.01), batch_size=16, epochs=20, seed=1)
    return model


# %% 6.3 a larger network
def my_training(X, y):
    model = nn.MLP(2, [16, 3], activation="tanh", initializer="glorot", seed=3)
    nn.fit(
        model, X, y, optimizer=nn.Adam(lr=0.05), batch_size=16, epochs=60, seed=1
    )
    return model


# %% 6.3 the history returned
def my_training(X, y):
    model = nn.MLP(2, [8, 3], activation="tanh", initializer="glorot", seed=3)
    return nn.fit(model, X, y, optimizer=nn.Adam(lr=0.05), epochs=60, seed=1)


# %% 6.3 a rate that is far too small
def my_training(X, y):
    model = nn.MLP(2, [8, 3], activation="relu", initializer="glorot", seed=3)
    nn.fit(
        model, X, y, optimizer=nn.SGD(lr=1e-5), batch_size=90, epochs=100, seed=1
    )
    return model


# %% 6.3 trained on the validation petals
def my_training(X, y):
    model = nn.MLP(2, [8, 3], activation="tanh", initializer="glorot", seed=3)
    nn.fit(model, X_val, y_val, optimizer=nn.Adam(lr=0.05), epochs=150, seed=1)
    return model


# %% 6.3 trained on all petals
def my_training(X, y):
    X, y = scaler.transform(iris.data[:, 2:]), iris.target
    model = nn.MLP(2, [8, 3], activation="tanh", initializer="glorot", seed=3)
    nn.fit(
        model, X, y, optimizer=nn.Adam(lr=0.05), batch_size=50, epochs=130, seed=1
    )
    return model


# %% 6.3 a model from elsewhere
def my_training(X, y):
    nn.fit(
        model, X, y, optimizer=nn.Adam(lr=0.05), batch_size=16, epochs=60, seed=1
    )
    return model
