// The forms of endpoints: rows of rewrites, and a picker of the numbers in a customer's blocks.

for (const table of document.querySelectorAll("[data-rewrites]")) {
  const body = table.tBodies[0], blank = body.rows[body.rows.length - 1].cloneNode(true);
  const add = table.closest("fieldset, .field").querySelector("[data-add-row]");
  const changed = () => table.dispatchEvent(new Event("input", {bubbles: true}));
  add.hidden = false;
  add.addEventListener("click", () => {
    const row = body.appendChild(blank.cloneNode(true));
    row.querySelector("select").focus();
  });
  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remove-row]");
    if (!button) return;
    button.closest("tr").remove();
    if (!body.rows.length) body.append(blank.cloneNode(true));
    changed();
  });
}

class Numbers {
  constructor(input) {
    this.input = input;
    this.list = Object.assign(document.createElement("div"), {className: "numbers"});
    this.ways = Object.assign(document.createElement("div"), {className: "numbers-ways"});
    this.list.setAttribute("role", "group");
    this.list.setAttribute("aria-label", "Numbers, used and free");
    input.after(this.ways, this.list);
    this.list.addEventListener("click", (event) => this.take(event.target.closest("button")));
    input.addEventListener("input", () => this.mark());
    this.show(Number(input.value) || 0);
  }

  async show(first) {
    const answer = await fetch(`${this.input.dataset.numbers}?first=${first}`, {headers: {Accept: "application/json"}});
    if (!answer.ok) return;
    const found = await answer.json(), numbers = found.numbers;
    if (!numbers.length) return;
    const start = numbers[0].number, end = numbers[numbers.length - 1].number;
    const block = found.blocks.find((one) => one.first <= start && start <= one.last);
    this.ways.replaceChildren(...found.blocks.map((one) => this.way(`${one.first}\u2013${one.last}`, one.first, one === block)));
    if (start > block.first) this.ways.append(this.way("Before", Math.max(block.first, start - numbers.length), false));
    if (end < block.last) this.ways.append(this.way("After", end + 1, false));
    this.list.replaceChildren(...numbers.map((one) => this.number(one)));
    this.mark();
  }

  way(words, first, current) {
    const button = Object.assign(document.createElement("button"), {type: "button", className: "btn btn-sm", textContent: words});
    if (current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => this.show(first));
    return button;
  }

  number({number, used}) {
    const button = Object.assign(document.createElement("button"), {type: "button", textContent: number, disabled: used});
    button.title = used ? "Used" : "Free";
    return button;
  }

  take(button) {
    if (!button) return;
    this.input.value = button.textContent;
    this.input.dispatchEvent(new Event("input", {bubbles: true}));
  }

  mark() {
    for (const button of this.list.children) button.setAttribute("aria-pressed", String(button.textContent === this.input.value));
  }
}

for (const input of document.querySelectorAll("input[data-numbers]")) new Numbers(input);
