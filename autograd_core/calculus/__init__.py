"""The calculus: each operation's value and partials, written once, and what is generated from them.

`operations` holds one row an operation, in the vocabulary of `primitives`. Called with `symbols`, a row
writes the C text that `codegen` prints into ``operations.h``, and the formulas that people read.
"""
