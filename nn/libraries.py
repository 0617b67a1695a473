"""Whose code is looked into: all but Python's, ours, and that of packages which are known to train nothing.

Another package that was installed may be the user's own, with models, losses and optimizers in it.
"""

from __future__ import annotations

import sys
from typing import Any

from autograd_core.libraries import library_of

__all__ = ["of_a_library"]

_KNOWN = {
    "autograd_core", "nn", "viz", *sys.stdlib_module_names,
    "IPython", "PIL", "_pytest", "bokeh", "cupy", "dask", "distributed", "hypothesis", "ipykernel",
    "ipywidgets", "jax", "jaxlib", "joblib", "keras", "matplotlib", "mlflow", "networkx", "numba",
    "numpy", "pandas", "plotly", "pluggy", "polars", "pyarrow", "pytest", "requests", "rich",
    "safetensors", "scipy", "seaborn", "skimage", "sklearn", "skorch", "statsmodels", "sympy",
    "tensorboard", "tensorflow", "torch", "torchvision", "tqdm", "wandb", "xarray",
}  # fmt: skip


def of_a_library(thing: Any) -> bool:
    """Is it a function, class or module that need not be looked into?"""
    return library_of(thing) in _KNOWN
