"""Programs: record a function of Values once, replay it over the rows (*lanes*) of a minibatch.

``record(f, *examples)`` calls ``f`` once on Values shaped like the examples and turns the graph that it built into a
:class:`Program`: a flat tape that is replayed forward and in reverse for every row of a batch, with the bits that the
eager graph gives.  Leaves that ``f`` captured (a model's parameters) are shared by all lanes.

The reference, bit for bit
--------------------------
``program.value_and_grad(X, Y, gradient=g)`` gives the bits of this eager loop, whatever the block size, the number of
threads or the instruction set::

    for x, y in zip(X, Y):              # lanes in order
        loss = f(x, y)                  # x, y: constants, or leaves whose own gradient is wanted
        loss.backward(g)                # leaves accumulate: parameter.grad += partial * node.grad, in the sweep's order

So a parameter's gradient is one running sum over all its contributions: the lanes in order and, inside a lane, in the
order of the sweep (reverse depth-first post-order).  It starts from 0.0 (``value_and_grad``) or from the parameter's
present ``grad`` (``backward``).  The gradient of an input belongs to its lane alone.

A training step is therefore, in both paths, with ``B = len(batch)``::

    zero_grad()
    total = 0.0
    for row in batch:
        loss = objective(*row)          # one Value: the loss of this example alone
        loss.backward(1.0 / B)
        total = total + loss.data
    penalty = regulariser(parameters)   # one Value, once a step, after the examples
    penalty.backward(1.0)
    step()                              # reported objective: total / B + penalty.data

What makes a function recordable
--------------------------------
The graph must have the same shape for every row.  Numbers that differ from row to row (features, targets) must come in
as arguments; a class label comes in as a one-hot row and is used by ``dot(one_hot, logits)``, never as an index.
Comparisons of Values are recorded as guards and checked for each lane; reading a number (``float(v)``, ``v.data``,
``if v``) raises :class:`RecordingError`.  Python's randomness and plain numbers that ``f`` closes over are frozen.
A sum of squares is best written ``dot(ws, ws)``: one node, and the fastest instruction there is for it.
"""
