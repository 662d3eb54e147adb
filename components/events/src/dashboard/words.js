// Figures in words. What is not known is a dash.
const DASH = "–";

/** A duration: 0.4 s, 42 s, 5 min, 3 h, 2 days. */
function duration(seconds) {
  if (seconds === null || seconds === undefined) return DASH;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(0)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(0)} h`;
  return `${(seconds / 86400).toFixed(0)} days`;
}

/** A size: 20.0 KiB. */
function size(bytes) {
  if (bytes === null) return DASH;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

/** A count: 1,234,567. */
function count(number) {
  return number === null ? DASH : number.toLocaleString("en");
}

/** An instant to the second, UTC: 2025-01-10 12:00:00. */
function instant(at) {
  return at === null ? DASH : at.slice(0, 19).replace("T", " ");
}

/** Seconds from one instant to another. */
function between(from, to) {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}
