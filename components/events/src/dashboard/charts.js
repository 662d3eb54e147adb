// Small curves of what the catalog remembers. Each says in words what it shows.
const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH] = [240, 60];

/** Draws [instant in ms, number] from old to new; `words` makes a number readable. */
function drawChart(id, points, words, none) {
  const place = byId(id);
  const known = points.filter(([, value]) => value !== null);
  const last = known.at(-1);
  const most = Math.max(...known.map(([, value]) => value));
  const date = (at) => instant(new Date(at).toISOString()).slice(0, 16);
  const text = known.length < 2 ? none : `From ${date(known[0][0])} to ${date(last[0])}: at most ${words(most)}, last ${words(last[1])}.`;
  if (!place.firstChild) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
    svg.setAttribute("aria-hidden", "true");
    svg.append(document.createElementNS(SVG, "polyline"));
    place.append(svg, make("p", { className: "hint" }));
  }
  const [svg, hint] = place.children;
  say(hint, text);
  svg.toggleAttribute("hidden", known.length < 2);
  if (known.length < 2) return;
  const [from, to] = [known[0][0], last[0]];
  const x = (at) => (WIDE * (at - from)) / Math.max(1, to - from);
  const y = (value) => HIGH - 2 - ((HIGH - 4) * value) / Math.max(most, Number.MIN_VALUE);
  const line = known.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  if (svg.firstChild.getAttribute("points") !== line) svg.firstChild.setAttribute("points", line);
}

/** For each minute the replica that is most behind. */
function worstLags(lags) {
  const worst = new Map();
  for (const { at, seconds } of lags) {
    const minute = Math.floor(Date.parse(at) / 60000) * 60000;
    worst.set(minute, Math.max(seconds, worst.get(minute) ?? 0));
  }
  return [...worst].sort(([one], [other]) => one - other);
}

function showCharts({ backups, lags }) {
  const old = [...backups].reverse();
  const none = "There are not two backups to compare yet.";
  drawChart("chart-events", old.map((one) => [Date.parse(one.created_at), one.events]), count, none);
  drawChart("chart-size", old.map((one) => [Date.parse(one.created_at), one.bytes]), size, none);
  drawChart("chart-lag", worstLags(lags), duration, "No replica has been followed for two minutes yet.");
}
