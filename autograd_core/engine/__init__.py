"""The engine: the node, its construction, the order of a graph, the backward sweep, and a thread's modes.

`value` is compiled by Cython where a C compiler is at hand and runs as plain Python elsewhere.
"""
