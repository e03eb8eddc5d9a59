// Press a heading to sort a table by that column; again for the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    const value = (row) => {
      const text = row.cells[column].textContent.trim();
      const number = parseFloat(text.replace(/^[><≥≤≈]\s*/, "").replace("−", "-"));
      return text === "–" ? null : Number.isNaN(number) ? text : number;
    };
    const order = (a, b) => (typeof a !== typeof b ? (typeof a === "number" ? -1 : 1)
      : typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
    button.addEventListener("click", () => {
      const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const keyed = [...body.rows].map((row) => [value(row), row]);
      keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : order(a, b) * sign));
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

// What a link leads to is unfolded; on paper all is, except what the page says elsewhere too.
{
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let node = target; node; node = node.parentElement) if (node.localName === "details") node.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open], .again)")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
}

// The contents say where the reader is.
{
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const headings = [...document.querySelectorAll("main, main h2[id]")].filter((heading) => links.has(heading.id));
  const tell = () => {
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 120);
    const here = (passed.at(-1) ?? headings[0]).id;
    for (const [id, link] of links) {
      if (id === here) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", () => requestAnimationFrame(tell), { passive: true });
  tell();
}
