//! The gallery's sections of tables, charts and empty states.

use leptos::prelude::*;

use super::{NOW, Section};
use crate::shared::{Kind, Role, Timestamp};
use crate::ui::parts::*;

pub fn sections() -> AnyView {
    view! { {states()}{table()}{chart()} }.into_any()
}

fn states() -> AnyView {
    view! {
        <Section title="Loading" text="Skeletons keep the final layout. They appear after 300 ms and do not shimmer.">
            <Skeleton label="Loading keys"/>
        </Section>
        <Section title="Empty, no match, failure" text="Say what is true, then offer the next step.">
            <div class="grid gap-3">
                <EmptyState title="No events in the last 24 h" text="Nothing changed and nothing was refused.">
                    <LinkButton href="/gallery">"Show the last 30 days"</LinkButton>
                </EmptyState>
                <EmptyState
                    title="The list could not be loaded"
                    text="The server did not answer in time (req_01JD2M8Q4V7ZB3)."
                >
                    <LinkButton href="/gallery" icon=Symbol::Rotate>"Try again"</LinkButton>
                </EmptyState>
                <EmptyState
                    title="Only admins can see the audit log"
                    text="You are a viewer in Tidewater Freight. Mara Lindqvist can change your role."
                />
            </div>
        </Section>
    }
    .into_any()
}

fn table() -> AnyView {
    let at = move |hours: i64| Timestamp::from_millis(NOW.millis() - hours * 3_600_000);
    let rows = [
        ("production-billing", Kind::Live, "8fK2mQ4pXv7d", Role::Member, 4_812_390, 0, None),
        (
            "edge-worker",
            Kind::Live,
            "Q7wN3xLr9TbE",
            Role::Viewer,
            1_204_118,
            1,
            Some((Tone::Warn, Shape::Limited, "Rate limited")),
        ),
        (
            "a-name-that-goes-on-and-on-without-any-blank-until-there-is-no-room-left-for-it-at-all",
            Kind::Secret,
            "b9XnR4tGw2Ka",
            Role::Admin,
            311_094,
            30,
            Some((Tone::Warn, Shape::Expiring, "Expiring")),
        ),
        (
            "مفتاح المستودع",
            Kind::Claw,
            "kT0eB6mHx9Rv",
            Role::Viewer,
            0,
            400,
            Some((Tone::Plain, Shape::Disabled, "Disabled")),
        ),
    ];
    let rows = rows.into_iter().map(move |(name, kind, start, role, calls, hours, badge)| {
        let (used, created) = (at(hours), at(hours * 90));
        let days: Vec<SparkDay> = (0..14)
            .map(|day| SparkDay {
                calls: calls / 20 * (day % 5 + 1),
                limited: if day > 11 && hours == 1 { calls / 40 } else { 0 },
            })
            .collect();
        view! {
            <Row>
                <Cell class="a-name">
                    <div class="flex gap-3">
                        <span class="mt-0.5"><Glyph seed=start kind off=calls == 0/></span>
                        <div class="min-w-0">
                            <div class="flex flex-wrap items-center gap-x-2 gap-y-1">
                                <RowLink href="/gallery" text=name/>
                                {badge.map(|(tone, shape, text)| view! { <Badge tone shape text/> })}
                            </div>
                            <div class="cap mt-0.5">"Created by Alice Marsh"</div>
                        </div>
                    </div>
                </Cell>
                <Cell class="a-key">
                    <KeyText kind start/>
                    <div class="cap">{kind.label()}</div>
                </Cell>
                <Cell class="a-role"><RolePins role/></Cell>
                <Cell class="a-calls" label="Calls">
                    <div class="calls">
                        <span class="num">{grouped(calls)}</span>
                        <Spark days/>
                    </div>
                </Cell>
                <Cell class="a-last whitespace-nowrap" label="Last used"><Time at=used now=NOW/></Cell>
                <Cell class="a-created whitespace-nowrap text-ink-2" label="Created">
                    <Time at=created now=NOW wording=Wording::Day/>
                </Cell>
                <Cell class="a-exp whitespace-nowrap" label="Expires">
                    <div class="text-ink-3">"Never"</div>
                </Cell>
                <Cell class="a-menu">
                    <Menu
                        id=format!("menu-{start}")
                        label=format!("Actions for {name}")
                        items=vec![MenuItem::link("/gallery", Symbol::Edit, "Edit")]
                    />
                </Cell>
            </Row>
        }
    });
    let columns = vec![
        Column::new("Name"),
        Column::new("Key"),
        Column::new("Role"),
        Column::right("Calls"),
        Column::new("Last used").sorted(Sorted::Descending),
        Column::new("Created").class("a-created"),
        Column::new("Expires"),
        Column::hidden("Actions"),
    ];
    view! {
        // As wide as on a page, because the table's layout depends on its width.
        <section class="border-t border-line py-8">
            <h2 class="h-sect">"Table"</h2>
            <p class="mt-1 mb-4 text-dense text-ink-2">
                "One panel, hairlines. The whole row is the link; menus and times stand above it."
            </p>

            <Panel class="keys">
                <Table caption="API keys, last used first" class="t-keys" columns>
                    {rows.collect_view()}
                </Table>
                <Pagination summary=counted(4, "key", "keys") next="/gallery?after=x"/>
            </Panel>
        </section>
    }
    .into_any()
}

fn chart() -> AnyView {
    const VALID: [u64; 24] =
        [22, 24, 19, 12, 8, 6, 4, 3, 2, 1, 0, 0, 1, 2, 3, 6, 14, 21, 27, 30, 26, 24, 25, 18];
    let start = |hour: usize| {
        let first = NOW.hour().millis() - 23 * 3_600_000;
        Timestamp::from_millis(first + i64::try_from(hour).unwrap_or(0) * 3_600_000)
    };
    let bar = |(hour, valid): (usize, u64), earlier: Option<u64>| {
        let values = vec![valid, if hour == 18 { 5 } else { 0 }, u64::from(hour % 11 == 0)];
        let href = if hour % 11 == 0 { "/gallery".to_owned() } else { String::new() };
        Bar { earlier, href, ..Bar::new(start(hour), start(hour + 1), values) }
    };
    let day: Vec<Bar> = VALID.into_iter().enumerate().map(|point| bar(point, None)).collect();
    let two_days: Vec<Bar> = VALID
        .into_iter()
        .enumerate()
        .map(|(hour, valid)| bar((hour, valid * 500), Some((valid * 7 + 40) * 60)))
        .collect();
    let empty: Vec<Bar> = (0..24).map(|hour| Bar::new(start(hour), start(hour + 1), vec![0; 3])).collect();
    let series = vec![
        Series { name: "Valid".to_owned(), ink: Ink::Valid },
        Series { name: "Rate limited".to_owned(), ink: Ink::Limited },
        Series { name: "Rejected".to_owned(), ink: Ink::Rejected },
    ];
    let axis = move || {
        let marks = (0..24).step_by(4).map(move |hour| AxisMark::Time(start(hour), Wording::AxisClock));
        marks.chain([AxisMark::Now]).collect::<Vec<_>>()
    };
    let spark = |seed: u64| -> Vec<SparkDay> {
        (0..14).map(|day| SparkDay { calls: seed * (day + 3), limited: 0 }).collect()
    };
    view! {
        <Section
            title="Chart"
            text="Bars from zero, at most three series, totals in the legend, the same numbers as a table below."
        >
            <div class="grid gap-8">
                <div>
                    <div class="mb-4"><Legend series=series.clone() bars=day.clone()/></div>
                    <Chart
                        summary="Calls per hour in the last 24 hours: 298 valid, 5 rate limited, 3 rejected."
                        series=series.clone()
                        bars=day
                        axis=axis()
                        now=NOW
                        opens="Opens the refused requests"
                    />
                </div>
                <div>
                    <div class="mb-4"><Legend series=series.clone() bars=two_days.clone() earlier="The 24 h before"/></div>
                    <Chart
                        summary="Calls per hour against the 24 hours before."
                        series=series.clone()
                        bars=two_days
                        axis=axis()
                        now=NOW
                        earlier="The 24 h before"
                        height=ChartHeight::Tall
                    />
                </div>
                <div>
                    <Chart
                        summary="No calls in the last 24 hours."
                        series
                        bars=empty
                        axis=axis()
                        now=NOW
                        height=ChartHeight::Low
                    />
                </div>
                <div class="flex items-center gap-6">
                    <Spark days=spark(3)/>
                    <Spark days=spark(0)/>
                    <span class="cap">"14-day trend: normal, never used"</span>
                </div>
            </div>
        </Section>
    }
    .into_any()
}
