// Asks each second, one question at a time, and says so if there is no answer.
const PERIOD = 1000;
/** While the page is hidden. */
const PERIOD_HIDDEN = 30000;
/** In ms without an answer: a page that is two seconds old must not look alive. */
const SILENCE = 1800;
const GIVE_UP = 10000;

let lastAnswer = null;
let heard = performance.now();
let failed = false;
let timer = null;
let asking = false;

function show(recovery) {
  paths = recovery.commands;
  showVerdict(recovery.verdict);
  showWarnings(recovery);
  showFigures(recovery);
  showCharts(recovery);
  showTimeline(recovery);
  showBackups(recovery.backups, recovery.now);
  showPoints(byId("copies"), recovery.safety_copies, recovery.now, "No restore has replaced anything yet.");
  showRestores(recovery.restores, recovery.now);
  showReplicas(recovery.replicas);
  showRehearsals(recovery.rehearsals, recovery.now);
  showDrills(recovery.drills, recovery.now);
}

async function fetchRecovery() {
  const response = await fetch("recovery", { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

async function ask() {
  asking = true;
  const began = performance.now();
  const recovery = await fetchRecovery().catch(() => null);
  asking = false;
  failed = recovery === null;
  const period = document.hidden ? PERIOD_HIDDEN : PERIOD;
  timer = setTimeout(ask, Math.max(0, began + period - performance.now()));
  if (recovery) {
    heard = performance.now();
    lastAnswer = recovery.now;
    show(recovery);
  } else {
    watch();
  }
}

/** Says that there is no answer: at once if the request failed, else after a while. */
function watch() {
  const quiet = performance.now() - heard;
  if (!document.hidden && (failed || quiet > SILENCE)) showSilence(lastAnswer, quiet / 1000);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  heard = performance.now();
  if (!asking) {
    clearTimeout(timer);
    ask();
  }
});
setInterval(watch, 200);
ask();
