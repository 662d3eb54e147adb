// Backups and windows along the time: now on the right, further back ever closer together.
const TICKS = [[60, "1 min"], [600, "10 min"], [3600, "1 h"], [21600, "6 h"], [86400, "1 day"], [604800, "1 week"],
  [2592000, "1 month"], [31536000, "1 year"]];
/** In percent: labels that are nearer to each other, or to the edge, cannot be read. */
const APART = 12;
const EDGE = 5;

/** Gives the place of an age, in percent from the left. */
function scaleFor(oldest) {
  const whole = Math.log1p(Math.max(oldest, 600) / 60);
  return (age) => 100 * (1 - Math.min(1, Math.log1p(age / 60) / whole));
}

function showTimeline({ backups, replicas, now }) {
  const covered = replicas.filter((replica) => replica.window_from !== null && replica.synced_at !== null);
  const ages = [...backups.map((backup) => backup.created_at), ...covered.map((replica) => replica.window_from)];
  const place = scaleFor(Math.max(0, ...ages.map((at) => between(at, now))));
  showBars(backups, now, place);
  showScale(place, now);
  showWindows(covered, now, place);
  offerInstants(covered);
}

function showBars(backups, now, place) {
  const bars = byId("bars");
  const largest = Math.max(1, ...backups.map((backup) => backup.bytes));
  const build = (backup) => {
    const bar = make("button", { type: "button", tabIndex: -1 });
    bar.onclick = () => choosePoint(backup.file, backup.encrypted);
    return bar;
  };
  reconcile(bars, [...backups].reverse(), (backup) => backup.file, build, (bar, backup) => {
    const [kind, state] = backupState(backup);
    // The instant and not the age, which a screen reader would read out again each second.
    const label = `${backup.file}, ${instant(backup.created_at)}, ${size(backup.bytes)}, ${state}`;
    if (bar.ariaLabel !== label) bar.ariaLabel = bar.title = label;
    bar.dataset.state = { good: "good", bad: "bad", warn: "unknown" }[kind];
    bar.ariaPressed = String(isChosen(backup.file));
    bar.style.left = `${place(between(backup.created_at, now))}%`;
    bar.style.height = `${25 + 75 * (backup.bytes / largest)}%`;
  });
  if (!bars.querySelector("[tabindex='0']")) bars.lastElementChild?.setAttribute("tabindex", "0");
}

// One stop of the Tab key for all bars.
byId("bars").addEventListener("focusin", (event) => {
  for (const bar of byId("bars").children) bar.tabIndex = bar === event.target ? 0 : -1;
});
byId("bars").addEventListener("keydown", (event) => {
  const bars = byId("bars");
  const next = {
    ArrowLeft: event.target.previousElementSibling,
    ArrowRight: event.target.nextElementSibling,
    Home: bars.firstElementChild,
    End: bars.lastElementChild,
  }[event.key];
  if (next) {
    event.preventDefault();
    next.focus();
  }
});

/** The date, or the time of day, of an age. */
function dated(now, age) {
  const at = new Date(Date.parse(now) - age * 1000).toISOString();
  if (age < 86400) return at.slice(11, 16);
  const month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")[Number(at.slice(5, 7)) - 1];
  return age < 31536000 ? `${Number(at.slice(8, 10))} ${month}` : `${month} ${at.slice(0, 4)}`;
}

function showScale(place, now) {
  let last = 100;
  const shown = TICKS.map(([age, label]) => [place(age), label, dated(now, age)]).filter(([left]) => {
    const fits = left > EDGE && last - left >= APART;
    if (fits) last = left;
    return fits;
  });
  reconcile(byId("scale"), shown, ([, label]) => label, () => make("span", {}, make("span"), make("span")),
    (span, [left, label, date]) => {
      span.style.left = `${left}%`;
      say(span.children[0], label);
      say(span.children[1], date);
    });
}

function showWindows(covered, now, place) {
  const build = () => make("li", {}, make("span"), make("div", { className: "track" }, make("div", { className: "span" })));
  reconcile(byId("windows"), covered, (replica) => replica.replica, build, (item, replica) => {
    say(item.children[0], `${replica.replica}: any instant from ${instant(replica.window_from)} to ${instant(replica.synced_at)}`);
    const span = item.querySelector(".span");
    const [left, right] = [replica.window_from, replica.synced_at].map((at) => place(between(at, now)));
    span.style.left = `${left}%`;
    span.style.width = `${right - left}%`;
  });
}
