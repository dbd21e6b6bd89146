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

dressForms(document);
// After the elements of other files are in place: the hours field writes its value when it is born.
addEventListener("load", () => watchForms(document));
document.addEventListener("htmx:after:swap", () => { dressForms(document); watchForms(document); });
