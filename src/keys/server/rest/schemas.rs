//! OpenAPI schemas of query parameters for keys.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::api::one_of;
use crate::keys::server::Order;
use crate::keys::{QuotaPeriod, Status};
use crate::shared::Kind;
use crate::usage::Outcome;
use crate::word_schemas;

word_schemas!(Outcome, QuotaPeriod, Status);

/// How a list of keys may be sorted. A minus reverses the order.
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
