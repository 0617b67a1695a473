"""GradBench (github.com/gradbench/gradbench): its problems by Programs, speaking its protocol.

``python -m benchmarks.gradbench`` is the tool: messages of JSON on standard input, answers on standard output.
``python -m benchmarks.gradbench.evaluate CHECKOUT`` runs GradBench's own evaluations against it, which validate
every answer.  Done are hello, llsq, lse, det, kmeans, ode, gmm and saddle; not done are ba, ht, lstm and
particle.
"""
