// Click on a heading, or press Enter on it, to sort a table by that column; again for the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    heading.tabIndex = 0;
    const value = (row) => {
      const text = row.cells[column].textContent.trim();
      const number = parseFloat(text.replace(/^[>≥]\s*/, "").replace("−", "-"));
      return Number.isNaN(number) ? text : number;
    };
    const sort = () => {
      const rising = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const order = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);
      const rows = [...body.rows].sort((a, b) => order(value(a), value(b)) * (rising ? 1 : -1));
      body.append(...rows);
    };
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  });
}
