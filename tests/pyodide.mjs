// Python in WebAssembly: run the engine's tests that need no NumPy under Pyodide, in Node.js.
// node tests/pyodide.mjs <folder with pytest installed> [test files]

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const { loadPyodide } = await import(join(top, "docs", "node_modules", "pyodide", "pyodide.mjs"));
const [site, ...chosen] = process.argv.slice(2);

const python = await loadPyodide({ env: { HOME: "/home/pyodide", AUTOGRAD_UNCOMPILED: "1" } });
for (const [folder, place] of [[top, "/project"], [site, "/site"]]) {
  python.FS.mkdirTree(place);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: folder }, place);
}
python.globals.set("chosen", python.toPy(chosen));
// pytest comes before the engine: an installed checkout's plugin has it rewrite the engine's assertions,
// and it warns of what was imported already.
const tests = `
import os, sys
sys.path[:0] = ["/project", "/site"]
os.chdir("/project")
sys.dont_write_bytecode = True
import pytest
failed = int(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", *chosen]))
import autograd_core
assert not autograd_core.COMPILED and sys.platform == "emscripten"
failed
`;
try {
  process.exitCode = await python.runPythonAsync(tests);
} catch (error) {
  console.log(error.message); // Python's traceback; Node.js would print the interpreter's whole source with it
  process.exitCode = 1;
}
