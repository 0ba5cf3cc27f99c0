const main = document.querySelector("main"), svg = document.querySelector("svg");
const { width, height } = svg.viewBox.baseVal;
let x = 0, y = 0, scale = 1, drag = null, kept = null;

function show() {
  svg.setAttribute("viewBox", `${x} ${y} ${main.clientWidth / scale} ${main.clientHeight / scale}`);
}
function fit(choose) {
  scale = Math.min(choose(main.clientWidth / width, main.clientHeight / height), 1.3);
  x = Math.min(0, (width - main.clientWidth / scale) / 2);
  y = Math.min(0, (height - main.clientHeight / scale) / 2);
  show();
}
function tell(node) {
  for (const section of document.querySelectorAll("section:not([hidden])")) section.hidden = true;
  document.getElementById(node ? "about-" + node.id : "about").hidden = false;
}

main.addEventListener("wheel", event => {
  event.preventDefault();
  const { left, top } = main.getBoundingClientRect();
  const next = Math.min(Math.max(scale * Math.exp(-event.deltaY / 600), 0.01), 8);
  x += (event.clientX - left) * (1 / scale - 1 / next);
  y += (event.clientY - top) * (1 / scale - 1 / next);
  scale = next;
  show();
}, { passive: false });
main.addEventListener("pointerdown", event => {
  drag = { x: event.clientX, y: event.clientY, moved: false };
});
addEventListener("pointermove", event => {
  if (!drag) return;
  const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  x -= dx / scale;
  y -= dy / scale;
  drag = { x: event.clientX, y: event.clientY, moved: true };
  show();
});
addEventListener("pointerup", event => {
  const clicked = drag && !drag.moved;
  drag = null;
  if (!clicked) return;
  kept?.classList.remove("kept");
  kept = event.target.closest(".node");
  kept?.classList.add("kept");
  tell(kept);
});
main.addEventListener("mouseover", event => {
  if (!kept && !drag) tell(event.target.closest(".node"));
});
main.addEventListener("dblclick", () => fit(Math.min));
addEventListener("resize", show);
fit(Math.max);
