# Wrong answers to the exercises of lecture 5: each must be refused by its check.

# %% 5.1 the probability
def loss_of_ignorance(n):
    return 1 / n


# %% 5.1 the sign
def loss_of_ignorance(n):
    return -math.log(n)


# %% 5.1 to base 2
def loss_of_ignorance(n):
    return math.log2(n)


# %% 5.1 right for three classes
def loss_of_ignorance(n):
    return 1.0986122886681098


# %% 5.1 the number of classes
def loss_of_ignorance(n):
    return n


# %% 5.1 of n - 1
def loss_of_ignorance(n):
    return math.log(n - 1)


# %% 5.2 the diagonal only
def softmax_jacobian(y_hat):
    y_hat = np.asarray(y_hat)
    return np.diag(y_hat * (1 - y_hat))


# %% 5.2 the sign
def softmax_jacobian(y_hat):
    return np.outer(y_hat, y_hat) - np.diag(y_hat)


# %% 5.2 the identity in place of the diagonal
def softmax_jacobian(y_hat):
    return np.eye(len(y_hat)) - np.outer(y_hat, y_hat)


# %% 5.2 a product of the vector with itself
def softmax_jacobian(y_hat):
    y_hat = np.asarray(y_hat)
    return np.diag(y_hat) - y_hat * y_hat


# %% 5.2 a vector
def softmax_jacobian(y_hat):
    y_hat = np.asarray(y_hat)
    return y_hat * (1 - y_hat)


# %% 5.2 without the outer product
def softmax_jacobian(y_hat):
    return np.diag(y_hat)


# %% 5.2 not made here
def softmax_jacobian(y_hat):
    return np.array(ag.jacobian(ag.softmax)(np.log(y_hat).tolist()))


# %% 5.3 not smoothed
def smoothed_loss(a, label, epsilon):
    return nn.cross_entropy(a, label)


def smoothed_gradient(a, label, epsilon):
    return np.array(ag.softmax(a)) - np.eye(len(a))[label]


# %% 5.3 epsilon shared by the other classes only
def smoothed_loss(a, label, epsilon):
    n = len(a)
    y = [1 - epsilon if i == label else epsilon / (n - 1) for i in range(n)]
    return nn.cross_entropy(a, y)


def smoothed_gradient(a, label, epsilon):
    return np.array(ag.grad(lambda a: smoothed_loss(a, label, epsilon))(a))


# %% 5.3 the gradient of the one-hot target
def smoothed_loss(a, label, epsilon):
    y = [(1 - epsilon) * (i == label) + epsilon / len(a) for i in range(len(a))]
    return nn.cross_entropy(a, y)


def smoothed_gradient(a, label, epsilon):
    return np.array(ag.softmax(a)) - np.eye(len(a))[label]


# %% 5.3 the gradient's sign
def smoothed_loss(a, label, epsilon):
    y = [(1 - epsilon) * (i == label) + epsilon / len(a) for i in range(len(a))]
    return nn.cross_entropy(a, y)


def smoothed_gradient(a, label, epsilon):
    y = [(1 - epsilon) * (i == label) + epsilon / len(a) for i in range(len(a))]
    return y - np.array(ag.softmax(a))


# %% 5.3 the gradient not by hand
def smoothed_loss(a, label, epsilon):
    y = [(1 - epsilon) * (i == label) + epsilon / len(a) for i in range(len(a))]
    return nn.cross_entropy(a, y)


def smoothed_gradient(a, label, epsilon):
    return np.array(ag.grad(lambda a: smoothed_loss(a, label, epsilon))(a))


# %% 5.3 the gradient not by hand: nodes
def smoothed_loss(a, label, epsilon):
    y = [(1 - epsilon) * (i == label) + epsilon / len(a) for i in range(len(a))]
    return nn.cross_entropy(a, y)


def smoothed_gradient(a, label, epsilon):
    a = [ag.Value(v) for v in a]
    smoothed_loss(a, label, epsilon).backward()
    return np.array([v.grad for v in a])


# %% 5.3 a number leaves the graph, and the gradient fits
def smoothed_loss(a, label, epsilon):
    p = ag.softmax([float(v) for v in a])
    rest = sum(-math.log(q) for q in p) / len(p)
    return (1 - epsilon) * nn.cross_entropy(a, label) + epsilon * rest


def smoothed_gradient(a, label, epsilon):
    return (1 - epsilon) * (np.array(ag.softmax(a)) - np.eye(len(a))[label])


# %% 5.3 the loss of numbers, which no gradient flows through
def smoothed_loss(a, label, epsilon):
    y = [(1 - epsilon) * (i == label) + epsilon / len(a) for i in range(len(a))]
    return ag.Value(float(nn.cross_entropy([float(v) for v in a], y)))


def smoothed_gradient(a, label, epsilon):
    return np.zeros(len(a))


# %% 5.3 always 0.1
def smoothed_loss(a, label, epsilon):
    y = [0.9 * (i == label) + 0.1 / len(a) for i in range(len(a))]
    return nn.cross_entropy(a, y)


def smoothed_gradient(a, label, epsilon):
    return np.array(ag.grad(lambda a: smoothed_loss(a, label, epsilon))(a))


# %% 5.3 the loss scaled, not its target
def smoothed_loss(a, label, epsilon):
    return (1 - epsilon) * nn.cross_entropy(a, label)


def smoothed_gradient(a, label, epsilon):
    return (1 - epsilon) * (np.array(ag.softmax(a)) - np.eye(len(a))[label])
