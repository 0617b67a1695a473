# Wrong answers to the exercises of lecture 4: each must be refused by its check.

# %% 4.1 without biases
def parameter_count(nin, widths):
    sizes = [nin, *widths]
    return sum(a * b for a, b in zip(sizes, widths))


# %% 4.1 one bias a layer
def parameter_count(nin, widths):
    sizes = [nin, *widths]
    return sum(a * b + 1 for a, b in zip(sizes, widths))


# %% 4.1 biases of the inputs
def parameter_count(nin, widths):
    sizes = [nin, *widths]
    return sum(a * b + a for a, b in zip(sizes, widths))


# %% 4.1 the first layer forgotten
def parameter_count(nin, widths):
    return sum((a + 1) * b for a, b in zip(widths, widths[1:]))


# %% 4.1 always the first width
def parameter_count(nin, widths):
    return sum((nin + 1) * width for width in widths)


# %% 4.1 a network built
def parameter_count(nin, widths):
    return len(nn.MLP(nin, widths).parameters())


# %% 4.1 a network built, its tensors counted
def parameter_count(nin, widths):
    tensors = nn.MLP(nin, widths).named_tensors()
    return sum(np.size(np.array(tensor, dtype=object)) for _, tensor in tensors)


# %% 4.1 the units
def parameter_count(nin, widths):
    return nin + sum(widths)


# %% 4.2 the wrong order
W_all = Ws[2] @ Ws[1] @ Ws[0]
b_all = bs[2] + Ws[2] @ bs[1]

# %% 4.2 the biases left as they are
W_all = Ws[2] @ Ws[1] @ Ws[0]
b_all = bs[2]

# %% 4.2 the transpose
W_all = (Ws[2] @ Ws[1] @ Ws[0]).T
b_all = bs[2] + Ws[2] @ (bs[1] + Ws[1] @ bs[0])

# %% 4.2 the last layer only
W_all, b_all = Ws[2], bs[2]

# %% 4.2 a sum of all biases
W_all = Ws[2] @ Ws[1] @ Ws[0]
b_all = bs[2] + bs[1][:2] + bs[0][:2]

# %% 4.2 the bias through all three
W_all = Ws[2] @ Ws[1] @ Ws[0]
b_all = bs[2] + Ws[2] @ (bs[1] + Ws[1] @ (bs[0] + Ws[0] @ np.ones(3)))


# %% 4.3 relu' left out
def backward(W, h, y_hat, y, alpha):
    dW, db, g = {}, {}, y_hat - y
    for k in range(len(W), 0, -1):
        db[k], dW[k] = g, np.outer(g, h[k - 1]) + alpha * W[k]
        g = W[k].T @ g
    return dW, db


# %% 4.3 the derivative of tanh
def backward(W, h, y_hat, y, alpha):
    dW, db, g = {}, {}, y_hat - y
    for k in range(len(W), 0, -1):
        g = g * (1 - h[k] ** 2) if k < len(W) else g
        db[k], dW[k] = g, np.outer(g, h[k - 1]) + alpha * W[k]
        g = W[k].T @ g
    return dW, db


# %% 4.3 the outer product the wrong way round
def backward(W, h, y_hat, y, alpha):
    dW, db, g = {}, {}, y_hat - y
    for k in range(len(W), 0, -1):
        g = g * (h[k] > 0) if k < len(W) else g
        db[k], dW[k] = g, np.outer(h[k - 1], g) + alpha * W[k].T
        g = W[k].T @ g
    return dW, db


# %% 4.3 without the regularizer
def backward(W, h, y_hat, y, alpha):
    dW, db, g = {}, {}, y_hat - y
    for k in range(len(W), 0, -1):
        g = g * (h[k] > 0) if k < len(W) else g
        db[k], dW[k] = g, np.outer(g, h[k - 1])
        g = W[k].T @ g
    return dW, db


# %% 4.3 the biases decay
def backward(W, h, y_hat, y, alpha):
    dW, db, g = {}, {}, y_hat - y
    for k in range(len(W), 0, -1):
        g = g * (h[k] > 0) if k < len(W) else g
        db[k], dW[k] = g + alpha, np.outer(g, h[k - 1]) + alpha * W[k]
        g = W[k].T @ g
    return dW, db


# %% 4.3 y - ŷ
def backward(W, h, y_hat, y, alpha):
    dW, db, g = {}, {}, y - y_hat
    for k in range(len(W), 0, -1):
        g = g * (h[k] > 0) if k < len(W) else g
        db[k], dW[k] = g, np.outer(g, h[k - 1]) + alpha * W[k]
        g = W[k].T @ g
    return dW, db


# %% 4.3 relu' behind the gradients of the layer
def backward(W, h, y_hat, y, alpha):
    dW, db, g = {}, {}, y_hat - y
    for k in range(len(W), 0, -1):
        db[k], dW[k] = g, np.outer(g, h[k - 1]) + alpha * W[k]
        g = W[k].T @ (g * (h[k] > 0))
    return dW, db


# %% 4.4 all biases
nonzero = ["layer1.b", "layer2.b", "layer3.b"]

# %% 4.4 the last layer
nonzero = ["layer3.W", "layer3.b"]

# %% 4.4 none
nonzero = []

# %% 4.4 the first layer
nonzero = ["layer1.W"]

# %% 4.4 everything
nonzero = [name for name, _ in model.named_tensors()]

# %% 4.4 the last weights
nonzero = ["layer3.W"]
