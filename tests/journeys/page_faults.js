// What is wrong with the page as it is shown now, as sentences: it is wider than the screen, or a text is too pale to read.
// `least` is the contrast that every text needs (WCAG 2.2, 1.4.3); disabled controls and drawings need none.
(least) => {
  const root = document.documentElement, faults = new Set(), read = {};
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  if (root.scrollWidth > root.clientWidth) faults.add(`${root.scrollWidth} px wide`);

  // Any CSS color as red, green, blue and opacity.
  const color = (text) => {
    if (read[text]) return read[text];
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = text;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return (read[text] = [red, green, blue, alpha / 255]);
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const ground = (e) => (e ? over(color(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255, 1]);
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) => 0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);

  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || e.closest("svg, option, :disabled, .disabled, .visually-hidden, .skip-link")) continue;
    if (!e.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const under = ground(e), both = [over(color(getComputedStyle(e).color), under), under].map(light);
    const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    if (contrast < least) faults.add(`${contrast.toFixed(2)} of ${e.tagName} .${e.className}: ${e.textContent.trim().slice(0, 30)}`);
  }
  return [...faults];
}
