// Manners of the panel's own pages: passwords made here and now, and live parts that rest while they are in use.

const SIGNS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

// Signs that look alike are left out; a number beyond the last whole multiple would favor the first signs.
function password(length) {
  const fair = 256 - (256 % SIGNS.length), signs = [];
  while (signs.length < length) {
    for (const number of crypto.getRandomValues(new Uint8Array(length))) if (number < fair && signs.length < length) signs.push(SIGNS[number % SIGNS.length]);
  }
  return signs.join("");
}

for (const input of document.querySelectorAll("input[data-generate]")) {
  const button = document.createElement("button"), group = document.createElement("div");
  button.type = "button";
  button.className = "btn";
  button.textContent = "Generate";
  button.addEventListener("click", () => { input.value = password(20); input.select(); });
  group.className = "input-group";
  input.before(group);
  group.append(input, button);
}

// A part that asks for itself again must not take away what somebody is selecting or typing in it.
document.addEventListener("htmx:before:request", (event) => {
  const part = event.target.closest?.("[data-live]");
  if (part && (document.hidden || part.contains(document.activeElement))) event.preventDefault();
});
