// <call-rules>: nested conditions as rows of fields; the form sends them as one text (core/call_search.py reads it).
//
// The server renders every list once, in templates; what a field may be compared by stands beside its name.

class CallRules extends HTMLElement {
  connectedCallback() {
    this.text = this.querySelector("[data-text]");
    this.root = this.querySelector("[data-root]");
    const told = this.text.value ? JSON.parse(this.text.value) : ["all", this.first()];
    this.root.append(this.group(told));
    this.root.querySelector(":scope > .rule-group > .rule-buttons [data-remove]").remove();   // the outermost group stays
    this.addEventListener("click", (event) => this.press(event));
    this.addEventListener("change", (event) => this.change(event));
    this.querySelector("form").addEventListener("submit", (event) => this.send(event));
  }

  first() { return [this.querySelector("template[data-rule]").content.querySelector("[data-field]").value, "is", ""]; }

  make(name) { return this.querySelector(`template[data-${name}]`).content.firstElementChild.cloneNode(true); }

  group([how, ...parts]) {
    const made = this.make("group");
    made.querySelector("[data-any]").value = how;
    made.querySelector("[data-parts]").append(...parts.map((part) => (part[0] === "all" || part[0] === "any" ? this.group(part) : this.rule(part))));
    return made;
  }

  rule([field, way, value = ""]) {
    const made = this.make("rule");
    made.querySelector("[data-field]").value = field;
    this.fit(made, way, value);
    return made;
  }

  // The comparisons and the kind of value that the chosen field takes.
  fit(made, way, value) {
    const field = made.querySelector("[data-field]").selectedOptions[0], ways = made.querySelector("[data-way]");
    const known = field.dataset.ways.split(" ");
    const all = [...this.querySelector("template[data-rule]").content.querySelector("[data-way]").options];
    ways.replaceChildren(...known.map((name) => all.find((option) => option.value === name).cloneNode(true)));
    ways.value = known.includes(way) ? way : known[0];
    made.querySelector("span[data-unit]").textContent = field.dataset.unit ?? "";
    made.querySelector("[data-value]").replaceChildren(...this.value(field, ways, value));
  }

  value(field, ways, value) {
    if (ways.dataset.alone.split(" ").includes(ways.value)) return [];
    const choices = this.querySelector(`template[data-choices="${field.value}"]`);
    if (choices && ways.value !== "one_of") {
      const list = choices.content.firstElementChild.cloneNode(true);
      if ([...list.options].some((option) => option.value === value)) list.value = value;
      return [list];
    }
    const input = Object.assign(document.createElement("input"), {className: "form-control", value, maxLength: 200, required: true});
    input.setAttribute("aria-label", say("Value"));
    input.placeholder = {one_of: say("one, another"), between: "10 .. 20"}[ways.value] ?? "";
    if (field.dataset.suggest && ways.value !== "one_of") Object.assign(input.dataset, {suggest: field.dataset.suggest});
    return [input];
  }

  press(event) {
    const add = event.target.closest("[data-add]"), remove = event.target.closest("[data-remove]");
    if (add) {
      const made = add.dataset.add === "group" ? this.group(["any", this.first()]) : this.rule(this.first());
      add.closest(".rule-group").querySelector("[data-parts]").append(made);
      made.querySelector("select").focus();
    }
    if (remove) remove.closest(".rule, .rule-group").remove();
  }

  change(event) {
    const made = event.target.closest(".rule");
    if (!made || !event.target.matches("[data-field], [data-way]")) return;
    const value = made.querySelector("[data-value] input")?.value ?? "";
    this.fit(made, made.querySelector("[data-way]").value, event.target.matches("[data-way]") ? value : "");
  }

  read(group) {
    const parts = [...group.querySelector("[data-parts]").children].map((part) => (part.matches(".rule-group") ? this.read(part) : this.told(part)));
    return [group.querySelector("[data-any]").value, ...parts];
  }

  told(rule) {
    const value = rule.querySelector("[data-value] :is(input, select)");
    return [rule.querySelector("[data-field]").value, rule.querySelector("[data-way]").value, ...(value ? [value.value.trim()] : [])];
  }

  send(event) {
    const told = event.submitter?.matches("[data-none]") ? ["all"] : this.read(this.root.firstElementChild);
    this.text.value = told.length > 1 ? JSON.stringify(told) : "";
    this.text.disabled = told.length < 2;
  }
}

customElements.define("call-rules", CallRules);
