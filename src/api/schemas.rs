//! OpenAPI schemas of the words that requests and responses use. The types themselves list the words.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::keys::Status;
use crate::keys::server::Order;
use crate::shared::{Kind, Plan, Role};
use crate::usage::Outcome;

fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}

macro_rules! words {
    ($($words:ident),+) => {$(
        impl PartialSchema for $words {
            fn schema() -> RefOr<Schema> {
                one_of(Self::ALL.map(Self::as_str))
            }
        }

        impl ToSchema for $words {}
    )+};
}
words!(Kind, Outcome, Plan, Role, Status);

/// How a list of keys may be sorted; a minus reverses the order.
pub struct KeyOrder;

impl PartialSchema for KeyOrder {
    fn schema() -> RefOr<Schema> {
        let names = Order::ALL.map(Order::as_str);
        let words: Vec<String> =
            names.iter().flat_map(|name| [(*name).to_owned(), format!("-{name}")]).collect();
        one_of(words.iter().map(String::as_str))
    }
}

impl ToSchema for KeyOrder {}

/// Kinds in one query parameter, separated by commas.
pub struct KindList;

impl PartialSchema for KindList {
    fn schema() -> RefOr<Schema> {
        let kind = Kind::ALL.map(Kind::as_str).join("|");
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(format!("^({kind})(,({kind}))*$"))).into()
    }
}

impl ToSchema for KindList {}
