# Wrong answers to the exercises of lecture 1: each must be refused by its check.

# %% 1.1 without the minus
def logistic(z):
    return 1 / (1 + ag.exp(z))


logistic_nodes = 6


# %% 1.1 the built-in sigmoid
def logistic(z):
    return ag.sigmoid(z)


logistic_nodes = 2


# %% 1.1 a plain number
def logistic(z):
    return 1 / (1 + math.exp(-z.data))


logistic_nodes = 7


# %% 1.1 a number, and no graph
def logistic(z):
    return ag.Value(1 / (1 + math.exp(-z.data)))


logistic_nodes = 1


# %% 1.1 a graph without z
def logistic(z):
    return ag.Value(1.0) / (1 + math.exp(-z.data))


logistic_nodes = 3


# %% 1.1 the constants forgotten
def logistic(z):
    return 1 / (1 + ag.exp(-z))


logistic_nodes = 5


# %% 1.1 the operations only
def logistic(z):
    return 1 / (1 + ag.exp(-z))


logistic_nodes = 4


# %% 1.1 one constant for two
def logistic(z):
    return 1 / (1 + ag.exp(-z))


logistic_nodes = 6


# %% 1.2 the numbers that are there already
def forward(output):
    return {node: node.data for node in ag.topological_order(output)}


# %% 1.2 the parents' old numbers
def forward(output):
    u = {}
    for node in ag.topological_order(output):
        arguments = [parent.data for parent in node.parents]
        u[node] = ag.OPERATIONS[node.op].value(*arguments) if node.op else node.data
    x.data = 2.0
    u[output] = output.data
    return u


# %% 1.2 the output alone is computed
def forward(output):
    u = {node: node.data for node in ag.topological_order(output)}
    if output.op == "tanh":
        (total,) = output.parents
        product, constant = total.parents
        u[output] = math.tanh(-0.5 * product.parents[0].data + constant.data)
    return u


# %% 1.2 leaves only
def forward(output):
    return {
        node: node.data for node in ag.topological_order(output) if node.is_leaf
    }


# %% 1.2 no leaves
def forward(output):
    u = {node: node.data for node in ag.topological_order(output)}
    return {node: number for node, number in u.items() if not node.is_leaf}


# %% 1.2 only the output and its parents
def forward(output):
    return {node: node.data for node in (output, *output.parents)}


# %% 1.2 by labels
def forward(output):
    return {node.label: node.data for node in ag.topological_order(output)}


# %% 1.3 the number of operations
def count_paths(output, leaf):
    return sum(not node.is_leaf for node in ag.topological_order(output))


# %% 1.3 the edges out of the leaf
def count_paths(output, leaf):
    return sum(
        p is leaf for node in ag.topological_order(output) for p in node.parents
    )


# %% 1.3 each parent once
def count_paths(output, leaf):
    paths = {}
    for node in ag.topological_order(output):
        paths[node] = int(node is leaf) + sum(paths[p] for p in set(node.parents))
    return paths[output]


# %% 1.3 not counted here
def count_paths(output, leaf):
    return output.explain(leaf).count


# %% 1.3 not counted here, by the function
def count_paths(output, leaf):
    return ag.explain(output, leaf).count


# %% 1.3 paths from any leaf
def count_paths(output, leaf):
    order, paths = ag.topological_order(output), {}
    for node in order:
        paths[node] = int(node.is_leaf) + sum(paths[p] for p in node.parents)
    return paths[output] if leaf in paths else 0


# %% 1.3 all edges
def count_paths(output, leaf):
    return ag.statistics(output).edges


# %% 1.3 a power of two
def count_paths(output, leaf):
    return 2 ** (ag.statistics(output).depth - 1)


# %% 1.3 paths from all leaves
def count_paths(output, leaf):
    paths = {}
    for node in ag.topological_order(output):
        paths[node] = int(node.is_leaf) + sum(paths[p] for p in node.parents)
    return paths[output]
