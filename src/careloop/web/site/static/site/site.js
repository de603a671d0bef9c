// Small comforts; every page works without this file.
(function () {
  "use strict";
  // A form is sent once: a second tap would only wait for the same answer.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post") { form.dataset.sent = "yes"; setTimeout(function () { delete form.dataset.sent; }, 4000); }
  });
}());
