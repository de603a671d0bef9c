// Keys for a worklist: j and k go down and up, Enter opens, c writes down a call, x ticks.
(function () {
  "use strict";
  var rows = Array.prototype.slice.call(document.querySelectorAll("tr[data-row]"));
  if (!rows.length) { return; }
  var hint = document.querySelector(".keys");
  if (hint) { hint.hidden = false; }
  var all = document.querySelector("[data-all]");
  if (all) {
    all.addEventListener("click", function () {
      var boxes = rows.map(function (row) { return row.querySelector("input[name=pick]"); });
      var on = boxes.some(function (box) { return !box.checked; });
      boxes.forEach(function (box) { box.checked = on; });
    });
  }
  function at() { return rows.findIndex(function (row) { return row.contains(document.activeElement); }); }
  document.addEventListener("keydown", function (event) {
    var tag = event.target.tagName;
    var writes = tag === "SELECT" || tag === "TEXTAREA" || (tag === "INPUT" && event.target.type !== "checkbox");
    if (writes || event.ctrlKey || event.metaKey || event.altKey) { return; }
    var here = at(), row = rows[here];
    if (event.key === "j" || event.key === "k") {
      var next = here < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, here + (event.key === "j" ? 1 : -1)));
      rows[next].querySelector("[data-open]").focus();
      event.preventDefault();
    } else if (row && event.key === "c") {
      row.querySelector("[data-call]").click();
    } else if (row && event.key === "x") {
      var box = row.querySelector("input[name=pick]");
      box.checked = !box.checked;
    }
  });
}());
