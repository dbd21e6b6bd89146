// Manners of every page: "/" goes to the search box, the theme's buttons, dialogs that ask before a dangerous act.

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const search = document.querySelector("[data-search]");
  if (event.key !== "/" || typing || !search || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// Theme

function showTheme() {
  for (const button of document.querySelectorAll("[data-theme-value]")) {
    const chosen = button.dataset.themeValue === window.theme.choice();
    button.setAttribute("aria-pressed", String(chosen));
    button.classList.toggle("active", chosen);
  }
}

function csrfToken() {
  const headers = document.body.getAttribute("hx-headers:inherited");
  return headers ? JSON.parse(headers)["X-CSRFToken"] : "";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-value]");
  if (!button) return;
  event.stopPropagation();
  window.theme.choose(button.dataset.themeValue);
  showTheme();
  const url = document.documentElement.dataset.themeUrl;
  if (url) fetch(url, {method: "POST", keepalive: true, headers: {"X-CSRFToken": csrfToken()}, body: new URLSearchParams({theme: button.dataset.themeValue})});
}, true);

showTheme();

// Dialogs: <button data-dialog="id"> opens <dialog id>; a dialog with data-expects asks for that text to be typed.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  if (event.target.closest("[data-dialog-close]")) event.target.closest("dialog").close();
});

document.addEventListener("input", (event) => {
  const dialog = event.target.closest("dialog[data-expects]");
  if (!dialog || !event.target.matches("[data-typed]")) return;
  dialog.querySelector("[data-dangerous]").disabled = event.target.value.trim() !== dialog.dataset.expects;
});

// A form inside a closed dialog must not be sent by Enter before the name is typed.
document.addEventListener("submit", (event) => {
  if (event.target.querySelector("[data-dangerous]:disabled")) event.preventDefault();
});
