// Manners of forms: searchable lists, arrow keys over tabs are Tabler's; here is the warning before leaving.

function dressForms(root) {
  for (const select of root.querySelectorAll("select[data-searchable]:not(.tomselected)")) {
    new TomSelect(select, {maxOptions: 700, copyClassesToDropdown: false, plugins: select.multiple ? ["remove_button"] : []});
  }
}

function snapshot(form) { return JSON.stringify([...new FormData(form)].filter(([, value]) => typeof value === "string")); }

function watch(form) {
  const opened = form.hasAttribute("data-changed") ? null : snapshot(form);
  form.changed = () => snapshot(form) !== opened;
  form.addEventListener("submit", () => { form.sent = true; });
}

function watchForms(root) { for (const form of root.querySelectorAll("form[data-unsaved]")) if (!form.changed) watch(form); }

addEventListener("beforeunload", (event) => {
  if ([...document.querySelectorAll("form[data-unsaved]")].some((form) => !form.sent && form.changed?.())) event.preventDefault();
});

// The delay: to type a number or a time is to choose it.

document.addEventListener("input", (event) => {
  const kind = event.target.dataset?.picks;
  if (kind) document.querySelector(`[name="delay_kind"][value="${kind}"]`).checked = true;
});

// A button without a form to fill in asks why, where the account keeps a reason with every change.

document.addEventListener("submit", (event) => {
  const form = event.target, dialog = document.getElementById("ask-reason");
  if (!dialog || event.defaultPrevented) return;
  if (form.hasAttribute("data-reason-form")) return answerWhy(dialog);
  if (form.method !== "post" || form.elements.namedItem("reason") || form.hasAttribute("data-no-reason")) return;
  event.preventDefault();
  dialog.asking = {form, button: event.submitter};
  dialog.querySelector("input").value = "";
  dialog.showModal();
});

function answerWhy(dialog) {
  const {form, button} = dialog.asking;
  const reason = Object.assign(document.createElement("input"), {type: "hidden", name: "reason", value: dialog.querySelector("input").value});
  form.append(reason);
  form.requestSubmit(button);
}

dressForms(document);
// After the elements of other files are in place: the hours field writes its value when it is born.
addEventListener("load", () => watchForms(document));
document.addEventListener("htmx:after:swap", () => { dressForms(document); watchForms(document); });
