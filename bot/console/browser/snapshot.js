// What a person would see of a document, as one HTML text: what styles hide is `hidden`, what was typed and marked
// stands in the attributes, what looks like a button has an `onclick`, open shadow trees stand in their hosts.
// Each element carries the place in `elements` where the living one is found. Nothing is left behind in the page.
() => {
  const MARK = "data-keyturn";
  const BOXLESS = new Set(["OPTION", "OPTGROUP", "AREA", "MAP", "PARAM", "SOURCE", "TRACK", "BR", "WBR"]);
  const PRESSED = "a, area, button, input, select, textarea, label, option, summary, iframe, frame";
  const elements = [];

  const pointer = (element) => getComputedStyle(element).cursor === "pointer";

  const visible = (element) => {
    const style = getComputedStyle(element);
    if (style.display === "none") return false;
    if (style.visibility === "visible") return true;
    return [...element.querySelectorAll("*")].some((inner) => getComputedStyle(inner).visibility === "visible");
  };

  // A box or a file field is often hidden behind a label that looks better.
  const behindLabel = (element) =>
    element.matches("input[type=radio], input[type=checkbox], input[type=file]") &&
    [...(element.labels || [])].some((label) => label.checkVisibility());

  const filled = (element, copy) => {
    if (element instanceof HTMLInputElement) {
      if (element.type === "checkbox" || element.type === "radio") copy.toggleAttribute("checked", element.checked);
      else if (element.type === "password" || element.type === "file") copy.removeAttribute("value");
      else if (element.value !== element.getAttribute("value") && element.value) copy.setAttribute("value", element.value);
    } else if (element instanceof HTMLOptionElement) {
      copy.toggleAttribute("selected", element.selected);
    }
    if ("disabled" in element) copy.toggleAttribute("disabled", element.disabled);
  };

  const build = (element, shown) => {
    const copy = element.cloneNode(false);
    copy.setAttribute(MARK, elements.push(element) - 1);
    let now = shown;
    if (shown && !BOXLESS.has(element.tagName)) {
      now = visible(element) || behindLabel(element);
      copy.toggleAttribute("hidden", !now);
      if (now) {
        copy.removeAttribute("popover");
        if (element instanceof HTMLDialogElement) copy.setAttribute("open", "");
        if (/display\s*:\s*none|visibility\s*:\s*hidden/i.test(copy.getAttribute("style") || "")) copy.removeAttribute("style");
        const parent = element.parentElement;
        const pressed = element.onclick || (pointer(element) && !(parent && pointer(parent)));
        if (pressed && !element.matches(PRESSED) && !element.closest("a[href], button, label, summary")) copy.setAttribute("onclick", "");
      }
    }
    filled(element, copy);
    if (element instanceof HTMLTextAreaElement) {
      copy.textContent = element.value;
      return copy;
    }
    if (element.tagName === "SCRIPT" || element.tagName === "STYLE" || element.tagName === "TEMPLATE") return copy;
    const slotted = element.tagName === "SLOT" ? element.assignedNodes() : [];
    const children = element.shadowRoot ? element.shadowRoot.childNodes : slotted.length ? slotted : element.childNodes;
    for (const child of children) {
      if (child.nodeType === Node.ELEMENT_NODE) copy.appendChild(build(child, now));
      else if (child.nodeType === Node.TEXT_NODE) copy.appendChild(document.createTextNode(child.data));
    }
    return copy;
  };

  const root = document.documentElement.cloneNode(false);
  root.setAttribute(MARK, elements.push(document.documentElement) - 1);
  for (const child of document.documentElement.children) root.appendChild(build(child, child.tagName !== "HEAD"));
  return { html: root.outerHTML, elements };
}
