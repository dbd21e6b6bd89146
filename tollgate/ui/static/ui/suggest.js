// <input data-suggest="/address/">: offers values for what is typed; the address answers {offers: [{value, words}]}.

const SUGGEST_AFTER_MS = 150;
let suggestionLists = 0;

document.addEventListener("input", (event) => {
  const input = event.target;
  if (!input.matches?.("input[data-suggest]")) return;
  clearTimeout(input.waiting);
  input.waiting = setTimeout(() => suggestNames(input), SUGGEST_AFTER_MS);
});

async function suggestNames(input) {
  const typed = input.value.trim();
  if (!input.list) {
    const list = Object.assign(document.createElement("datalist"), {id: `suggestions-${++suggestionLists}`});
    input.after(list);
    input.setAttribute("list", list.id);
  }
  const answer = typed ? await fetch(`${input.dataset.suggest}?${new URLSearchParams({q: typed})}`) : null;
  if (input.value.trim() !== typed || (answer && !answer.ok)) return;   // typed on meanwhile
  const {offers} = answer ? await answer.json() : {offers: []};
  input.list.replaceChildren(...offers.map(({value, words}) => Object.assign(document.createElement("option"), {value, label: words ? `${value} · ${words}` : value})));
}
