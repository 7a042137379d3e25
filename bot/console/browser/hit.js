// Presses an element as a mouse does; false, and nothing pressed, when it is not in the document any more.
(element) => {
  if (!element.isConnected) return false;
  const box = element.getBoundingClientRect();
  const at = { bubbles: true, cancelable: true, composed: true, view: window, button: 0, detail: 1 };
  Object.assign(at, { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 });
  for (const [kind, Event] of [["pointerdown", PointerEvent], ["mousedown", MouseEvent], ["pointerup", PointerEvent], ["mouseup", MouseEvent]])
    element.dispatchEvent(new Event(kind, at));
  if (element.isConnected) element.click();
  return true;
}
