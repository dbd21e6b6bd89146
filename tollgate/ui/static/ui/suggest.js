// <input data-suggest="/address/">: offers values for what is typed; the address answers {offers: [{value, words}]}.
// With data-suggest-first it offers some as soon as the empty field is clicked.
// With data-suggest-with="name" the address is told what stands in the form's field of that name.
// With data-suggest-several it takes values with semicolons between: the last is completed, one with a semicolon quoted.

const SUGGEST_AFTER_MS = 150;
let suggestionLists = 0;

document.addEventListener("input", (event) => {
  const input = event.target;
  if (!input.matches?.("input[data-suggest]")) return;
  clearTimeout(input.waiting);
  input.waiting = setTimeout(() => suggestNames(input), SUGGEST_AFTER_MS);
});

document.addEventListener("click", async (event) => {
  const input = event.target;
  if (!input.matches?.("input[data-suggest-first]") || input.value || input.disabled || input.readOnly) return;
  await suggestNames(input);
  try { input.showPicker(); } catch { /* the browser opens lists by a key alone */ }
});

async function suggestNames(input) {
  const whole = input.value, several = "suggestSeveral" in input.dataset;
  const before = several ? whole.match(/^(?:\s*(?:"[^"]*"\s*|[^";]*);)*\s*/)[0] : "";
  const typed = whole.slice(before.length).replace(several ? /^"/ : "", "").trim();
  if (!input.list) {
    const list = Object.assign(document.createElement("datalist"), {id: `suggestions-${++suggestionLists}`});
    input.after(list);
    input.setAttribute("list", list.id);
  }
  const address = new URL(input.dataset.suggest, location);
  address.searchParams.set("q", typed);
  const beside = input.form?.elements.namedItem(input.dataset.suggestWith ?? "");
  if (beside) address.searchParams.set(beside.name, beside.value);
  const answer = typed || "suggestFirst" in input.dataset ? await fetch(address) : null;
  if (input.value !== whole || (answer && !answer.ok)) return;   // typed on meanwhile
  const {offers} = answer ? await answer.json() : {offers: []};
  input.list.replaceChildren(...offers.map(({value, words}) => Object.assign(document.createElement("option"), {value: before + (several && /^"|;/.test(value) ? `"${value.replaceAll('"', '""')}"` : value), label: words ? `${value} · ${words}` : value})));
}
