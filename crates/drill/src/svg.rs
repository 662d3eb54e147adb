//! A report as a picture: acknowledged writes upwards, refused requests downwards, the phases below, time to the right.
//!
//! Written by hand: the picture is rectangles, lines and texts, and a plotting library would bring more code than it saves.

use super::report::Report;
use super::timeline::{SLICE, Slice};

/// The picture's width, and the room at its sides, in pixels.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;

/// Where the axis lies; the room above it is for acknowledged writes, the room below for refused requests.
const AXIS: f64 = 250.0;
const UP: f64 = 130.0;
const DOWN: f64 = 60.0;

/// Height of a line of text or of a phase.
const LINE: f64 = 18.0;

/// Room for a character, to keep labels inside of the picture.
const CHARACTER: f64 = 6.5;

const STYLE: &str = "path{shape-rendering:crispEdges}text{font:12px system-ui,sans-serif;fill:#222}.big{font-size:17px;font-weight:600}\
    .ok{fill:#1b7f5c}.no{fill:#c0392b}.phase{fill:#8ea3bd}.mark{stroke:#222;stroke-dasharray:3 3}\
    .line{stroke:#999}.soft{fill:#555}";

/// Draws a report. The same report gives the same picture.
pub fn svg(report: &Report) -> String {
    let seconds = (report.timeline.len() as f64 * SLICE.as_secs_f64()).max(1.0);
    let scale = Scale { pixels: (WIDTH - LEFT - RIGHT) / seconds, seconds };
    let gantt = AXIS + DOWN + 2.0 * LINE;
    let height = gantt + LINE * report.phases.len() as f64 + LINE;
    let title = format!("Drill {} ({}) of {}", report.subject.drill, report.subject.how, report.subject.app);
    let summary = summary(report);
    let parts = [
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-labelledby=\"title desc\">\n<title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n\
             <style>{STYLE}</style>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n",
            escape(&title),
            escape(&format!("{summary}. {}", report.verdict.words)),
        ),
        text(16.0, 26.0, "big", &title),
        text(16.0, 46.0, "", &summary),
        text(16.0, 64.0, if report.verdict.held { "ok" } else { "no" }, &report.verdict.words),
        bars(&report.timeline, scale),
        axis(scale),
        marks(report, scale),
        phases(report, scale, gantt),
        "</svg>\n".to_owned(),
    ];
    parts.concat()
}

#[derive(Clone, Copy)]
struct Scale {
    pixels: f64,
    seconds: f64,
}

impl Scale {
    fn x(self, seconds: f64) -> f64 {
        LEFT + seconds.clamp(0.0, self.seconds) * self.pixels
    }
}

fn summary(report: &Report) -> String {
    let time = |seconds: Option<f64>| seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.2} s"));
    let mut text = format!("RTO {}", time(report.rto_seconds));
    if report.recovery_seconds.is_some() {
        text.push_str(&format!(" ({} from the command)", time(report.recovery_seconds)));
    }
    text.push_str(&format!(
        ", RPO {:.2} s, longest gap {:.2} s; {} acknowledged, {} lost, {} excluded; {} of {} requests refused",
        report.rpo_seconds,
        report.longest_gap_seconds,
        report.acknowledged,
        report.lost,
        report.excluded,
        report.refused,
        report.requests,
    ));
    text
}

fn bars(timeline: &[Slice], scale: Scale) -> String {
    let most = |count: fn(&Slice) -> u64| timeline.iter().map(count).max().unwrap_or(0).max(1) as f64;
    let path = |class: &str, count: fn(&Slice) -> u64, room: f64| {
        let most = most(count);
        let mut path = format!("<path class=\"{class}\" d=\"");
        let width = SLICE.as_secs_f64() * scale.pixels;
        for slice in timeline.iter().filter(|slice| count(slice) > 0) {
            let (x, height) = (scale.x(slice.at_seconds), room * count(slice) as f64 / most);
            path.push_str(&format!("M{x:.1} {AXIS}v{height:.1}h{width:.1}v{:.1}z", -height));
        }
        path + "\"/>\n"
    };
    let label = |y: f64, class: &str, name: &str, most: f64| {
        text(4.0, y, class, &format!("{most:.0}")) + &text(4.0, y + 14.0, class, name)
    };
    [
        path("ok", |slice| slice.acknowledged, -UP),
        path("no", |slice| slice.refused, DOWN),
        label(AXIS - UP + 10.0, "ok", "served", most(|slice| slice.acknowledged)),
        label(AXIS + DOWN - 14.0, "no", "refused", most(|slice| slice.refused)),
    ]
    .concat()
}

/// The line, and a figure every so many seconds: some ten of them.
fn axis(scale: Scale) -> String {
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];
    let step = steps.into_iter().find(|step| scale.seconds / step <= 12.0).unwrap_or(600.0);
    let mut out = format!("<path class=\"line\" d=\"M{LEFT} {AXIS}H{:.1}\"/>\n", scale.x(scale.seconds));
    let mut at = 0.0;
    while at <= scale.seconds {
        out.push_str(&text(scale.x(at), AXIS + DOWN + LINE, "soft", &format!("{at:.0} s")));
        at += step;
    }
    out
}

/// Each a line from top to bottom; their names on three lines in turn, so that near ones do not cover each other.
fn marks(report: &Report, scale: Scale) -> String {
    let mut out = String::new();
    for (number, mark) in report.marks.iter().enumerate() {
        let x = scale.x(mark.at_seconds);
        let y = 84.0 + 13.0 * (number % 3) as f64;
        let label = format!("{} {:.1} s", mark.name, mark.at_seconds);
        out.push_str(&format!("<path class=\"mark\" d=\"M{x:.1} {y}V{}\"/>\n", AXIS + DOWN));
        out.push_str(&beside(x, y, &label));
    }
    out
}

fn phases(report: &Report, scale: Scale, top: f64) -> String {
    let mut out = String::new();
    for (row, phase) in report.phases.iter().enumerate() {
        let (from, to) = (scale.x(phase.at_seconds), scale.x(phase.at_seconds + phase.seconds));
        let y = top + LINE * row as f64;
        let width = (to - from).max(1.0);
        out.push_str(&format!(
            "<rect class=\"phase\" x=\"{from:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"14\"/>\n"
        ));
        let label = format!("{} {:.2} s", phase.name, phase.seconds);
        let fits = to + label.chars().count() as f64 * CHARACTER < WIDTH;
        out.push_str(&beside(if fits { to } else { from }, y + 11.0, &label));
    }
    out
}

/// Text to the right of `x`, or to its left where the right has no room.
fn beside(x: f64, y: f64, label: &str) -> String {
    let length = label.chars().count() as f64 * CHARACTER;
    text(if x + length + 4.0 < WIDTH { x + 4.0 } else { (x - length - 4.0).max(0.0) }, y, "", label)
}

fn text(x: f64, y: f64, class: &str, words: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\"{class}>{}</text>\n", escape(words))
}

fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
