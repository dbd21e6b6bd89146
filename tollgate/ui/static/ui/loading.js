// Lists that load on: as the end of a <data-grid data-loads-on> comes into view, the rows of its next page are put below.
//
// The pages stay the server's, by key, and the link to the next one stays below the list: it is what is fetched, what is
// left when something fails, and the way on when MOST_ROWS are there. Who follows a link out of the list finds, coming
// back, the page that the row was on.

const MOST_ROWS = 2000;

function loadOn(grid) {
  const body = grid.body, next = () => grid.querySelector("nav a[rel=next]");
  if (!next()) return;
  const address = new Map(grid.lines.map((row) => [row, location.href]));   // row -> the page that it is on
  const watch = new IntersectionObserver(([{isIntersecting}]) => isIntersecting && more(), {root: grid.querySelector(".grid-scroll"), rootMargin: "0px 0px 400px"});
  grid.table.addEventListener("click", ({target}) => {
    const link = target.closest("tbody a[href]");
    if (link) history.replaceState(history.state, "", address.get(link.closest("tr")));
  }, true);
  watch.observe(grid.lines.at(-1));

  async function more() {
    watch.disconnect();
    const from = next()?.href;
    if (!from) return;
    grid.table.setAttribute("aria-busy", "true");
    const page = await fetched(from, grid.dataset.name).catch(() => null);
    grid.table.removeAttribute("aria-busy");
    if (!page) return tell(say("No more could be loaded: use the link to the next page."));
    const rows = [...page.querySelector("table[role=grid]").tBodies[0].rows], heading = [...body.querySelectorAll(".grid-group")].at(-1);
    if (heading && rows[0].classList.contains("grid-group") && rows[0].textContent === heading.textContent) rows.shift();   // the group goes on
    for (const row of rows) body.append(document.adoptNode(row));
    const lines = rows.filter((row) => !row.classList.contains("grid-group"));
    for (const row of lines) address.set(row, from);
    grid.lines.push(...lines);
    for (const box of grid.querySelectorAll("[data-check-all]")) box.checked = false;
    grid.restoreWidths();
    turn(page.querySelector("nav a[rel=next]"));
    const count = grid.querySelector(".grid-count"), shown = numeral(grid.lines.length.toLocaleString("en"));
    count.textContent = say("{shown} of {total}", {shown, total: count.dataset.total});
    const full = grid.lines.length >= MOST_ROWS && next();
    tell(full ? say("{shown} rows are shown: use the link for more.", {shown}) : say("{shown} rows are shown.", {shown}));
    if (next() && !full) watch.observe(grid.lines.at(-1));
  }

  function turn(to) {
    const link = next();
    if (to) link.href = to.href;
    else link.replaceWith(Object.assign(document.createElement("span"), {className: "btn btn-sm disabled", textContent: link.textContent}));
  }

  function tell(words) { grid.querySelector("[data-loaded]").textContent = words; }
}

// The same list of the page at an address; an error where there is none, such as behind a login that is over.
async function fetched(address, name) {
  const answer = await fetch(address, {credentials: "same-origin"});
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = page.querySelector(`data-grid[data-name="${name}"]`);
  if (!found?.querySelector("table[role=grid] tbody tr")) throw new Error("no list");
  for (const link of found.querySelectorAll("a[rel=next]")) link.href = new URL(link.getAttribute("href"), address).href;
  return found;
}
