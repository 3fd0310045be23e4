"use strict";
// Sort the table of events by the column whose head is clicked; again: the other way round.

const table = document.getElementById("events");
const heads = [...table.tHead.rows[0].cells];

heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    const isNumber = head.classList.contains("number");
    const body = table.tBodies[0];
    const compare = (a, b) => {
      const [x, y] = [a, b].map((row) => row.cells[column].textContent.trim());
      if (x === "" || y === "") return (x === "") - (y === ""); // unknown values come last
      const order = isNumber ? Number(x) - Number(y) : x.localeCompare(y);
      return rising ? order : -order;
    };
    body.append(...[...body.rows].sort(compare));
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  });
});
