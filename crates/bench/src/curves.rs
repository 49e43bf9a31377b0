//! Curves over time, as SVG: panels one below the other, with common marks.

use std::fmt::Write as _;

use crate::plot::escaped;
use crate::report::figure;

const LEFT: f64 = 76.0;
const ROOM: f64 = 760.0;
const HEIGHT: f64 = 170.0;
const WIDTH: f64 = 860.0;
const COLOURS: [&str; 4] = ["#6a9fb5", "#d28445", "#90a959", "#aa759f"];

/// Curves over the same axes.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    /// What is shown, with the unit.
    pub title: String,
    /// What is below it, with the unit.
    pub below: String,
    /// The curves.
    pub curves: Vec<Curve>,
    /// Places along the axis below that mean something.
    pub marks: Vec<(f64, String)>,
    /// A red line that should not be crossed.
    pub limit: Option<f64>,
    /// Each step up is ten times as much.
    pub logarithmic: bool,
}

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What it is.
    pub name: String,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// A value of the given share of `samples` (when, how much) for each span of `width`: 0.5 gives medians. The place is the span's
/// beginning; spans without samples are left out.
pub fn by_span(samples: &[(f64, f64)], width: f64, share: f64) -> Vec<(f64, f64)> {
    let mut spans: std::collections::BTreeMap<i64, Vec<f64>> = std::collections::BTreeMap::new();
    for (when, value) in samples {
        spans.entry((when / width).floor() as i64).or_default().push(*value);
    }
    spans.into_iter().map(|(span, values)| (span as f64 * width, percentile(values, share))).collect()
}

/// The value below which `share` of all lie; not a number where there is none.
pub fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// All panels.
pub fn stacked(title: &str, panels: &[Panel]) -> String {
    let mut body = String::new();
    let mut top = 44.0;
    for panel in panels {
        draw(panel, top, &mut body);
        top += HEIGHT + 74.0;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:.0}" height="{top:.0}" viewBox="0 0 {WIDTH:.0} {top:.0}">
<style>
text {{ font: 12px sans-serif; fill: #333 }} .title {{ font-size: 15px; font-weight: bold }} .group {{ font-weight: bold }}
.grid {{ stroke: #ddd }} .axis {{ stroke: #333 }} .mark {{ stroke: #777; stroke-dasharray: 4 3 }} .limit {{ stroke: #ac4142; stroke-width: 1.5 }}
polyline {{ fill: none; stroke-width: 1.5 }}
</style>
<rect width="100%" height="100%" fill="white"/>
<text x="12" y="24" class="title">{title}</text>
{body}</svg>
"#,
        title = escaped(title),
    )
}

fn draw(panel: &Panel, top: f64, body: &mut String) {
    let axes = Axes::of(panel, top + 20.0);
    let base = axes.top + HEIGHT;
    let _ = writeln!(body, r#"<text x="12" y="{:.0}" class="group">{}</text>"#, top + 8.0, escaped(&panel.title));
    for value in axes.rungs() {
        let y = axes.y(value);
        let _ =
            writeln!(body, r#"<line x1="{LEFT:.0}" y1="{y:.1}" x2="{:.0}" y2="{y:.1}" class="grid"/>"#, LEFT + ROOM);
        let _ = writeln!(
            body,
            r#"<text x="{:.0}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 6.0,
            y + 4.0,
            figure(value)
        );
    }
    for part in 0..=4 {
        let value = axes.from + (axes.to - axes.from) * f64::from(part) / 4.0;
        let _ = writeln!(
            body,
            r#"<text x="{:.1}" y="{:.0}" text-anchor="middle">{}</text>"#,
            axes.x(value),
            base + 15.0,
            figure(value)
        );
    }
    let _ =
        writeln!(body, r#"<line x1="{LEFT:.0}" y1="{base:.0}" x2="{:.0}" y2="{base:.0}" class="axis"/>"#, LEFT + ROOM);
    for (at, what) in &panel.marks {
        let x = axes.x(*at);
        let _ = writeln!(body, r#"<line x1="{x:.1}" y1="{:.0}" x2="{x:.1}" y2="{base:.0}" class="mark"/>"#, axes.top);
        let _ = writeln!(body, r#"<text x="{:.1}" y="{:.0}">{}</text>"#, x + 3.0, axes.top + 11.0, escaped(what));
    }
    if let Some(limit) = panel.limit {
        let y = axes.y(limit);
        let _ =
            writeln!(body, r#"<line x1="{LEFT:.0}" y1="{y:.1}" x2="{:.0}" y2="{y:.1}" class="limit"/>"#, LEFT + ROOM);
    }
    let mut key = LEFT;
    for (curve, colour) in panel.curves.iter().zip(COLOURS.iter().cycle()) {
        let points: Vec<String> = curve
            .points
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(at, value)| format!("{:.1},{:.1}", axes.x(*at), axes.y(*value)))
            .collect();
        let _ = writeln!(body, r#"<polyline points="{}" stroke="{colour}"/>"#, points.join(" "));
        let _ = writeln!(body, r#"<rect x="{key:.0}" y="{:.0}" width="14" height="4" fill="{colour}"/>"#, base + 25.0);
        let _ = writeln!(body, r#"<text x="{:.0}" y="{:.0}">{}</text>"#, key + 19.0, base + 31.0, escaped(&curve.name));
        key += 34.0 + 6.6 * curve.name.chars().count() as f64;
    }
    let _ = writeln!(
        body,
        r#"<text x="{:.0}" y="{:.0}" text-anchor="end">{}</text>"#,
        LEFT + ROOM,
        base + 31.0,
        escaped(&panel.below)
    );
}

/// From values to places.
struct Axes {
    top: f64,
    from: f64,
    to: f64,
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Axes {
    fn of(panel: &Panel, top: f64) -> Self {
        let points = || panel.curves.iter().flat_map(|curve| &curve.points).filter(|(_, value)| value.is_finite());
        let places = || points().map(|(at, _)| *at).chain(panel.marks.iter().map(|(at, _)| *at));
        let values = || points().map(|(_, value)| *value).chain(panel.limit);
        let from = places().fold(f64::INFINITY, f64::min);
        let to = places().fold(f64::NEG_INFINITY, f64::max);
        let (from, to) = if from < to { (from, to) } else { (0.0, 1.0) };
        let most = values().fold(0.0, f64::max);
        let least = values().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min).min(most.max(0.001));
        let (low, high) = if panel.logarithmic {
            (10_f64.powf(least.max(1e-6).log10().floor()), 10_f64.powf(most.max(1e-5).log10().ceil()))
        } else {
            (0.0, if most > 0.0 { most * 1.05 } else { 1.0 })
        };
        let high = if high > low { high } else { low * 10.0 };
        Self { top, from, to, low, high, logarithmic: panel.logarithmic }
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + ROOM * (at - self.from) / (self.to - self.from)
    }

    fn y(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            value / self.high
        };
        self.top + HEIGHT * (1.0 - share)
    }

    /// The values that have a line across.
    fn rungs(&self) -> Vec<f64> {
        if self.logarithmic {
            let steps = (self.high / self.low).log10().round() as i32;
            (0..=steps).map(|step| self.low * 10_f64.powi(step)).collect()
        } else {
            (0..=4).map(|part| self.high * f64::from(part) / 4.0).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_by_span() {
        let samples = [(0.0, 1.0), (0.05, 2.0), (0.09, 9.0), (0.31, 4.0)];
        let found = by_span(&samples, 0.1, 0.5);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].1, found[1].1), (2.0, 4.0));
        assert!((found[1].0 - 0.3).abs() < 1e-9);
        assert!(percentile(Vec::new(), 0.5).is_nan());
    }

    #[test]
    fn a_panel_with_a_mark_and_a_limit() {
        let panel = Panel {
            title: "latency, ms".into(),
            curves: vec![Curve { name: "p99 < all".into(), points: vec![(0.0, 0.2), (1.0, 30.0)] }],
            marks: vec![(0.5, "UPDATE".into())],
            limit: Some(50.0),
            logarithmic: true,
            ..Panel::default()
        };
        let svg = stacked("bulk", &[panel, Panel::default()]);
        assert!(svg.contains("p99 &lt; all") && svg.contains("UPDATE") && svg.contains("class=\"limit\""));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
