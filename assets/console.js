// What pages cannot do by themselves: warn before typed text is left, and go to a faulty line.
"use strict";

document.addEventListener("input", (event) => {
  event.target.closest("form[data-guard]")?.setAttribute("data-changed", "");
});

document.addEventListener("submit", (event) => event.target.removeAttribute("data-changed"));

window.addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-changed]")) {
    event.preventDefault();
  }
});

document.addEventListener("click", (event) => {
  const line = Number(event.target.closest("a[data-line]")?.dataset.line);
  const text = document.getElementById("text");
  if (!line || !text) {
    return;
  }
  event.preventDefault();
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  text.focus();
  text.setSelectionRange(start, start + lines[line - 1].length);
  text.scrollTop = (line - 4) * (text.scrollHeight / lines.length);
});
