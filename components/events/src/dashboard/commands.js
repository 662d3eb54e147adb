// The point that was chosen, and what one types to restore it.
let chosen = null;

const isChosen = (point) => chosen !== null && chosen.point === point;

/** As a shell takes it. */
function quote(text) {
  return /^[A-Za-z0-9._:+\/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Where the database and its backups are; kubectl comes first where that is a pod. */
let paths = { database: null, backups: null, cluster: true };

function commandsFor({ point, encrypted, replica }) {
  const named = `--point ${quote(point)}`;
  const flags = [
    paths.database && `--database ${quote(paths.database)}`,
    paths.backups && `--backups ${quote(paths.backups)}`,
    named,
    replica && `--replica ${quote(replica)}`,
    encrypted && "--identity FILE",
  ].filter(Boolean).join(" ");
  const patch = quote(JSON.stringify({ data: { point } }));
  const local = [["Where the database is", `backup-job restore ${flags}`]];
  const cluster = [
    ["With the plugin for kubectl", `kubectl pra restore ${named}`],
    ["With kubectl alone", `kubectl patch configmap restore-point --type merge -p ${patch}\n` +
      "kubectl create job restore-now --from=cronjob/restore"],
  ];
  return paths.cluster ? [...cluster, ...local] : [...local, ...cluster];
}

/** Chooses a file, or an instant of a replica. */
function choosePoint(point, encrypted, replica = null) {
  chosen = { point, encrypted, replica };
  const note = encrypted ? " It is encrypted: it takes the identity." : "";
  say(byId("chosen"), `To restore ${point}, type one of these.${note}`);
  byId("commands").replaceChildren(...commandsFor(chosen).map(([title, command]) => {
    const code = make("code", { textContent: command });
    const copy = make("button", { type: "button", textContent: "Copy", ariaLabel: `Copy: ${title}` });
    copy.onclick = () => copyText(command, code, copy);
    return make("div", {}, make("h3", { textContent: title }),
      make("div", { className: "command" }, make("pre", {}, code), copy));
  }));
  for (const button of document.querySelectorAll("#bars button, #backups button, #copies button")) {
    const own = button.dataset.key ?? button.textContent;
    button.ariaPressed = String(isChosen(own));
  }
}

/** Browsers give the clipboard to pages from https and localhost only; elsewhere the text is selected. */
async function copyText(text, code, button) {
  try {
    await navigator.clipboard.writeText(text);
    say(button, "Copied");
  } catch {
    getSelection().selectAllChildren(code);
    say(button, "Selected");
  }
  setTimeout(() => say(button, "Copy"), 2000);
}
