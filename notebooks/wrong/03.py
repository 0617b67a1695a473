# Wrong answers to the exercises of lecture 3: each must be refused by its check.

# %% 3.1 overwritten in place of added
def back_propagate(output):
    order = ag.topological_order(output)
    grad_table = {node: 0.0 for node in order if not node.is_constant}
    grad_table[output] = 1.0
    for node in reversed(order):
        for parent, partial in zip(node.parents, node.partials):
            if not parent.is_constant:
                grad_table[parent] = partial * grad_table[node]
    return grad_table


# %% 3.1 in the forward order
def back_propagate(output):
    order = ag.topological_order(output)
    grad_table = {node: 0.0 for node in order if not node.is_constant}
    grad_table[output] = 1.0
    for node in order:
        for parent, partial in zip(node.parents, node.partials):
            if not parent.is_constant:
                grad_table[parent] += partial * grad_table[node]
    return grad_table


# %% 3.1 backward() called
def back_propagate(output):
    output.backward()
    return {node: node.grad for node in ag.topological_order(output)}


# %% 3.1 the node's own gradient forgotten
def back_propagate(output):
    order = ag.topological_order(output)
    grad_table = {node: 0.0 for node in order if not node.is_constant}
    grad_table[output] = 1.0
    for node in reversed(order):
        for parent, partial in zip(node.parents, node.partials):
            if not parent.is_constant:
                grad_table[parent] += partial
    return grad_table


# %% 3.1 leaves only
def back_propagate(output):
    order = ag.topological_order(output)
    grad_table = dict.fromkeys(order, 0.0)
    grad_table[output] = 1.0
    for node in reversed(order):
        for parent, partial in zip(node.parents, node.partials):
            grad_table[parent] += partial * grad_table[node]
    return {node: g for node, g in grad_table.items() if node.is_leaf}


# %% 3.1 the output's gradient is its number
def back_propagate(output):
    order = ag.topological_order(output)
    grad_table = dict.fromkeys(order, 0.0)
    grad_table[output] = output.data
    for node in reversed(order):
        for parent, partial in zip(node.parents, node.partials):
            grad_table[parent] += partial * grad_table[node]
    return grad_table


# %% 3.2 nothing remembered
class Remembering(Recursion):
    def gradient(self, node):
        return super().gradient(node)


# %% 3.2 stored, never looked up
class Remembering(Recursion):
    known = {}

    def gradient(self, node):
        self.known[node] = super().gradient(node)
        return self.known[node]


# %% 3.2 remembered by number of parents
class Remembering(Recursion):
    def __init__(self, output):
        super().__init__(output)
        self.known = {}

    def gradient(self, node):
        key = len(node.parents)
        if key not in self.known:
            self.known[key] = super().gradient(node)
        return self.known[key]


# %% 3.2 one for all
class Remembering(Recursion):
    def gradient(self, node):
        self.calls = 1
        return 1.0


# %% 3.2 nothing counted
class Remembering(Recursion):
    def gradient(self, node):
        return self.output.explain(node).total


# %% 3.2 the partials forgotten
class Remembering(Recursion):
    def __init__(self, output):
        super().__init__(output)
        self.known = {output: 1.0}

    def gradient(self, node):
        if node not in self.known:
            self.calls += 1
            children = self.children[node]
            self.known[node] = sum(self.gradient(child) for child, _ in children)
        return self.known[node]


# %% 3.3 right for three only
def terms_mul(k):
    return 6


def terms_square(k):
    return 3


def recursion_calls_mul(k):
    return 15


# %% 3.3 the paths
def terms_mul(k):
    return 2**k


def terms_square(k):
    return 1


def recursion_calls_mul(k):
    return 2**k


# %% 3.3 the same for both
def terms_mul(k):
    return 2 * k


def terms_square(k):
    return 2 * k


def recursion_calls_mul(k):
    return 2 ** (k + 1) - 1


# %% 3.3 the nodes
def terms_mul(k):
    return k + 1


def terms_square(k):
    return k + 1


def recursion_calls_mul(k):
    return 2 ** (k + 1) - 1


# %% 3.3 the recursion's edges
def terms_mul(k):
    return 2 * k


def terms_square(k):
    return k


def recursion_calls_mul(k):
    return 2 ** (k + 1) - 2


# %% 3.3 the recursion's leaves
def terms_mul(k):
    return 2 * k


def terms_square(k):
    return k


def recursion_calls_mul(k):
    return 2**k
