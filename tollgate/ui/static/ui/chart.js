// <line-chart data-chart='{"unit", "height", "zone", "times", "series": [{"name", "values"}]}'>: lines over time. Times come by
// the clock of the zone, and are read as if they were UTC.
//
// Colors come from the theme, so the chart is drawn anew when the theme changes; it follows the width of its place.

const LINES = ["--tblr-primary", "--tblr-green", "--tblr-orange", "--tblr-purple"];
const twoDigits = (number) => String(number).padStart(2, "0");
const moment = (epochS, zone) => { const at = new Date(epochS * 1000); return `${at.getUTCFullYear()}-${twoDigits(at.getUTCMonth() + 1)}-${twoDigits(at.getUTCDate())} ${twoDigits(at.getUTCHours())}:${twoDigits(at.getUTCMinutes())} ${zone}`; };
// Midnight is shown as its date, any other moment as its time.
const tick = (epochS) => { const at = new Date(epochS * 1000); return at.getUTCHours() || at.getUTCMinutes() ? `${twoDigits(at.getUTCHours())}:${twoDigits(at.getUTCMinutes())}` : `${twoDigits(at.getUTCMonth() + 1)}-${twoDigits(at.getUTCDate())}`; };

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
    const {times, series, unit, height, zone} = this.data, number = (value) => (value == null ? "–" : `${numeral(Number(value).toLocaleString("en"))} ${unit}`);
    const lines = series.map(({name}, i) => ({label: name, stroke: this.color(LINES[i]), width: 1.5, points: {show: false}, value: (_, value) => number(value)}));
    this.plot = new uPlot({
      width: this.clientWidth || 600, height,
      tzDate: (epochS) => uPlot.tzDate(new Date(epochS * 1000), "Etc/UTC"),
      cursor: {y: false},
      scales: {y: {range: (_, least, most) => [Math.min(0, least ?? 0), Math.max(1, (most ?? 1) * 1.05)]}},
      axes: [{...this.axis(), values: (_, splits) => splits.map(tick)}, {...this.axis(), size: 64, values: (_, splits) => splits.map((value) => numeral(value.toLocaleString("en")))}],
      series: [{label: say("Time"), value: (_, value) => (value == null ? "–" : moment(value, zone))}, ...lines],
    }, [times, ...series.map(({values}) => values.map((value) => (value == null ? null : Number(value))))], this);
  }
}

customElements.define("line-chart", LineChart);
