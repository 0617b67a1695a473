"""GradBench (github.com/gradbench/gradbench): its problems by Programs, speaking its protocol.

``python -m benchmarks.gradbench`` is the tool: messages of JSON on standard input, answers on standard
output.  ``python -m benchmarks.gradbench.evaluate CHECKOUT PROBLEM`` runs GradBench's own evaluation against
it, which validates every answer.
"""
