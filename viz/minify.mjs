// Writes viz/static/minified.json: the player's modules without what only people need, by terser (docs/package.json).
// viz/page.py takes a module from there while its hash is that of the source, and the source otherwise.
//
// `make generate`, or node viz/minify.mjs [folder with node_modules, docs by default]
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const packages = process.argv[2] ? `${process.argv[2]}/` : new URL("../docs/", import.meta.url);
const { minify } = createRequire(new URL("x", new URL(packages, "file:///")))("terser");
const folder = new URL("static/", import.meta.url);
const options = { compress: { passes: 3, unsafe_arrows: true }, mangle: true, ecma: 2022, format: { ecma: 2022 } };
const found = {};
for (const file of readdirSync(folder).filter((name) => name.endsWith(".js")).sort()) {
  const source = readFileSync(new URL(file, folder), "utf8");
  // the modules are put one after the other: their own names stay, see viz/page.py
  const alone = source.replace(/^import [^;]*;\n/gm, "").replace(/^export (?!default)/gm, "");
  const { code } = await minify(alone, options);
  found[file.slice(0, -3)] = { sha256: createHash("sha256").update(source).digest("hex"), code };
}
writeFileSync(new URL("minified.json", folder), `${JSON.stringify(found, null, 1)}\n`);
