// Ends when nothing in the document has changed for `quiet` milliseconds, at the latest after `longest`.
([quiet, longest]) =>
  new Promise((done) => {
    let timer = setTimeout(done, quiet);
    new MutationObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(done, quiet);
    }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    setTimeout(done, longest);
  })
