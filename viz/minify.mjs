// Writes viz/static/minified.json: the player's modules without what only people need, by terser (docs/package.json).
// viz/page.py takes them from there while their hash is that of the sources, and the sources otherwise.
//
// `make generate`, or node viz/minify.mjs [folder with node_modules, docs by default]
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const packages = process.argv[2] ? `${process.argv[2]}/` : new URL("../docs/", import.meta.url);
const { minify } = createRequire(new URL("x", new URL(packages, "file:///")))("terser");
const here = new URL(".", import.meta.url), folder = new URL("static/", here);
const names = readdirSync(folder).filter((name) => name.endsWith(".js")).sort().map((file) => file.slice(0, -3));
const sources = names.map((name) => readFileSync(new URL(`${name}.js`, folder), "utf8"));

// What others call by its name: the calculus and the sentences are made by Python, the rest is called from a page.
const KEPT = ["valueOf", "partialsOf", "foldsOf", "isLive", "SENTENCES", "mountNext", "playgroundNext", "module_"];
const OTHERS = ["constructor", "render"]; // JavaScript's and anywidget's
const KEYS = ["edge", "edges", "offset", "parts", "running", "steps", "tail", "term", "texts", "told", "upward"]; // of the modules' objects
// The modules' own too, though the browser has such names, or a string is spelled so.
const OURS = [
  "Regrouping", "algorithm", "buttons", "cache", "change", "changed", "computed", "count", "destroy", "details",
  "element", "end", "focusNode", "graph", "group", "groups", "heading", "inputs", "keepCourse", "keyboard",
  "label", "learning", "light", "links", "nodes", "notice", "onReset", "opened", "output", "panel", "pause",
  "payload", "play", "position", "quiet", "rank", "readable", "real", "refresh", "reset", "restore",
  "rows", "save", "scale", "search", "sections", "seen", "select", "selected", "show", "slider", "slope",
  "speed", "state", "text", "tools", "view", "watch", "weight", "write", "xLabel", "zoom",
];

// Names of the classes' own methods and attributes, which nothing but the modules knows.
function ownNames() {
  const text = sources.join("\n").replace(/\/\/.*$/gm, "");
  const all = (pattern, where = text) => [...where.matchAll(pattern)].map((found) => found[1]);
  const python = ["columns", "playground"].map((name) => readFileSync(new URL(`${name}.py`, here), "utf8")).join("\n");
  const attributes = all(/\b(?:make|svgElement)\(\s*"[\w.]+", ([^]*?)\)/g).join("\n");
  const told = readFileSync(new URL("sentences.json", folder), "utf8");
  const written = [...all(/"(\w+)":/g, python + told), ...all(/\{(\w+)\}/g, told)]; // keys of what Python writes, words in sentences
  const wrong = OURS.filter((name) => written.includes(name));
  if (wrong.length) throw new Error(`not the modules' own alone: ${wrong}`);
  const known = new Set([
    ...written,
    ...OTHERS,
    ...all(/\b(?:dataset|event|style|model)\.(\w+)/g), // the browser's and the kernel's
    ...all(/(\w+):/g, attributes),
    ...all(/["'](\w+)["']/g), // and what may be a key that is computed
  ]);
  return [...KEYS, ...all(/^  (?:get |async )?(\w+)\([^)]*\) \{$/gm), ...all(/this\.(\w+)/g)].filter((name) => !known.has(name));
}

// Each module after those that it imports.
function inOrder() {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name) || !names.includes(name)) return;
    for (const [, needed] of sources[names.indexOf(name)].matchAll(/^import .*"\.\/(\w+)\.js";$/gm)) visit(needed);
    found.add(name);
  };
  names.forEach(visit);
  return [...found];
}

// All in one go, so that short names are given out once: module_() says where each begins.
const alone = (name) => sources[names.indexOf(name)].replace(/^import [^;]*;\n/gm, "").replace(/^export (?!default)/gm, "");
const ALIASES = Object.fromEntries(["Math.max", "Math.min", "Math.abs", "Number.isFinite", "Number.isNaN", "Object.is", "Object.assign", "Object.values", "Object.entries", "Object.fromEntries"].map((name) => [name, `${name.split(".")[1]}_`]));
const shortened = (text) => text.replace(new RegExp(`\\b(?:${Object.keys(ALIASES).join("|")})\\b`, "g"), (name) => ALIASES[name]);
const together = `const ${Object.entries(ALIASES).map(([name, short]) => `${short} = ${name}`).join(", ")};${shortened(inOrder().map((name) => `module_("${name}");\n${alone(name)}`).join(""))}`;
const of = (names) => new RegExp(`^(?:${names.join("|")})$`);
const { code: marked } = await minify(together, { compress: false, mangle: { properties: { builtins: true, debug: "", regex: of(OURS) } } });
const { code: small } = await minify(marked, {
  compress: { passes: 3, unsafe_arrows: true, toplevel: true, top_retain: KEPT },
  mangle: { toplevel: true, reserved: KEPT, properties: { regex: of([...ownNames(), "_[$]\\w+[$]_"]) } },
  ecma: 2022,
});
const code = small.replace(/\bconst\b(?=[ [{])/g, "let");
const [before, ...parts] = code.split(/\bmodule_\("(\w+)"\)[;,]/);
parts[1] = before + parts[1]; // functions come first
const modules = Object.fromEntries(names.map((name) => [name, parts[2 * inOrder().indexOf(name) + 1].replace(/,$/, ";")]));
const sha256 = createHash("sha256").update(sources.join("\0")).digest("hex");
writeFileSync(new URL("minified.json", folder), `${JSON.stringify({ sha256, modules }, null, 1)}\n`);
