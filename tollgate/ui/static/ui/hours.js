// <hours-field>: paint a week of hours by dragging, write exact windows to the minute in the table beside it.
//
// The windows are kept per weekday as lists of [from, until] minutes, joined where they touch; the week and the table
// are two views of them, and the hidden input carries them as JSON (tollgate/ui/hours.py).
//   drag, or space on a cell    paint or clear whole hours; arrows move between cells

const DAYS = [say("Mon"), say("Tue"), say("Wed"), say("Thu"), say("Fri"), say("Sat"), say("Sun")];
const clock = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
// NaN for a text that is no time; 24:00 is the end of the day.
const minutes = (text) => (/^([01]?\d|2[0-3]):[0-5]\d$|^24:00$/.test(text.trim()) ? Number(text.split(":")[0]) * 60 + Number(text.split(":")[1]) : NaN);
const make = (tag, properties = {}, ...children) => { const made = Object.assign(document.createElement(tag), properties); made.append(...children); return made; };

// The spans joined where they touch or overlap.
function joined(spans) {
  const kept = [];
  for (const [from, until] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = kept.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], until);
    else kept.push([from, until]);
  }
  return kept;
}

// The spans without what lies between two minutes.
function without(spans, start, end) {
  return spans.flatMap(([from, until]) => [[from, Math.min(until, start)], [Math.max(from, end), until]].filter(([a, b]) => a < b));
}

class HoursField extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input[type=hidden]");
    this.zone = this.querySelector("[data-zone]");
    this.read();
    this.drawWeek();
    this.show();
    const week = this.querySelector("[data-week]");
    week.addEventListener("pointerdown", (event) => this.press(event));
    week.addEventListener("pointerover", (event) => { if (event.buttons === 1 && event.target.dataset.hour) this.paint(event.target); });
    week.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("click", (event) => this.click(event));
    this.addEventListener("change", (event) => this.change(event));
    if (globalThis.TomSelect) new TomSelect(this.zone, {maxOptions: 700});
  }

  read() {
    const value = this.input.value ? JSON.parse(this.input.value) : {};
    this.days = DAYS.map((_, day) => joined((value.windows ?? []).filter((window) => window.weekday === day + 1).map((window) => [minutes(window.from), minutes(window.until)])));
    this.holidays = [...(value.holidays ?? [])];
    this.zone.value = value.zone ?? this.dataset.defaultZone;
  }

  store() {
    const windows = this.days.flatMap((spans, day) => spans.map(([from, until]) => ({weekday: day + 1, from: clock(from), until: clock(until)})));
    const holidays = this.holidays.filter(Boolean).sort();
    this.input.value = windows.length || holidays.length ? JSON.stringify({zone: this.zone.value, windows, holidays}) : "";
    this.input.dispatchEvent(new Event("change"));
  }

  // The week

  drawWeek() {
    const week = this.querySelector("[data-week]");
    week.append(make("span"), ...Array.from({length: 24}, (_, hour) => make("span", {className: "hours-hour", textContent: String(hour).padStart(2, "0")})));
    this.cells = DAYS.map((name, day) => {
      const cells = Array.from({length: 24}, (_, hour) => {
        const cell = make("button", {type: "button", className: "hours-cell", tabIndex: day || hour ? -1 : 0});
        Object.assign(cell.dataset, {day, hour});
        cell.setAttribute("aria-label", `${name} ${clock(hour * 60)}`);
        return cell;
      });
      week.append(make("span", {className: "hours-day", textContent: name}), ...cells);
      return cells;
    });
  }

  covered(day, hour) {
    const start = hour * 60;
    return this.days[day].reduce((sum, [from, until]) => sum + Math.max(0, Math.min(until, start + 60) - Math.max(from, start)), 0);
  }

  press(event) {
    if (!event.target.dataset.hour) return;
    event.target.releasePointerCapture?.(event.pointerId);
    this.filling = event.target.getAttribute("aria-pressed") !== "true";
    this.paint(event.target);
  }

  paint(cell) {
    const day = Number(cell.dataset.day), start = Number(cell.dataset.hour) * 60;
    const rest = without(this.days[day], start, start + 60);
    this.days[day] = this.filling ? joined([...rest, [start, start + 60]]) : rest;
    this.show();
  }

  key(event) {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key], cell = event.target;
    if (event.key === " " || event.key === "Enter") { this.filling = cell.getAttribute("aria-pressed") !== "true"; this.paint(cell); }
    else if (step) {
      const to = this.cells[Math.min(Math.max(Number(cell.dataset.day) + step[0], 0), 6)][Math.min(Math.max(Number(cell.dataset.hour) + step[1], 0), 23)];
      cell.tabIndex = -1; to.tabIndex = 0; to.focus();
    } else return;
    event.preventDefault();
  }

  // The table

  click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.fill) this.fill(button.dataset.fill);
    else if (button.dataset.add === "window") this.querySelector("[data-windows]").append(this.windowRow(0, 480, 1200));
    else if (button.dataset.add === "holiday") this.querySelector("[data-holidays]").append(this.holidayRow(""));
    else if ("drop" in button.dataset) { button.closest("tr, li").remove(); this.takeTable(); }
    else return;
    if (button.dataset.add === "window") this.takeTable();
  }

  fill(how) {
    const whole = {always: [], all: [[0, 1440]], work: [[480, 1200]]}[how];
    this.days = DAYS.map((_, day) => (how === "work" && day > 4 ? [] : whole.map((span) => [...span])));
    this.show();
  }

  change(event) {
    if (event.target === this.zone) this.store();
    else if (event.target.closest("[data-windows], [data-holidays]")) this.takeTable();
  }

  // What the table says; a row that is not yet a window is marked and waits.
  takeTable() {
    const days = DAYS.map(() => []);
    for (const row of this.querySelectorAll("[data-windows] tr")) {
      const [day, from, until] = [...row.querySelectorAll("select, input")];
      const start = minutes(from.value), end = minutes(until.value), good = start < end;
      from.setAttribute("aria-invalid", String(Number.isNaN(start)));
      until.setAttribute("aria-invalid", String(!good));
      if (good) days[Number(day.value)].push([start, end]);
    }
    this.days = days.map(joined);
    this.holidays = [...this.querySelectorAll("[data-holidays] input")].map((input) => input.value);
    this.showWeek();
    this.store();
  }

  windowRow(day, from, until) {
    const choose = make("select", {className: "form-select form-select-sm"}, ...DAYS.map((name, value) => make("option", {value, textContent: name, selected: value === day})));
    choose.setAttribute("aria-label", say("Day"));
    const time = (value, label) => { const input = make("input", {className: "form-control form-control-sm", inputMode: "numeric", placeholder: "08:00", maxLength: 5, value}); input.setAttribute("aria-label", label); return input; };
    const cells = [choose, time(clock(from), say("From")), time(clock(until), say("Until")), this.dropButton()];
    return make("tr", {}, ...cells.map((content) => make("td", {}, content)));
  }

  holidayRow(date) {
    const input = make("input", {className: "form-control form-control-sm", placeholder: "2026-12-25", maxLength: 10, value: date});
    input.setAttribute("aria-label", say("Holiday"));
    return make("li", {}, input, this.dropButton());
  }

  dropButton() { return this.querySelector("template[data-remove]").content.firstElementChild.cloneNode(true); }

  // Both views

  show() {
    this.showWeek();
    this.querySelector("[data-windows]").replaceChildren(...this.days.flatMap((spans, day) => spans.map(([from, until]) => this.windowRow(day, from, until))));
    this.querySelector("[data-holidays]").replaceChildren(...this.holidays.map((date) => this.holidayRow(date)));
    this.store();
  }

  showWeek() {
    this.cells.forEach((cells, day) => cells.forEach((cell, hour) => {
      const part = this.covered(day, hour);
      cell.setAttribute("aria-pressed", part === 60 ? "true" : part ? "mixed" : "false");
    }));
    const any = this.days.some((spans) => spans.length);
    this.querySelector("[data-note]").textContent = any ? say("Calls are let through in the green hours. Drag to paint.") : say("No hours chosen: calls are let through at any time. Drag to paint.");
  }
}

customElements.define("hours-field", HoursField);
