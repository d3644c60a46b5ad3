"use strict";
const details = JSON.parse(document.getElementById("details").textContent);
const words = document.getElementById("words");
const boxes = [...document.querySelectorAll("#filter input[type=checkbox]")];
const rows = [...document.querySelectorAll("tr.case")];

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function steps(result) {
  const block = make("div", "result");
  const head = make("p", "who");
  head.append(make("span", "dot " + result.status), make("b", "", result.host), make("span", "dim", result.label));
  block.append(head);
  if (result.why) block.append(make("p", "why", result.why));
  const list = make("ol");
  for (const [done, outcome, cost] of result.steps) {
    const item = make("li");
    item.append(make("code", "done", done), make("code", "end", outcome), make("span", "cost", cost));
    list.append(item);
  }
  block.append(list);
  return block;
}

function toggle(row) {
  const button = row.querySelector("button");
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (open) { row.nextElementSibling.remove(); return; }
  const inner = make("tr", "detail");
  const cell = make("td");
  cell.colSpan = row.children.length;
  const blocks = make("div", "results");
  for (const result of details[row.dataset.id]) blocks.append(steps(result));
  cell.append(blocks);
  inner.append(cell);
  row.after(inner);
}

function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const statuses = boxes.filter((box) => box.checked).map((box) => box.value);
  let shown = 0;
  for (const row of rows) {
    const has = row.dataset.status.split(" ");
    const fits = wanted.every((word) => row.dataset.text.includes(word)) && (!statuses.length || statuses.some((status) => has.includes(status)));
    row.hidden = !fits;
    const next = row.nextElementSibling;
    if (next && next.className === "detail") next.hidden = !fits;
    shown += fits;
  }
  for (const body of document.querySelectorAll("#matrix tbody")) body.hidden = !body.querySelector("tr.case:not([hidden])");
  document.getElementById("count").textContent = shown === rows.length ? shown + " cases" : shown + " of " + rows.length + " cases";
  document.getElementById("none").hidden = shown > 0;
}

for (const row of rows) row.querySelector("button").addEventListener("click", () => toggle(row));
for (const link of document.querySelectorAll("a.only")) {
  link.addEventListener("click", () => { words.value = link.dataset.clause; filter(); });
}
document.getElementById("filter").addEventListener("input", filter);
document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
