// <data-grid>: spreadsheet manners for a table the server has rendered.
//
// The table stays plain HTML: the server sorts, filters, pages, formats and exports. Rows that come later: loading.js.
// This element only adds what needs a pointer or a keyboard:
//   drag, shift or ctrl over cells    choose one or more rectangles
//   click a column title              choose the whole column of this page
//   arrows, Home, End, shift, ctrl+A  move, stretch, choose all; Escape forgets
//   Space, Enter                      tick the row, follow the cell's link
//   ctrl+C, ctrl+shift+C              copy, copy with headers
//   right-click                       copy, copy with headers and with the headings of groups, export
//   drag a title's right edge         set the column's width (kept in this browser)
//
// A sum is shown only when every chosen number is of one column and one unit: amounts of two currencies, or seconds
// and amounts, are never added together. Ratios are not averaged: theirs is made anew from what they are made of.

const HINT = say("Choose cells of one column to see their sum");
const EDGE_PX = 6, LEAST_PX = 40;

class DataGrid extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => this.moveColumn(event));
    this.addEventListener("submit", (event) => this.chooseColumns(event));
    this.table = this.querySelector("table[role=grid]");
    if (!this.table) return;
    this.rectangles = [];   // {top, bottom, left, right}, inclusive; the last one is live
    this.body = this.table.tBodies[0];
    this.lines = [...this.body.rows].filter((row) => !row.classList.contains("grid-group"));   // not the headings of groups
    this.titles = [...[...this.table.tHead.rows].at(-1).cells];
    this.first = this.titles[0].classList.contains("tick") ? 1 : 0;
    this.head = {row: 0, column: this.first};
    this.cell(this.head).tabIndex = 0;
    for (const [event, act] of [["pointerdown", this.press], ["pointerover", this.drag], ["contextmenu", this.menu], ["keydown", this.key]]) {
      this.table.addEventListener(event, act.bind(this));
    }
    this.addEventListener("change", (event) => this.check(event));
    this.restoreWidths();
    this.paint();
    if ("loadsOn" in this.dataset) loadOn(this);
  }

  cell({row, column}) { return this.lines[row].cells[column]; }

  // Choosing cells

  place(target) {
    const cell = target.closest?.("tbody td");
    return cell && cell.cellIndex >= this.first ? {row: this.lines.indexOf(cell.parentNode), column: cell.cellIndex} : null;
  }

  press(event) {
    if (event.button !== 0 || event.target.closest("a, input, button")) return;
    const title = event.target.closest("th[data-name]"), at = this.place(event.target), add = event.ctrlKey || event.metaKey;
    if (title && event.clientX > title.getBoundingClientRect().right - EDGE_PX) this.resize(event, title);
    else if (title) this.choose({row: 0, column: title.cellIndex}, {row: this.lines.length - 1, column: title.cellIndex}, add);
    else if (at && event.shiftKey && this.anchor) this.choose(this.anchor, at, false);
    else if (at) this.choose(at, at, add);
  }

  drag(event) {
    // A finger scrolls; only a mouse or a pen draws rectangles.
    const at = event.buttons === 1 && event.pointerType !== "touch" && this.anchor && !this.sizing && this.place(event.target);
    if (at) { this.rectangles.pop(); this.choose(this.anchor, at, true); }
  }

  key(event) {
    const ctrl = event.ctrlKey || event.metaKey, last = {row: this.lines.length - 1, column: this.titles.length - 1};
    if (!this.place(event.target)) return;
    if (ctrl && event.key.toLowerCase() === "c") this.copy(event.shiftKey ? "titled" : "plain");
    else if (ctrl && event.key.toLowerCase() === "a") this.choose({row: 0, column: this.first}, last, false);
    else if (event.key === "Escape") { this.rectangles = []; this.paint(); }
    else if (event.key === " ") this.lines[this.head.row].querySelector("input[name=id]")?.click();
    else if (event.key === "Enter") this.cell(this.head).querySelector("a")?.click();
    else if (!this.move(event, ctrl, last)) return;
    event.preventDefault();
  }

  move(event, ctrl, last) {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-20, 0], PageDown: [20, 0], Home: [ctrl ? -last.row : 0, -last.column], End: [ctrl ? last.row : 0, last.column]}[event.key];
    if (!step) return false;
    const from = this.head, within = (value, least, most) => Math.min(Math.max(value, least), most);
    const to = {row: within(from.row + step[0], 0, last.row), column: within(from.column + step[1], this.first, last.column)};
    this.choose(event.shiftKey ? this.anchor ?? from : to, to, false);
    return true;
  }

  choose(from, to, add) {
    if (!add) this.rectangles = [];
    this.cell(this.head).tabIndex = -1;
    this.anchor = from; this.head = to;
    this.cell(to).tabIndex = 0;
    this.cell(to).focus({preventScroll: true});
    if (from !== to) this.cell(to).scrollIntoView({block: "nearest", inline: "nearest"});
    this.rectangles.push({top: Math.min(from.row, to.row), bottom: Math.max(from.row, to.row), left: Math.min(from.column, to.column), right: Math.max(from.column, to.column)});
    this.paint();
  }

  * rows(area) { for (let y = area.top; y <= area.bottom; y++) yield [...this.lines[y].cells].slice(area.left, area.right + 1); }

  paint() {
    const chosen = new Set(this.rectangles.flatMap((area) => [...this.rows(area)].flat()));
    for (const cell of this.body.querySelectorAll("[aria-selected=true]")) if (!chosen.has(cell)) cell.setAttribute("aria-selected", "false");
    for (const cell of chosen) cell.setAttribute("aria-selected", "true");
    this.querySelector("[data-stats]").textContent = chosen.size ? this.summary([...chosen]) : HINT;
  }

  summary(cells) {
    const count = say("Count {count}", {count: numeral(cells.length.toLocaleString("en"))});
    const columns = new Set(cells.map((cell) => cell.cellIndex)), title = this.titles[cells[0].cellIndex];
    if (columns.size === 1 && "weighted" in title.dataset) return `${count}${weighted(cells, title.dataset.unit)}`;
    if (columns.size > 1 || !("adds" in title.dataset)) return count;
    const numbers = cells.filter((cell) => cell.dataset.value), units = new Set(numbers.map((cell) => cell.dataset.unit ?? title.dataset.unit));
    if (units.size > 1) return `${count}    ${say("{units} are not added together", {units: [...units].sort().join(say(" and "))})}`;
    if (!numbers.length) return count;
    const [sum, average] = totals(numbers.map((cell) => cell.dataset.value)), unit = [...units][0] ? ` ${[...units][0]}` : "";
    return `${count}    ${say("Sum {sum}", {sum: sum + unit})}    ${say("Average {average}", {average: average + unit})}`;
  }

  // Copying

  headings(area, how) {
    const titles = this.titles.slice(area.left, area.right + 1), names = titles.map((title) => title.dataset.group ?? "");
    const groups = names.map((name, place) => (place && names[place - 1] === name ? "" : name));
    return {plain: [], titled: [titles.map(titleText)], grouped: [groups, titles.map(titleText)]}[how];
  }

  async copy(how) {
    const text = this.rectangles.map((area) => [...this.headings(area, how), ...[...this.rows(area)].map((cells) => cells.map(cellText))].map((texts) => texts.join("\t")).join("\n")).join("\n");
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const box = Object.assign(document.createElement("textarea"), {value: text});   // a page on plain http has no clipboard API
    document.body.append(box); box.select(); document.execCommand("copy"); box.remove();
    this.cell(this.head).focus({preventScroll: true});
  }

  menu(event) {
    const at = this.place(event.target);
    if (!at) return;
    event.preventDefault();
    if (this.cell(at).getAttribute("aria-selected") !== "true") this.choose(at, at, false);
    const menu = this.querySelector("template[data-menu]").content.firstElementChild.cloneNode(true);
    menu.addEventListener("click", ({target}) => { const how = target.closest("[data-copy]"); if (how) this.copy(how.dataset.copy); menu.hidePopover(); });
    menu.addEventListener("toggle", ({newState}) => { if (newState === "closed") menu.remove(); });
    const show = () => {
      this.append(menu);
      menu.showPopover();
      menu.style.left = `${Math.min(event.clientX, innerWidth - menu.offsetWidth - 8)}px`;
      menu.style.top = `${Math.min(event.clientY, innerHeight - menu.offsetHeight - 8)}px`;
      menu.querySelector("button").focus();
    };
    // On Linux the button is still down here, and some browsers take its going up for a click beside the menu.
    if (event.buttons) addEventListener("pointerup", () => setTimeout(show), {once: true});
    else show();
  }

  // Row ticks and columns

  check(event) {
    if (event.target.matches("[data-check-all]")) for (const box of this.body.querySelectorAll("input[name=id]")) box.checked = event.target.checked;
  }

  moveColumn(event) {
    const button = event.target.closest("[data-move]"), line = button?.closest("li");
    if (!line) return;
    if (button.dataset.move === "up") line.previousElementSibling?.before(line);
    else line.nextElementSibling?.after(line);
    button.focus();
  }

  chooseColumns(event) {
    const chosen = event.target.querySelector("[data-chosen]");
    if (chosen) chosen.value = [...event.target.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value).join(",");
  }

  // Column widths

  resize(event, title) {
    const start = event.clientX - title.offsetWidth;
    this.sizing = true;
    this.setPointerCapture(event.pointerId);
    const move = (moved) => this.setWidth(title, Math.max(LEAST_PX, moved.clientX - start));
    this.addEventListener("pointermove", move);
    this.addEventListener("pointerup", () => { this.sizing = false; this.removeEventListener("pointermove", move); this.keepWidths(); }, {once: true});
  }

  setWidth(title, px) {
    title.style.width = title.style.minWidth = title.style.maxWidth = `${px}px`;
    for (const row of this.lines) row.cells[title.cellIndex].style.maxWidth = `${px}px`;
  }

  keepWidths() {
    const widths = this.titles.filter((title) => title.style.width).map((title) => [title.dataset.name, title.offsetWidth]);
    localStorage.setItem(`widths:${this.dataset.name}`, JSON.stringify(Object.fromEntries(widths)));
  }

  restoreWidths() {
    const widths = JSON.parse(localStorage.getItem(`widths:${this.dataset.name}`) ?? "{}");
    for (const title of this.titles) if (widths[title.dataset.name]) this.setWidth(title, widths[title.dataset.name]);
  }
}

const titleText = (title) => title.querySelector(".grid-title")?.textContent.trim() ?? "";
const cellText = (cell) => (cell.dataset.unit ? cell.textContent : cell.dataset.value ?? cell.textContent).trim().replace(/\s/g, " "); // a tab or a line's end in a name would begin a cell

// The sum and the average (half away from zero) of decimal texts, added as whole numbers of their smallest place.
function totals(numbers) {
  const places = Math.max(...numbers.map((number) => (number.split(".")[1] ?? "").length));
  const whole = (number) => { const [units, part = ""] = number.split("."); return BigInt(units + part.padEnd(places, "0")); };
  const sum = numbers.reduce((total, number) => total + whole(number), 0n), count = BigInt(numbers.length);
  const half = (sum < 0n ? -count : count) / 2n;
  return [decimal(sum, places), decimal((sum + half) / count, places)];
}

// The average of ratios, made anew from the whole numbers they are made of, to the places they are shown with.
function weighted(cells, unit) {
  const parts = cells.filter((cell) => cell.dataset.value), places = Math.max(0, ...parts.map((cell) => (cell.dataset.value.split(".")[1] ?? "").length));
  const [over, under] = ["over", "under"].map((name) => parts.reduce((total, cell) => total + BigInt(cell.dataset[name]), 0n));
  if (under === 0n) return "";
  const scaled = 2n * over * 10n ** BigInt(places), half = (over < 0n) === (under < 0n) ? under : -under;
  const average = `${decimal((scaled + half) / (2n * under), places)}${unit ? ` ${unit}` : ""}`;
  return `    ${say("Weighted average {average}", {average})}`;
}

function decimal(value, places) {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, "0"), cut = digits.length - places;
  return numeral((value < 0n ? "-" : "") + BigInt(digits.slice(0, cut)).toLocaleString("en") + (places ? `.${digits.slice(cut)}` : ""));
}

customElements.define("data-grid", DataGrid);
