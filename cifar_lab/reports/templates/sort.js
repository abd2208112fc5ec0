"use strict";
// A click on a header sorts by its column, a second click in reverse. Rows without a value come
// last in both.
function sortBy(table, headers, column) {
  const descending = headers[column].getAttribute("aria-sort") === "ascending";
  const rows = [...table.tBodies[0].rows].map((row) => [row, row.cells[column].dataset.value]);
  const numbers = headers[column].dataset.kind === "number";
  rows.sort(([, a], [, b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = numbers ? a - b : a.localeCompare(b);
    return descending ? -order : order;
  });
  headers.forEach((header) => header.setAttribute("aria-sort", "none"));
  headers[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
  table.tBodies[0].append(...rows.map(([row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => sortBy(table, headers, column));
  });
}
