// Fills the regions of a page anew without loading all of it. Without this script each link loads a whole page.
(function () {
  "use strict";

  function isWhole(text) {
    return text.indexOf("<html") !== -1;
  }

  function get(address, then) {
    var parted = address + (address.indexOf("?") === -1 ? "?" : "&") + "part=1";
    return fetch(parted, { credentials: "same-origin" }).then(function (answer) {
      return answer.text().then(function (text) {
        note("");
        if (isWhole(text)) {
          // Signed out, or no console at all: then the whole window shows it.
          location.href = answer.redirected ? answer.url : address;
          return;
        }
        then(text);
      });
    }).catch(function () {
      note("The appliance does not answer. Trying again.");
    });
  }

  function note(words) {
    document.getElementById("connection").textContent = words;
  }

  function mark(tab) {
    var tabs = document.querySelectorAll("#tabs [role=tab]");
    for (var i = 0; i < tabs.length; i++) {
      tabs[i].setAttribute("aria-selected", tabs[i] === tab ? "true" : "false");
    }
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest ? event.target.closest("a[role=tab], a[data-dialog]") : null;
    if (!link || event.ctrlKey || event.metaKey) {
      return;
    }
    event.preventDefault();
    var content = document.getElementById("content");
    if (link.closest("#tabs")) {
      mark(link);
    }
    get(link.getAttribute("href"), function (text) {
      if (text.indexOf('role="dialog"') === -1) {
        content.innerHTML = text;
        return;
      }
      var open = content.querySelector("[role=dialog]");
      if (open) {
        open.parentNode.removeChild(open);
      }
      content.insertAdjacentHTML("beforeend", text);
    });
  });

  window.setInterval(function () {
    var regions = document.querySelectorAll("[data-again]");
    for (var i = 0; i < regions.length; i++) {
      again(regions[i]);
    }
  }, 2000);

  function again(region) {
    if (region.getAttribute("data-busy")) {
      return;
    }
    region.setAttribute("data-busy", "1");
    get(region.getAttribute("data-again"), function (text) {
      region.innerHTML = text;
    }).then(function () {
      region.removeAttribute("data-busy");
    });
  }
})();
