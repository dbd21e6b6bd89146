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

function offerPasswords(root) {
  for (const input of root.querySelectorAll("input[data-generate]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn";
    button.textContent = say("Generate");
    button.addEventListener("click", () => { input.value = password(20); input.select(); });
    beside(input, button);
  }
}

// A color is typed, or picked beside its field; the picker of a browser alone could not say "none".
function offerColors(root) {
  for (const input of root.querySelectorAll("input[data-color]:not(:disabled)")) {
    const picker = document.createElement("input");
    const show = () => {
      const known = /^#[0-9a-f]{6}$/i.test(input.value);
      if (known) picker.value = input.value;
      picker.classList.toggle("unpicked", !known);
    };
    picker.type = "color";
    picker.className = "form-control form-control-color";
    picker.ariaLabel = say("Pick: {field}", {field: input.labels[0]?.firstChild.textContent.trim() ?? ""});
    picker.addEventListener("input", () => { input.value = picker.value; show(); });
    input.addEventListener("input", show);
    beside(input, picker);
    show();
  }
}

function beside(input, made) {
  const group = document.createElement("div");
  group.className = "input-group";
  input.before(group);
  group.append(input, made);
}

function offer(root) { offerPasswords(root); offerColors(root); }

offer(document);
document.addEventListener("modal:filled", (event) => offer(event.target));

// A part that asks for itself again must not take away what somebody is selecting or typing in it.
document.addEventListener("htmx:before:request", (event) => {
  const part = event.target.closest?.("[data-live]");
  if (part && (document.hidden || part.contains(document.activeElement))) event.preventDefault();
});
