// Brings the islands of a page to life. The page is complete without this: when anything here
// fails, it stays as the server sent it.
//
// Islands nest: an island's children belong to its parent's scope, which the parent leaves as
// `$$on_hydrate` on the `leptos-children` element round them.
const scopes = [];

async function walk(node, islands) {
  const tag = node.localName;
  if (tag === "leptos-island") {
    const start = islands[node.dataset.component];
    if (start) {
      scopes.at(-1)?.();
      await start(node);
    } else {
      console.warn(`no island is called ${node.dataset.component}`);
    }
  }
  if (tag === "leptos-children") scopes.push(node.$$on_hydrate);
  for (const child of [...node.children]) await walk(child, islands);
  if (tag === "leptos-children") scopes.pop();
}

async function start() {
  const islands = await import("/assets/pkg/evenhand.js");
  await islands.default({ module_or_path: "/assets/pkg/evenhand_bg.wasm" });
  islands.hydrate();
  await walk(document.body, islands);
  document.documentElement.dataset.islands = "ready";
}

start().catch((error) => console.warn("the islands stay plain:", error));
