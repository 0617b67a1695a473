"""Run the code generator: ``python autograd_core/calculus/generate.py``.

It does without the engine, which may be waiting for what is generated: only the modules of `calculus` load.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    package = Path(__file__).parents[1]
    bare = ModuleType(package.name)
    bare.__path__ = [str(package)]
    sys.modules[package.name] = bare
    importlib.import_module(f"{package.name}.calculus.codegen").main()
