//! The parts of pages. Each part takes owned data and is rendered on the server; none needs a script. An empty text means that an
//! optional text is missing. `GET /gallery` of a development build shows all parts.
//!
//! Every part is an `AnyView`. Otherwise the type of a page would contain the types of all its parts, which compiles slowly and
//! exceeds the recursion limit of the compiler.

mod avatar;
mod badge;
mod brand;
mod button;
mod chart;
mod choice;
mod dialog;
mod field;
mod glyph;
mod hidden_fields;
mod icon;
mod live;
mod live_region;
mod markup;
mod menu;
mod notice;
mod number;
mod pagination;
mod pins;
mod reason;
mod segment;
mod spark;
mod table;
mod time;
mod time_text;

pub use avatar::{Avatar, OrganizationAvatar, initials};
pub use badge::{Badge, Shape, StatusShape, Tone};
pub use brand::{Mark, Rack};
pub use button::{Button, IconLink, LinkButton, Look, Size, button_class};
pub use chart::{AxisMark, Bar, Chart, ChartHeight, Ink, Legend, Series};
pub use choice::{Choice, ChoiceCells, ChoiceList, Select, SelectOption};
pub use dialog::{Dialog, DialogBody, DialogFoot, DialogWidth};
pub use field::{Checkbox, Field, Input, SearchField, TextArea};
pub use glyph::{Glyph, GlyphSize, KeyText};
pub use hidden_fields::HiddenFields;
pub use icon::{Icon, Symbol};
pub use live::LivePart;
pub use live_region::LiveRegion;
pub(crate) use markup::markup;
pub use markup::{Constant, Markup, Piece};
pub use menu::{Menu, MenuItem};
pub use notice::{EmptyState, Note, Skeleton, Toast, ToastBox, ToastOutcome};
pub use number::{capped, counted, grouped, short};
pub use pagination::{Pagination, on_page};
pub use pins::{Pins, RolePins};
pub use reason::{Reason, ShareBar};
pub use segment::{LinkOption, LinkSegment, LinkTabs, RadioOption, RadioSegment, RadioTabs};
pub use spark::{Spark, SparkDay, Tumbler};
pub use table::{Cell, Column, Panel, Row, RowLink, Sorted, Table};
pub use time::{ExactTime, Time, TimeSpan, span_markup, time_markup};
pub use time_text::{UTC, Wording, Zone, day, exact, minute, span_text, text, words};
