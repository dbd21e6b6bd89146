// Forms in a dialog: <a href="/form/" data-modal> opens the form of that page over this one, and goes there without us.
// A field is checked as it is left; what the server refuses stands at its fields; what was saved reloads this page.

async function openModal(link) {
  const answer = await fetch(link.href), page = await pageOf(answer);
  if (!page) return location.assign(link.href);
  const dialog = document.createElement("dialog");
  dialog.className = "card modal-form";
  dialog.setAttribute("aria-labelledby", "modal-title");
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("focusout", (event) => checkField(event.target));
  dialog.addEventListener("submit", (event) => { event.preventDefault(); sendModal(dialog, link.href, event.submitter); });
  document.body.append(dialog);
  dialog.showModal();   // first, or the browser takes the focus from the field to the first tab
  fillModal(dialog, page, link.href);
}

// The page with a form that an answer has; null for one that leads elsewhere, such as to the login.
async function pageOf(answer) {
  if (answer.redirected || !(answer.headers.get("Content-Type") ?? "").startsWith("text/html")) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector("form#record") ? page : null;
}

function fillModal(dialog, page, href) {
  const form = document.adoptNode(page.querySelector("form#record")), save = page.querySelector("[form=record][value=continue]");
  const head = document.createElement("div"), foot = document.createElement("div"), title = document.createElement("h2");
  head.className = "card-header";
  title.className = "card-title";
  title.id = "modal-title";
  title.textContent = page.querySelector(".page-title").firstChild.textContent;
  head.append(title);
  foot.className = "card-footer confirm-buttons";
  foot.append(button(say("Cancel"), "button", "btn"), button(save?.textContent.trim() || say("Save"), "submit", "btn btn-primary"));
  foot.firstChild.addEventListener("click", () => dialog.close());
  form.action = href;
  form.removeAttribute("data-unsaved");
  form.append(foot);
  dialog.replaceChildren(head, form);
  dressForms(dialog);
  dialog.dispatchEvent(new CustomEvent("modal:filled", {bubbles: true}));
  dialog.querySelector("[aria-invalid=true], input:not([type=hidden]), select, textarea")?.focus();
}

function button(words, type, look) {
  const made = document.createElement("button");
  made.type = type;
  made.className = look;
  made.textContent = words;
  if (type === "submit") Object.assign(made, {name: "save", value: "continue"});
  return made;
}

async function sendModal(dialog, href, submitter) {
  const form = dialog.querySelector("form");
  if (dialog.sending) return;
  dialog.sending = submitter.disabled = true;
  const body = new FormData(form);
  body.set("save", "continue");
  const answer = await fetch(href, {method: "POST", body, redirect: "manual"});
  if (answer.type === "opaqueredirect") return location.reload();
  const page = await pageOf(answer);
  dialog.sending = submitter.disabled = false;
  if (page) fillModal(dialog, page, href);
  else location.assign(href);
}

// What the browser itself knows of a field: that it is needed, that an email is none, that a number is too large.
function checkField(field) {
  const around = field.closest?.(".field");
  if (!around || !field.validity || !field.name) return;
  const id = `${field.id}_error`, known = document.getElementById(id), wrong = !field.validity.valid;
  if (wrong === (field.getAttribute("aria-invalid") === "true") && known?.textContent === field.validationMessage) return;
  field.toggleAttribute("aria-invalid", wrong);
  if (wrong) field.setAttribute("aria-invalid", "true");
  known?.remove();
  if (!wrong) return;
  const words = document.createElement("div");
  words.className = "field-error";
  words.id = id;
  words.textContent = field.validationMessage;
  field.setAttribute("aria-errormessage", id);
  around.append(words);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-modal]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  openModal(link);
});
