//! Bars with their spread and their limits, as SVG that any browser and GitHub show.

use std::fmt::Write as _;

use crate::report::{Bar, figure};

const LEFT: f64 = 250.0;
const WIDTH: f64 = 860.0;
const ROOM: f64 = 470.0;
const STEP: f64 = 20.0;

/// One bar below the other, from nought to the greatest value; a red tick at the limit, a grey line from least to greatest.
pub fn bars(title: &str, bars: &[Bar]) -> String {
    let reach = bars
        .iter()
        .map(|bar| bar.value.max.max(bar.limit.unwrap_or(0.0)))
        .filter(|v| v.is_finite())
        .fold(1.0, f64::max);
    let at = |value: f64| LEFT + ROOM * value / reach;
    let mut body = String::new();
    let mut y = 54.0;
    let mut group = "";
    for bar in bars {
        if bar.group != group {
            group = &bar.group;
            y += 10.0;
            let _ = writeln!(body, r#"<text x="12" y="{:.0}" class="group">{}</text>"#, y, escaped(group));
            y += 6.0;
        }
        let middle = y + STEP / 2.0;
        let _ = writeln!(
            body,
            r#"<text x="{:.0}" y="{:.0}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            middle + 4.0,
            escaped(&bar.label)
        );
        if bar.value.median.is_finite() {
            let missed = bar.limit.is_some_and(|limit| bar.value.median > limit);
            let class = if missed { "missed" } else { "bar" };
            let length = at(bar.value.median) - LEFT;
            let _ = writeln!(
                body,
                r#"<rect x="{LEFT:.0}" y="{:.1}" width="{length:.1}" height="{:.1}" class="{class}"/>"#,
                y + 3.0,
                STEP - 6.0
            );
            let (from, to) = (at(bar.value.min), at(bar.value.max));
            let _ = writeln!(
                body,
                r#"<line x1="{from:.1}" y1="{middle:.1}" x2="{to:.1}" y2="{middle:.1}" class="spread"/>"#
            );
        }
        if let Some(limit) = bar.limit {
            let x = at(limit);
            let _ = writeln!(
                body,
                r#"<line x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{:.1}" class="limit"/>"#,
                y + 1.0,
                y + STEP - 1.0
            );
        }
        let limit = bar.limit.map(|limit| format!(" (limit {})", figure(limit))).unwrap_or_default();
        let _ = writeln!(
            body,
            r#"<text x="{:.0}" y="{:.0}">{}{limit}</text>"#,
            LEFT + ROOM + 10.0,
            middle + 4.0,
            figure(bar.value.median)
        );
        y += STEP;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:.0}" height="{height:.0}" viewBox="0 0 {WIDTH:.0} {height:.0}">
<style>
text {{ font: 12px sans-serif; fill: #333 }} .title {{ font-size: 15px; font-weight: bold }} .group {{ font-weight: bold }}
.bar {{ fill: #6a9fb5 }} .missed {{ fill: #d28445 }} .spread {{ stroke: #333; stroke-width: 1.5 }} .limit {{ stroke: #ac4142; stroke-width: 2 }}
</style>
<rect width="100%" height="100%" fill="white"/>
<text x="12" y="24" class="title">{title}</text>
<text x="12" y="42">bar: median; black line: least to greatest; red: limit</text>
{body}</svg>
"#,
        height = y + 14.0,
        title = escaped(title),
    )
}

/// As SVG's text.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Spread;

    #[test]
    fn a_bar_a_spread_and_a_limit() {
        let value = Spread { median: 1.2, min: 1.1, max: 1.3 };
        let bar = Bar { group: "1 client".into(), label: "a < b".into(), value, limit: Some(1.15) };
        let svg = bars("vote", &[bar]);
        assert!(svg.contains("a &lt; b") && svg.contains("1.20 (limit 1.15)") && svg.contains("class=\"missed\""));
    }
}
