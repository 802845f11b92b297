// Reads a chosen file of results before it is sent, with the server's own reader, and shows what it
// would become. The page is complete without this: "Check only" sends the file and shows the same.
const checked = document.getElementById("checked");
const region = document.getElementById("preview");
const said = document.getElementById("reading");
const form = said.closest("form");
const around = once(() => text(region.dataset.around));
const reader = once(async () => {
  const module = await import("/assets/pkg/reader.js");
  await module.default({ module_or_path: "/assets/pkg/reader_bg.wasm" });
  return module;
});
let turn = 0;

// What failed once may be there the next time.
function once(make) {
  let made;
  return () => (made ??= make().catch((error) => { made = undefined; throw error; }));
}

async function text(address) {
  // Whoever was signed out meanwhile is led to a page, which is no answer.
  const answer = await fetch(address, { redirect: "error" });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.text();
}

async function look(mine) {
  const { file, kind, format, dataset, evaluated_at, spec } = form.elements;
  const chosen = file.files[0];
  // What the server said was of another file.
  checked.replaceChildren();
  region.replaceChildren();
  said.textContent = "";
  if (kind.value === "predictions") {
    if (!chosen) return;
    const found = JSON.parse((await reader()).check_spec(spec.value));
    if (mine === turn) tell(found);
    return;
  }
  if (!chosen) return;
  if (chosen.size > Number(region.dataset.most)) {
    said.textContent = "This file is large: the server reads it when it is sent.";
    return;
  }
  said.textContent = `Reading ${chosen.name}…`;
  const [known, it] = await Promise.all([around(), reader()]);
  const bytes = new Uint8Array(await chosen.arrayBuffer());
  // The reader keeps one file: an earlier one that comes late must not take the place of this one.
  if (mine !== turn) return;
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    said.textContent = "This is an archive: the server unpacks it when it is sent.";
    return;
  }
  const asked = {
    format: format.value,
    dataset: dataset.value,
    evaluated_at: evaluated_at.value,
    received_at: new Date().toISOString(),
  };
  let found = JSON.parse(it.read(bytes, JSON.stringify(asked), known));
  if (!found.html) {
    const before = found.before ? await text(found.before) : undefined;
    if (mine !== turn) return;
    found = JSON.parse(it.show(before));
  }
  if (mine === turn) tell(found);
}

// The page's own views made the markup; they escape every text that the file holds.
function tell(found) {
  said.textContent = found.said;
  region.innerHTML = found.html;
}

form.addEventListener("change", () => {
  const mine = ++turn;
  look(mine).catch((error) => {
    if (mine !== turn) return;
    said.textContent = "It could not be read here; the server reads it when it is sent.";
    console.warn(error);
  });
});
