//! Bar charts: at most three stacked outcomes, optionally in front of a pale bar with earlier values (a chamber). The totals are in
//! the legend, each column shows its values on hover, and a table below has the numbers. `ui::chart_tips` reads that table for the
//! box above a bar.

use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use super::markup::{Markup, markup};
use super::number::{grouped, short};
use super::time::{span_markup, time_markup};
use super::time_text::{UTC, Wording, span_text};
use crate::shared::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Valid,
    Limited,
    Rejected,
    /// A rotation's new secret and its old one.
    Brass,
    Off,
    Chamber,
}

impl Ink {
    pub(super) const fn fill(self) -> &'static str {
        match self {
            Self::Valid => "c-valid",
            Self::Limited => "c-limited",
            Self::Rejected => "c-rejected",
            Self::Brass => "c-brass",
            Self::Off => "c-off",
            Self::Chamber => "c-chamber",
        }
    }

    pub const fn swatch(self) -> &'static str {
        match self {
            Self::Valid => "swatch swatch-valid",
            Self::Limited => "swatch swatch-limited",
            Self::Rejected => "swatch swatch-rejected",
            Self::Brass => "swatch swatch-brass",
            Self::Off => "swatch swatch-off",
            Self::Chamber => "swatch swatch-chamber",
        }
    }
}

/// One outcome. The first series is at the bottom.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    pub ink: Ink,
}

/// One span of time.
#[derive(Clone, Debug)]
pub struct Bar {
    pub from: Timestamp,
    pub until: Timestamp,
    /// One value for each series; empty for a span in the future.
    pub values: Vec<u64>,
    /// One value for each column of the table, where it has other columns than the series.
    pub details: Vec<u64>,
    /// The total of the same span earlier.
    pub earlier: Option<u64>,
    /// What the bar opens; empty if there is nothing to open.
    pub href: String,
    /// What the part of each series opens, if that differs from the bar.
    pub part_hrefs: Vec<String>,
}

impl Bar {
    pub fn new(from: Timestamp, until: Timestamp, values: Vec<u64>) -> Self {
        Self {
            from,
            until,
            values,
            details: Vec::new(),
            earlier: None,
            href: String::new(),
            part_hrefs: Vec::new(),
        }
    }

    fn total(&self) -> u64 {
        self.values.iter().fold(0, |sum, value| sum.saturating_add(*value))
    }

    fn description(&self, series: &[Series], earlier: &str) -> String {
        let now = self.values.iter().zip(series).map(|(value, series)| (*value, series.name.as_str()));
        let figures: Vec<String> = now
            .chain(self.earlier.map(|value| (value, earlier)))
            .map(|(value, name)| format!("{} {}", grouped(value), name.to_lowercase()))
            .collect();
        format!("{}: {}", span_text(self.from, self.until, &UTC), figures.join(", "))
    }
}

/// A label below the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AxisMark {
    Time(Timestamp, Wording),
    Now,
}

/// The height of the plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartHeight {
    Low,
    #[default]
    Usual,
    Tall,
}

#[component]
pub fn Chart(
    /// A sentence that describes the chart, with its totals.
    #[prop(into)]
    summary: String,
    series: Vec<Series>,
    bars: Vec<Bar>,
    /// The labels of the axis, spread evenly.
    axis: Vec<AxisMark>,
    now: Timestamp,
    /// The columns of the table, if they are not the series. `Bar::details` has their values.
    #[prop(optional)]
    details: Vec<Series>,
    /// The heading of the table's first column.
    #[prop(into, default = "Hour".to_owned())]
    span: String,
    /// What a bar opens, for the box above it.
    #[prop(into, optional)]
    opens: String,
    /// The name of the chambers, such as "The 24 h before".
    #[prop(into, default = "Earlier".to_owned())]
    earlier: String,
    #[prop(optional)] height: ChartHeight,
) -> AnyView {
    let tall = match height {
        ChartHeight::Low => "h-32",
        ChartHeight::Usual => "h-44",
        ChartHeight::Tall => "h-48",
    };
    let highest = bars.iter().map(|bar| bar.total().max(bar.earlier.unwrap_or(0))).max().unwrap_or(0);
    let (ticks, top) = ticks(highest);
    let bands = ticks.iter().map(|_| view! { <div class="band flex-1"></div> }).collect_view();
    let marks = ticks
        .iter()
        .rev()
        .map(|tick| {
            view! {
                <div class="flex-1">
                    <div class="-translate-y-1/2">{short(*tick)}</div>
                </div>
            }
        })
        .collect_view();
    let has_chambers = bars.iter().any(|bar| bar.earlier.is_some());
    let columns = bars
        .iter()
        .enumerate()
        .map(|(index, bar)| {
            let plot = Plot { series: &series, top, has_chambers, opens: &opens };
            plot.column(index, bar, &bar.description(&series, &earlier))
        })
        .collect::<Vec<_>>();
    // An image could not contain links.
    let role = if bars.iter().any(|bar| !bar.href.is_empty()) { "group" } else { "img" };
    let plot = markup!(
        r#"<svg viewBox="0 0 "# { bars.len() * WIDTH } r#" 100" preserveAspectRatio="none" role=""# { role } "\""
        { Markup::attribute("aria-label", &summary) } ">" { columns } "</svg>"
    );
    let axis = axis.into_iter().map(|mark| match mark {
        AxisMark::Time(at, wording) => time_markup(at, now, wording).into_any(),
        AxisMark::Now => view! { <span>"Now"</span> }.into_any(),
    });
    view! {
        <figure class="m-0" data-chart="">
            <div class="plot">
                <div class=format!("plot-area {tall} flex flex-col")>
                    {bands} <div class="base"></div>
                    {(highest == 0).then(|| view! { <p class="plot-empty cap">"Nothing yet"</p> })}
                    {plot.into_any()}
                </div>
                <div class=format!("plot-tick flex flex-col {tall} text-right") aria-hidden="true">
                    {marks} <div class="h-0">
                        <div class="-translate-y-1/2">"0"</div>
                    </div>
                </div>
                <div class="plot-tick flex justify-between pt-1.5" aria-hidden="true">
                    {axis.collect_view()}
                </div>
            </div>
            <p class="scriptless cap">"Times are UTC."</p>
            {as_table(span, if details.is_empty() { series } else { details }, bars, has_chambers.then_some(earlier))}
        </figure>
    }
    .into_any()
}

/// The legend next to the heading: the meaning of the colors, with totals.
#[component]
pub fn Legend(series: Vec<Series>, bars: Vec<Bar>, #[prop(into, optional)] earlier: String) -> AnyView {
    let entry = |ink: Ink, name: String, total: Option<u64>| {
        view! {
            <li class="flex items-center gap-2">
                <span class=ink.swatch()></span>
                <span class="text-ink-2">{name}</span>
                {total.map(|total| view! { <span class="num font-semi">{grouped(total)}</span> })}
            </li>
        }
    };
    let chambers = (!earlier.is_empty()).then(|| entry(Ink::Chamber, earlier, None));
    let totals = series.into_iter().enumerate().map(|(index, series)| {
        let values = bars.iter().filter_map(|bar| bar.values.get(index));
        let total = values.fold(0_u64, |sum, value| sum.saturating_add(*value));
        entry(series.ink, series.name, Some(total))
    });
    view! { <ul class="flex flex-wrap gap-x-5 gap-y-1 text-dense">{chambers}{totals.collect_view()}</ul> }
        .into_any()
}

const WIDTH: usize = 10;

/// The values of up to four grid lines, and the last of them, which is the top of the chart.
fn ticks(highest: u64) -> (Vec<u64>, u64) {
    let raw = highest.div_ceil(4).max(1);
    let magnitude = 10_u64.pow(raw.ilog10());
    let step = [1, 2, 3, 5, 10]
        .into_iter()
        .map(|factor| magnitude.saturating_mul(factor))
        .find(|step| *step >= raw)
        .unwrap_or(raw);
    let count = highest.div_ceil(step).max(1);
    ((1..=count).map(|line| line.saturating_mul(step)).collect(), count.saturating_mul(step))
}

/// What all columns of a chart have in common.
struct Plot<'a> {
    series: &'a [Series],
    /// The value at the top of the chart.
    top: u64,
    has_chambers: bool,
    opens: &'a str,
}

impl Plot<'_> {
    fn column(&self, index: usize, bar: &Bar, title: &str) -> Markup {
        let share = |value: u64| value as f64 / self.top as f64 * 100.0;
        // Bars are inside their chambers, or alone with a wider gap.
        let (gap, inset) = if self.has_chambers { (2.0, 2.0) } else { (3.0, 0.0) };
        let left = (index * WIDTH) as f64 + gap / 2.0;
        let width = WIDTH as f64 - gap;
        let mut parts = Vec::new();
        if let Some(value) = bar.earlier {
            let height = share(value);
            parts.push(rect(Ink::Chamber, left, 100.0 - height, width, height));
        }
        let mut y = 100.0;
        let values = bar.values.iter().zip(self.series).enumerate();
        for (place, (value, series)) in values.filter(|(_, (value, _))| **value > 0) {
            let height = share(*value);
            let first = y >= 100.0;
            y -= height;
            // A thin line between outcomes, and at least a thin line for the smallest value.
            let visible = (if first { height } else { height - 0.6 }).max(0.6);
            let part = rect(series.ink, left + inset, y.min(100.0 - visible), width - inset * 2.0, visible);
            parts.push(match bar.part_hrefs.get(place).filter(|href| !href.is_empty()) {
                // For the pointer only; the keyboard opens the whole bar.
                Some(href) => markup!(
                    r#"<a class="plot-part" tabindex="-1""# { Markup::attribute("href", href) }
                    { Markup::attribute("aria-label", &series.name) } ">" { part } "</a>"
                ),
                None => part,
            });
        }
        let hit = markup!(
            "<title>" { title } r#"</title><rect class="plot-hit" x=""# { index * WIDTH } r#"" y="0" width=""#
            { WIDTH } r#"" height="100"/>"#
        );
        let whole = if bar.href.is_empty() {
            markup!(r#"<g class="plot-bar">"# { hit } "</g>")
        } else {
            markup!(
                r#"<a class="plot-bar""# { Markup::attribute("href", &bar.href) }
                { Markup::attribute("aria-label", title) } { Markup::attribute("data-opens", self.opens) } ">" { hit }
                "</a>"
            )
        };
        markup!(r#"<g class="plot-col">"# { whole } { parts } "</g>")
    }
}

fn rect(ink: Ink, x: f64, y: f64, width: f64, height: f64) -> Markup {
    markup!(
        r#"<rect class=""# { ink.fill() } r#"" x=""# { format!("{x:.1}") } r#"" y=""# { format!("{y:.2}") }
        r#"" width=""# { format!("{width:.1}") } r#"" height=""# { format!("{height:.2}") } r#""/>"#
    )
}

/// `columns` are the series, or the details. `earlier` is the last column, if there is one.
fn as_table(span: String, columns: Vec<Series>, bars: Vec<Bar>, earlier: Option<String>) -> AnyView {
    let count = columns.len();
    let has_earlier = earlier.is_some();
    let heads = columns.into_iter().map(|column| (column.name, column.ink));
    let heads = heads.chain(earlier.map(|name| (name, Ink::Chamber)));
    let heads =
        heads.map(|(name, ink)| view! { <th scope="col" class="r" data-swatch=ink.swatch()>{name}</th> });
    let rows = bars.into_iter().map(|bar| {
        let figure = |value: Option<u64>| markup!(r#"<td class="r num">"# { value.map(grouped) } "</td>");
        let values = if bar.details.is_empty() { &bar.values } else { &bar.details };
        let values: Vec<_> = (0..count).map(|index| figure(values.get(index).copied())).collect();
        let earlier = has_earlier.then(|| figure(bar.earlier));
        markup!(
            r#"<tr><th scope="row" class="num font-normal whitespace-nowrap">"# { span_markup(bar.from, bar.until) } "</th>"
            { values } { earlier } "</tr>"
        )
    });
    let rows = markup!("<tbody>" { rows.collect::<Vec<_>>() } "</tbody>").into_any();
    view! {
        <details class="disclose mt-2">
            <summary class="inline-flex min-h-6 items-center gap-1 cap hover:text-ink">
                <span class="chev"><Icon symbol=Symbol::Right class="size-3.5"/></span>
                "Show as table"
            </summary>
            <div class="mt-2 max-h-60 overflow-auto border-t border-line" tabindex="0" role="group" aria-label="Figures">
                <table class="table">
                    <thead>
                        <tr><th scope="col">{span}</th>{heads.collect_view()}</tr>
                    </thead>
                    {rows}
                </table>
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_lines_have_round_values_and_cover_every_bar() {
        for (highest, lines, top) in [
            (0, vec![1], 1),
            (1, vec![1], 1),
            (36, vec![10, 20, 30, 40], 40),
            (5, vec![2, 4, 6], 6),
            (14_870, vec![5_000, 10_000, 15_000], 15_000),
            (10_001, vec![3_000, 6_000, 9_000, 12_000], 12_000),
        ] {
            assert_eq!(ticks(highest), (lines, top), "{highest}");
        }
        assert!(ticks(u64::MAX).1 >= u64::MAX / 2);
    }
}
