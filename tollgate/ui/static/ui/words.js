// Words of scripts in the language of the page: say("Sum {sum}", {sum: "1.50"}). The page brings those that are not said as
// they are written in <html data-said>; `tollgate messages` finds them by the call, so the text stands in it whole.

const SAID = JSON.parse(document.documentElement.dataset.said ?? "{}");

// A number as its reader writes it: numeral("1,234.50") is 1 234,50 where decimals stand after a comma.
function numeral(text) {
  return document.documentElement.dataset.decimal === "," ? text.replaceAll(",", "\u00a0").replace(".", ",") : text;
}

function say(message, values = {}) {
  return (SAID[message] ?? message).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
}
