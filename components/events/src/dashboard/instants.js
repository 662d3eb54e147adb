// Any instant that a replica covers.
let windows = [];

const asSecond = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/** From the first instant to the last one that some replica covers, in ms, to whole seconds that lie within. */
function wholeWindow() {
  return {
    from: Math.ceil(Math.min(...windows.map((window) => window.from)) / 1000) * 1000,
    to: Math.floor(Math.max(...windows.map((window) => window.to)) / 1000) * 1000,
  };
}

function offerInstants(covered) {
  windows = covered.map((replica) => ({
    from: Date.parse(replica.window_from),
    to: Date.parse(replica.synced_at),
    encrypted: replica.encrypted,
    replica: replica.replica,
  }));
  byId("instant").hidden = windows.length === 0;
  if (windows.length === 0) return;
  const { from, to } = wholeWindow();
  say(byId("covered"), `From ${asSecond(from)} to ${asSecond(to)}.`);
}

byId("slider").addEventListener("input", (event) => {
  const { from, to } = wholeWindow();
  byId("at").value = asSecond(from + ((to - from) * event.target.valueAsNumber) / 1000);
});

/** What the picker gives is of the browser's own zone. */
byId("local").addEventListener("input", (event) => {
  const at = Date.parse(event.target.value);
  if (!Number.isNaN(at)) byId("at").value = asSecond(at);
});

function chooseInstant() {
  const text = byId("at").value.trim();
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) ? Date.parse(text) : NaN;
  const window = windows.find(({ from, to }) => from <= at && at <= to);
  byId("at").ariaInvalid = String(!window);
  if (window) {
    choosePoint(text, window.encrypted, window.replica);
  } else {
    chosen = null;
    byId("commands").replaceChildren();
    say(byId("chosen"), Number.isNaN(at) ? "An instant looks like 2025-01-10T12:00:00Z." : "No replica covers this instant.");
  }
}

byId("choose-instant").addEventListener("click", chooseInstant);
byId("at").addEventListener("keydown", (event) => {
  if (event.key === "Enter") chooseInstant();
});
