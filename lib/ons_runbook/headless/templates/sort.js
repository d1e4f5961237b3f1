// Every table with a head can be sorted by a click on it; `data-sort` on a cell stands for what it shows.
for (const table of document.querySelectorAll("table")) {
  const head = table.tHead && table.tHead.rows[table.tHead.rows.length - 1];
  const body = table.tBodies[0];
  if (!head || !body || body.rows.length < 2) continue;
  const plain = [...body.rows].every((row) => row.cells.length === head.cells.length);
  if (!plain) continue;
  const collator = new Intl.Collator(undefined, { numeric: true });
  const value = (row, column) => row.cells[column].dataset.sort || row.cells[column].textContent.trim();
  [...head.cells].forEach((cell, column) => {
    if (!cell.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const descending = cell.getAttribute("aria-sort") === "ascending";
      for (const other of head.cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const number = (text) => (/^[-+]?[\d.,]+( ?[%a-zA-Z]+)?$/.test(text) ? parseFloat(text.replace(/,/g, "")) : NaN);
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort(([a], [b]) => {
        const difference = number(a) - number(b);
        return (Number.isNaN(difference) ? collator.compare(a, b) : difference) * (descending ? -1 : 1);
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}
