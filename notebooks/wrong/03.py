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


# %% 3.1 the library's table
def back_propagate(output):
    return final_gradients(steps(output))


# %% 3.1 the library's terms
def back_propagate(output):
    grad_table = dict.fromkeys(ag.topological_order(output), 0.0)
    grad_table[output] = 1.0
    for term in ag.contributions(output):
        grad_table[term.parent] = term.after
    return grad_table


# %% 3.1 backward() called, and hidden
def back_propagate(output):
    order = ag.topological_order(output)
    output.backward()
    table = {node: node.grad for node in order if not node.is_constant}
    for node in order:
        node.zero_grad()
    return table


# %% 3.1 a sum over all paths, by the library
def back_propagate(output):
    order = ag.topological_order(output)
    return {v: output.explain(v).total for v in order if not v.is_constant}


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


# %% 3.2 remembered by number
class Remembering(Recursion):
    def __init__(self, output):
        super().__init__(output)
        self.known = {}

    def gradient(self, node):
        if node.data not in self.known:
            self.known[node.data] = super().gradient(node)
        return self.known[node.data]


# %% 3.2 one for all
class Remembering(Recursion):
    def gradient(self, node):
        self.calls = 1
        return 1.0


# %% 3.2 assigned in place of counted
class Remembering(Recursion):
    def gradient(self, node):
        self.calls = 1
        return self.output.explain(node).total


# %% 3.2 as many as there are nodes, without a look at them
class Remembering(Recursion):
    def gradient(self, node):
        self.calls = len(ag.topological_order(self.output))
        return self.output.explain(node).total


# %% 3.2 what backward has left
class Remembering(Recursion):
    def gradient(self, node):
        self.calls += 1
        return node.grad


# %% 3.2 the library's table
class Remembering(Recursion):
    def gradient(self, node):
        table = final_gradients(steps(self.output))
        for _ in table:
            self.calls += 1
        return table[node]


# %% 3.2 counted, but not computed
class Remembering(Recursion):
    def gradient(self, node):
        for _ in ag.topological_order(self.output):
            self.calls += 1
        return self.output.explain(node).total


# %% 3.2 nothing remembered, the count set back
class Remembering(Recursion):
    def gradient(self, node):
        result = super().gradient(node)
        self.calls = min(self.calls, 3)
        return result


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


# %% 3.3 a table of the first
def terms_mul(k):
    return {0: 0, 1: 2, 2: 4, 3: 6, 7: 14}.get(k)


def terms_square(k):
    return k


def recursion_calls_mul(k):
    return 2 ** (k + 1) - 1


# %% 3.3 one term at least
def terms_mul(k):
    return 2 * k


def terms_square(k):
    return max(k, 1)


def recursion_calls_mul(k):
    return 2 ** (k + 1) - 1


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
