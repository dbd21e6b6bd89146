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

// A field takes one number, or with data-many a text of many: 2000-2049, 2060.
class Numbers {
  constructor(input) {
    this.input = input;
    this.many = "many" in input.dataset;
    this.list = Object.assign(document.createElement("div"), {className: "numbers"});
    this.ways = Object.assign(document.createElement("div"), {className: "numbers-ways"});
    this.list.setAttribute("role", "group");
    this.list.setAttribute("aria-label", say("Numbers, used and free"));
    input.after(this.ways, this.list);
    this.list.addEventListener("click", (event) => this.take(event.target.closest("button")));
    input.addEventListener("input", () => this.mark());
    this.show(parseInt(input.value, 10) || 0);
  }

  async show(first) {
    const answer = await fetch(`${this.input.dataset.numbers}?first=${first}`, {headers: {Accept: "application/json"}});
    if (!answer.ok) return;
    const found = await answer.json(), numbers = found.numbers;
    if (!numbers.length) return;
    const start = numbers[0].number, end = numbers[numbers.length - 1].number;
    const block = found.blocks.find((one) => one.first <= start && start <= one.last);
    this.ways.replaceChildren(...found.blocks.map((one) => this.way(`${one.first}\u2013${one.last}`, one.first, one === block)));
    if (start > block.first) this.ways.append(this.way(say("Before"), Math.max(block.first, start - numbers.length), false));
    if (end < block.last) this.ways.append(this.way(say("After"), end + 1, false));
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
    const disabled = used && !(this.many && this.chosen().has(number));
    const button = Object.assign(document.createElement("button"), {type: "button", textContent: number, disabled});
    button.title = used ? say("Used") : say("Free");
    return button;
  }

  take(button) {
    if (!button) return;
    this.input.value = this.many ? this.toggled(Number(button.textContent)) : button.textContent;
    this.input.dispatchEvent(new Event("input", {bubbles: true}));
  }

  chosen() {
    const found = new Set();
    for (const [, first, last] of this.input.value.matchAll(/(\d{1,12})(?:\s*[-\u2013]\s*(\d{1,12}))?/g)) {
      const end = Math.min(Number(last ?? first), Number(first) + 9999);
      for (let number = Number(first); number <= end; number++) found.add(number);
    }
    return found;
  }

  toggled(number) {
    const found = this.chosen(), spans = [];
    if (!found.delete(number)) found.add(number);
    for (const one of [...found].sort((a, b) => a - b)) {
      const span = spans[spans.length - 1];
      if (span && span[1] === one - 1) span[1] = one;
      else spans.push([one, one]);
    }
    return spans.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
  }

  mark() {
    const found = this.many ? this.chosen() : new Set([Number(this.input.value)]);
    if (!this.input.value) found.clear();
    for (const button of this.list.children) button.setAttribute("aria-pressed", String(found.has(Number(button.textContent))));
  }
}

for (const input of document.querySelectorAll("input[data-numbers]")) new Numbers(input);
