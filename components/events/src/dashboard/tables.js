// Figures and tables.
const ROWS = 12;
let allBackups = false;
const counts = [];

/** Events per second over the last ten seconds; a restore may take events away, and then counting begins anew. */
function rate(now, events) {
  const last = counts.at(-1);
  if (events === null || (last && events < last.events)) counts.length = 0;
  if (events === null) return DASH;
  counts.push({ at: Date.parse(now), events });
  while (counts.length > 2 && counts[0].at < counts.at(-1).at - 10000) counts.shift();
  const seconds = (counts.at(-1).at - counts[0].at) / 1000;
  return seconds > 0 ? ((events - counts[0].events) / seconds).toFixed(1) : DASH;
}

/** "3.1 GiB of 10.0 GiB". */
function free(volumes, name) {
  const volume = volumes.find((one) => one.volume === name);
  return volume ? `${size(volume.free_bytes)} of ${size(volume.total_bytes)}` : DASH;
}

function showFigures({ now, events, database_bytes, verdict, restore, volumes }) {
  say(byId("free-data"), free(volumes, "data"));
  say(byId("free-backup"), free(volumes, "backup"));
  say(byId("now"), instant(now));
  say(byId("events"), count(events));
  say(byId("rate"), rate(now, events));
  say(byId("size"), size(database_bytes));
  say(byId("loss"), duration(verdict.loss_seconds));
  say(byId("recovery"), duration(verdict.recovery_seconds));
  const ended = restore && (restore.error ? "failed" : `took ${duration(restore.seconds)}`);
  const state = restore && (restore.running ? "at work" : ended);
  say(byId("restore"), restore ? `${state}, ${duration(between(restore.began_at, now))} ago` : "none");
}

function backupState({ verified, error, encrypted, warnings }) {
  // The list of damaged bytes is for machines: /recovery has it.
  if (error) return ["bad", "✕ damaged"];
  if (!verified) return ["warn", "? not verified"];
  return ["good", ["✓ verified", encrypted && "encrypted", warnings && "with warnings"].filter(Boolean).join(", ")];
}

/** A table of files that can be chosen. */
function showPoints(table, points, now, none) {
  const choose = (point) => (cell) => {
    if (!cell.firstChild) cell.append(make("button", { type: "button", textContent: point.file }));
    const button = cell.firstChild;
    button.onclick = () => choosePoint(point.file, point.encrypted);
    button.ariaPressed = String(isChosen(point.file));
  };
  fill(table, points, (point) => point.file, (point) => [
    choose(point),
    instant(point.created_at),
    duration(between(point.created_at, now)),
    size(point.bytes),
    backupState(point),
  ], none);
}

function showBackups(backups, now) {
  showPoints(byId("backups"), allBackups ? backups : backups.slice(0, ROWS), now, "There is no backup yet.");
  const more = byId("more");
  more.hidden = allBackups || backups.length <= ROWS;
  say(more, `Show all ${backups.length}`);
  more.onclick = () => {
    allBackups = true;
    showBackups(backups, now);
  };
}

function restoreOutcome({ running, error, mode }) {
  if (running) return ["warn", "… at work, or killed"];
  return error ? ["bad", `✕ failed: ${error}`] : ["good", `✓ ${mode ?? "done"}`];
}

function showRestores(restores, now) {
  fill(byId("restores"), restores, (one) => one.began_at, (one) => [
    one.point,
    instant(one.began_at),
    duration(between(one.began_at, now)),
    duration(one.seconds),
    restoreOutcome(one),
  ], "Nothing has been restored yet.");
}

function showReplicas(replicas) {
  fill(byId("replicas"), replicas, (replica) => replica.replica, (replica) => [
    replica.replica,
    duration(replica.lag_seconds),
    instant(replica.window_from),
    replica.well ? ["good", replica.encrypted ? "✓ well, encrypted" : "✓ well"]
      : ["bad", replica.error ? `✕ ${replica.error}` : "✕ its replicator is silent"],
  ], "There is no replica.");
}

function showRehearsals(rehearsals, now) {
  const outcomes = { good: ["good", "✓ good"], failed: ["bad", "✕ failed"], "not-rehearsed": ["warn", "? encrypted, not rehearsed"] };
  fill(byId("rehearsals"), rehearsals.slice(0, ROWS), (one) => `${one.source} ${one.at}`, (one) => {
    const [kind, words] = outcomes[one.outcome] ?? ["warn", one.outcome];
    return [one.source, duration(between(one.at, now)), duration(one.seconds), [kind, one.error ? `${words}: ${one.error}` : words]];
  }, "No restore has been rehearsed yet.");
}

function showDrills(drills, now) {
  fill(byId("drills"), drills.slice(0, ROWS), (drill) => drill.at, (drill) => [
    drill.kind,
    duration(between(drill.at, now)),
    duration(drill.rto_seconds),
    duration(drill.rpo_seconds),
    drill.kept ? ["good", "✓ kept"] : ["bad", "✕ broken"],
  ], "No disaster has been made on purpose yet.");
}
