// The lines of a credit note: found by their words, and filled with all that is left of them, or emptied.

const tools = document.querySelector("[data-credit-tools]"), inputs = [...document.querySelectorAll("input[data-left]")];
const search = tools.querySelector("input"), output = tools.querySelector("output");

function fieldOf(input) { return input.closest(".field"); }

function find() {
  const wanted = search.value.trim().toLowerCase();
  for (const input of inputs) fieldOf(input).hidden = !input.labels[0].textContent.toLowerCase().includes(wanted);
  const shown = inputs.filter((input) => !fieldOf(input).hidden).length;
  output.textContent = say("{shown} of {total}", {shown: String(shown), total: String(inputs.length)});
}

function fill(all) {
  for (const input of inputs) {
    if (fieldOf(input).hidden) continue;
    input.value = all && /[1-9]/.test(input.dataset.left) ? input.dataset.left : "";
    input.dispatchEvent(new Event("input", {bubbles: true}));
  }
}

search.addEventListener("input", find);
search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
for (const button of tools.querySelectorAll("[data-credit]")) button.addEventListener("click", () => fill(button.dataset.credit === "all"));
if (inputs.length > 1) {
  fieldOf(inputs[0]).before(tools);
  tools.hidden = false;
  find();
}
