// Sets light or dark before the first paint; "auto" follows the system. The user's menu changes it (house.js).
(() => {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  // A choice that the server stores wins, so that it follows the user to another browser.
  const choice = () => (root.dataset.themeUrl ? null : localStorage.getItem("theme")) ?? root.dataset.themeChoice;
  const apply = () => {
    const chosen = choice();
    root.dataset.bsTheme = chosen === "dark" || (chosen !== "light" && system.matches) ? "dark" : "light";
    root.dispatchEvent(new CustomEvent("theme", {bubbles: true}));
  };
  window.theme = {choice, choose: (value) => { root.dataset.themeChoice = value; localStorage.setItem("theme", value); apply(); }};
  system.addEventListener("change", apply);
  apply();
})();
