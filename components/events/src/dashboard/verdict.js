// Is it safe now? A word, a symbol and a colour; the announced text changes only with the level and its reasons.
const LEVELS = {
  safe: ["✓", "Safe"],
  warning: ["!", "Needs attention"],
  danger: ["✕", "In danger"],
};

let announced = null;

function announce(what, text) {
  if (announced === what) return;
  announced = what;
  say(byId("announcement"), text);
}

function showLevel(level, word, sentence) {
  byId("verdict").dataset.level = level;
  say(byId("symbol"), LEVELS[level][0]);
  say(byId("level"), word);
  say(byId("sentence"), sentence);
  document.title = `${LEVELS[level][0]} mini-pra: ${word.toLowerCase()}`;
}

function showVerdict({ level, sentence, reasons }) {
  const word = LEVELS[level][1];
  showLevel(level, word, sentence);
  const key = (reason) => `${reason.level} ${reason.page} ${reasons.indexOf(reason)}`;
  const build = () => make("li", {}, make("span"), " ", make("a"), " ", make("code"));
  reconcile(byId("reasons"), reasons, key, build, (item, reason) => {
    say(item.children[0], `${LEVELS[reason.level][1]}: ${reason.text}.`);
    say(item.children[1], `What to do: ${reason.page}`);
    const page = `runbook/${encodeURIComponent(reason.page)}`;
    if (item.children[1].getAttribute("href") !== page) item.children[1].href = page;
    say(item.children[2], reason.command ?? "");
    item.children[2].hidden = !reason.command;
  });
  announce([level, ...reasons.map(key)].join("\n"), `${word}. ${sentence}`);
}

/** What SQLite's checks say of the newest good backup, and of the database where it is replicated. Each one is shown once. */
function showWarnings({ warnings, replicas }) {
  const all = [...new Set([...warnings, ...replicas.flatMap((replica) => replica.warnings ?? [])])];
  const box = byId("warnings");
  box.hidden = all.length === 0;
  reconcile(box.querySelector("ul"), all, (text) => text, () => make("li"), say);
}

/** There is no answer: everything else on the page is from then. */
function showSilence(since, seconds) {
  const when = since ? `since ${instant(since)}, ${duration(seconds)} ago` : "since this page was opened";
  showLevel("danger", "No answer", `The application does not answer ${when}. The data below is from then.`);
  byId("reasons").replaceChildren();
  announce("silence", `The application does not answer ${when}.`);
}
