// Nothing depends on this: a box that ticks all others, and the focus on what went wrong.
(function () {
  var all = document.querySelector("[data-all]");
  if (all) {
    all.hidden = false;
    all.addEventListener("change", function () {
      all.closest("table").querySelectorAll("tbody input[type=checkbox]").forEach(function (box) { box.checked = all.checked; });
    });
  }
  var problems = document.querySelector(".error-summary");
  if (problems) problems.focus();
})();
