// <line-chart data-chart='{"unit", "height", "zone", "times", "turns": [{"at", "back", "offset"}], "series": [{"name", "values"}]}'>:
// lines over time. Times come by the clock of the zone, and are read as if they were UTC. At a turn the clock goes back, in seconds,
// and tells times again, which are then told with their offset; the times themselves go on evenly.
//
// Colors come from the theme, so the chart is drawn anew when the theme changes; it follows the width of its place.

const LINES = ["--tblr-primary", "--tblr-green", "--tblr-orange", "--tblr-purple"];
const twoDigits = (number) => String(number).padStart(2, "0");
const reading = (epochS, turns) => {
  const past = turns.filter(({at}) => at <= epochS), last = past.at(-1);
  const at = new Date((epochS - past.reduce((sum, {back}) => sum + back, 0)) * 1000), again = last && epochS < last.at + last.back;
  return {day: `${twoDigits(at.getUTCMonth() + 1)}-${twoDigits(at.getUTCDate())}`, year: at.getUTCFullYear(), time: `${twoDigits(at.getUTCHours())}:${twoDigits(at.getUTCMinutes())}`, again: again ? ` ${last.offset}` : ""};
};
const moment = (epochS, zone, turns) => { const {year, day, time, again} = reading(epochS, turns); return `${year}-${day} ${time}${again} ${zone}`; };
// Midnight is shown as its date, any other moment as its time.
const tick = (epochS, turns) => { const {day, time, again} = reading(epochS, turns); return time === "00:00" ? day : time + again; };

class LineChart extends HTMLElement {
  connectedCallback() {
    this.data = JSON.parse(this.dataset.chart);
    this.redraw = () => this.draw();
    document.documentElement.addEventListener("theme", this.redraw);
    this.watcher = new ResizeObserver(() => { if (this.plot && this.clientWidth) this.plot.setSize({width: this.clientWidth, height: this.data.height}); });
    this.draw();
    this.watcher.observe(this);
  }

  disconnectedCallback() {
    document.documentElement.removeEventListener("theme", this.redraw);
    this.watcher.disconnect();
    this.plot?.destroy();
  }

  // A computed color: the canvas knows neither variables nor light-dark().
  color(variable) {
    const probe = document.createElement("span");
    probe.style.color = `var(${variable})`;
    this.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  axis() {
    return {stroke: this.color("--tblr-body-color"), grid: {stroke: this.color("--tblr-border-color"), width: 1}, ticks: {stroke: this.color("--tblr-border-color"), width: 1}, font: `12px ${getComputedStyle(this).fontFamily}`};
  }

  draw() {
    this.plot?.destroy();
    const {times, turns, series, unit, height, zone} = this.data, number = (value) => (value == null ? "–" : `${numeral(Number(value).toLocaleString("en"))} ${unit}`);
    const lines = series.map(({name}, i) => ({label: name, stroke: this.color(LINES[i]), width: 1.5, points: {show: false}, value: (_, value) => number(value)}));
    this.plot = new uPlot({
      width: this.clientWidth || 600, height,
      tzDate: (epochS) => uPlot.tzDate(new Date(epochS * 1000), "Etc/UTC"),
      cursor: {y: false},
      scales: {y: {range: (_, least, most) => [Math.min(0, least ?? 0), Math.max(1, (most ?? 1) * 1.05)]}},
      axes: [{...this.axis(), values: (_, splits) => splits.map((split) => tick(split, turns))}, {...this.axis(), size: 64, values: (_, splits) => splits.map((value) => numeral(value.toLocaleString("en")))}],
      series: [{label: say("Time"), value: (_, value) => (value == null ? "–" : moment(value, zone, turns))}, ...lines],
    }, [times, ...series.map(({values}) => values.map((value) => (value == null ? null : Number(value))))], this);
  }
}

customElements.define("line-chart", LineChart);
