// <pivot-table data-url="/address/of/groups/">: the groups of a breakout or a list as rows by columns, worked out in the
// browser, at once or when the <details> that it stands in is opened.
//
// Sums are whole numbers (BigInt); a ratio is made of the sums of its parts, for every cell, subtotal and total alike, and
// rounded once. Amounts of two currencies are never added: a cell tells each; a part that is null has none of a group's
// currency. The choice stands in the address.

const PIVOT_AXES = [["rows", say("Rows")], ["columns", say("Columns")], ["", say("Added together")]];
const PIVOT_TOTAL = say("Total");

class PivotTable extends HTMLElement {
  connectedCallback() {
    this.found = (name) => this.querySelector(`[data-${name}]`);
    const fold = this.closest("details");
    fold?.addEventListener("toggle", () => { if (fold.open) this.load(); });
    this.addEventListener("change", () => this.draw());
    this.found("copy").addEventListener("click", () => this.copy());
    this.found("save").addEventListener("click", () => this.save());
    if (!fold) this.load();
    else if (new URLSearchParams(location.search).has("pivot")) fold.open = true;
  }

  async load() {
    if (this.told) return;
    const answer = await fetch(this.dataset.url).catch(() => null);
    if (!answer?.ok) return this.tell(say("The groups could not be read. Load the page again."));
    this.told = await answer.json();
    this.groups = this.told.groups.map(({keys, currency, parts}) => ({keys, currency, parts: parts.map((part) => (part === null ? null : BigInt(part)))}));
    this.choose();
    this.draw();
  }

  tell(words) { this.found("status").textContent = words; }

  // What stands where, as lists to choose from

  choose() {
    const {dimensions, measures} = this.told, kept = new URLSearchParams(new URLSearchParams(location.search).get("pivot") ?? "");
    const usual = (place) => (place === 0 || place < dimensions.length - 1 ? "rows" : "columns");
    const lists = dimensions.map(({name, title}, place) => this.list(title, PIVOT_AXES, kept.get(name) ?? (dimensions.length === 1 ? "rows" : usual(place)), {dimension: name}));
    const figures = measures.map(({name, title}) => [name, title]);
    lists.push(this.list(say("Figure"), figures, kept.get("figure") ?? this.told.figure, {figure: ""}));
    this.found("choices").replaceChildren(...lists);
    this.found("subtotals").checked = kept.get("subtotals") !== "no";
  }

  list(title, options, value, data) {
    const label = Object.assign(document.createElement("label"), {className: "form-label", textContent: title});
    const select = Object.assign(document.createElement("select"), {className: "form-select"});
    select.append(...options.map(([name, words]) => new Option(words, name)));
    select.setAttribute("aria-label", "figure" in data ? title : say("{title} stands in", {title}));
    Object.assign(select.dataset, data);
    if (options.some(([name]) => name === value)) select.value = value;
    label.append(select);
    return label;
  }

  chosen(axis) {
    return this.told.dimensions.map(({title}, place) => ({title, place})).filter(({place}) => this.lists()[place].value === axis);
  }

  lists() { return [...this.querySelectorAll("select[data-dimension]")]; }

  keep() {
    const kept = new URLSearchParams(this.lists().map((list) => [list.dataset.dimension, list.value]));
    kept.set("figure", this.found("figure").value);
    if (!this.found("subtotals").checked) kept.set("subtotals", "no");
    const address = new URL(location.href);
    address.searchParams.set("pivot", kept);
    history.replaceState(null, "", address);
  }

  // The sums of every cell: by the keys of its row and column, and by currency

  sums(rows, columns) {
    const cells = new Map();
    const add = (row, column, group) => {
      const place = JSON.stringify([row, column]), known = cells.get(place) ?? new Map();
      const parts = known.get(group.currency) ?? group.parts.map(() => null);
      known.set(group.currency, parts.map((part, index) => added(part, group.parts[index])));
      cells.set(place, known);
    };
    for (const group of this.groups) {
      const row = rows.map(({place}) => group.keys[place]), column = columns.map(({place}) => group.keys[place]);
      for (let depth = 0; depth <= row.length; depth++) {
        add(row.slice(0, depth), column, group);
        if (column.length) add(row.slice(0, depth), [], group);
      }
    }
    return (row, column) => cells.get(JSON.stringify([row, column])) ?? new Map();
  }

  // The keys along an axis in the order of the server; with subtotals after each part

  lines(axis, subtotals) {
    const seen = new Map();
    for (const {keys} of this.groups) {
      const line = axis.map(({place}) => keys[place]);
      seen.set(JSON.stringify(line), line);
    }
    const known = [...seen.values()].sort((one, other) => this.before(one, other)), lines = [];
    known.forEach((line, place) => {
      lines.push(line);
      for (let depth = axis.length - 1; subtotals && depth > 0; depth--) {
        const next = known[place + 1];
        if (!next || JSON.stringify(next.slice(0, depth)) !== JSON.stringify(line.slice(0, depth))) lines.push(line.slice(0, depth));
      }
    });
    return lines;
  }

  before(one, other) {
    const place = one.findIndex((key, index) => key !== other[index]);
    return place < 0 ? 0 : one[place] === "" ? 1 : other[place] === "" ? -1 : one[place] < other[place] ? -1 : 1;
  }

  draw() {
    if (!this.told) return;
    this.keep();
    if (this.told.problem) return this.tell(this.told.problem);
    const rows = this.chosen("rows"), columns = this.chosen("columns");
    const figure = this.told.measures.find(({name}) => name === this.found("figure").value);
    const sums = this.sums(rows, columns), width = this.width = Math.max(rows.length, 1);
    const across = [...(columns.length ? this.lines(columns, false) : []), []];
    const down = [...(rows.length ? this.lines(rows, this.found("subtotals").checked) : []), []];
    const heads = rows.length ? rows.map(({title}) => title) : [""];
    const titles = [...heads, ...across.map((line) => (line.length ? line.map(keyText).join(" / ") : columns.length ? PIVOT_TOTAL : figure.title))];
    this.table = [titles, ...down.map((line) => [...this.heading(line, rows.length, width), ...across.map((column) => this.told_of(figure, sums(line, column)))])];
    this.show(width, down.map((line) => line.length < rows.length || !rows.length));
    const count = this.groups.length, told = count === 1 ? say("{figure}: 1 group", {figure: figure.title}) : "";
    this.tell(told || say("{figure}: {count} groups", {figure: figure.title, count: numeral(count.toLocaleString("en"))}));
  }

  heading(line, depth, width) {
    const told = line.map(keyText);
    if (line.length < depth || !depth) told.push(line.length ? say("Total of {name}", {name: keyText(line.at(-1))}) : PIVOT_TOTAL);
    return Array.from({length: width}, (_, place) => told[place] ?? "");
  }

  told_of(figure, known) {
    const part = (parts, name) => parts[this.told.parts.indexOf(name)];
    const told = (parts) => {
      if (part(parts, figure.over) === null) return "";
      const over = part(parts, figure.over) * BigInt(figure.times);
      if (figure.under) return ratioText(over, part(parts, figure.under) * BigInt(figure.divided), figure.places);
      return figure.money ? amountText(over) : String(over / BigInt(figure.whole_of));
    };
    if (!figure.by_currency) return known.size ? told([...known.values()].reduce((one, other) => one.map((value, place) => added(value, other[place])))) : "";
    const each = [...known].sort(([one], [other]) => (one < other ? -1 : 1)).map(([code, parts]) => [told(parts), code]);
    const some = each.filter(([text, code]) => code && text !== "");
    return some.map(([text, code]) => `${text} ${code}`).join("\n");
  }

  show(width, bold) {
    const table = document.createElement("table"), [titles, ...lines] = this.table;
    table.className = "plain-table";
    const decimals = /(?<=\d\.)\d+/g; // shown with as many each, the points below each other; copied as they are
    const most = lines.flatMap((cells) => cells.slice(width).join(" ").match(decimals) ?? []).reduce((one, other) => Math.max(one, other.length), 0);
    const shown = (text, place) => (place < width ? text : text.replace(decimals, (found) => found.padEnd(most, "0")).split("\n").map(numeral).join("\n"));
    const line = (cells, name, strong) => {
      const row = document.createElement("tr");
      row.className = strong ? "pivot-total" : "";
      row.append(...cells.map((text, place) => Object.assign(document.createElement(name === "th" || place < width ? "th" : "td"), {textContent: name === "th" ? text : shown(text, place), className: place < width ? "" : "num", scope: name === "th" ? "col" : place < width ? "row" : ""})));
      for (const cell of row.querySelectorAll("td")) cell.removeAttribute("scope");
      return row;
    };
    table.createTHead().append(line(titles, "th", false));
    table.createTBody().append(...lines.map((cells, place) => line(cells, "td", bold[place])));
    this.found("result").replaceChildren(table);
  }

  // Every title and every key of a row is a name, whoever made it up; the rest are figures of ours.
  cells(written) { return this.table.map((cells, line) => cells.map((cell, place) => written(line === 0 || place < this.width ? harmless(cell) : cell))); }

  async copy() {
    if (!this.table) return;
    const text = this.cells(onOneLine).map((cells) => cells.join("\t")).join("\n");
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else {   // a page on plain http has no clipboard API
      const box = Object.assign(document.createElement("textarea"), {value: text});
      document.body.append(box); box.select(); document.execCommand("copy"); box.remove();
    }
    this.tell(say("Copied."));
  }

  save() {
    if (!this.table) return;
    const text = this.cells((cell) => `"${cell.replaceAll('"', '""')}"`).map((cells) => cells.join(",")).join("\r\n");
    const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(new Blob([`${text}\r\n`], {type: "text/csv"})), download: "pivot.csv"});
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

const added = (one, other) => (one === null ? other : other === null ? one : one + other);

const keyText = (key) => (key === "" ? say("none") : key);

// The amounts of several currencies stand below each other; a tab or the end of a line in a name would begin a cell.
function onOneLine(text) { return text.replace(/[\t\r\v\f]+/g, " ").replaceAll("\n", "; "); }

// A spreadsheet would run a name that begins so as a formula.
function harmless(text) { return /^[-=+@\t\r]/.test(text) ? `'${text}` : text; }

function amountText(micros) { return exactText(micros, 6).replace(/0{1,4}$/, ""); }

// Halves away from zero, as the server rounds (core/summaries.py).
function ratioText(over, under, places) {
  if (under === 0n) return "";
  const size = (value) => (value < 0n ? -value : value), scaled = size(over) * 10n ** BigInt(places);
  const whole = (2n * scaled + size(under)) / (2n * size(under));
  return exactText(over < 0n !== under < 0n ? -whole : whole, places);
}

function exactText(value, places) {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, "0"), cut = digits.length - places;
  return `${value < 0n ? "-" : ""}${digits.slice(0, cut)}.${digits.slice(cut)}`;
}

customElements.define("pivot-table", PivotTable);
