"""The module makes methods of the node: see `value.pyi`."""

COMPILED: bool
