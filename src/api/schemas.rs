//! OpenAPI schemas of enums, whose values the types list themselves.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::shared::{Kind, Plan, Role};

/// The schema of a string that has one of these values.
pub fn one_of<'a>(values: impl IntoIterator<Item = &'a str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values)).into()
}

/// Implements the schema of an enum with `ALL` and `as_str`.
#[macro_export]
macro_rules! word_schemas {
    ($($Words:ident),+) => {$(
        impl utoipa::PartialSchema for $Words {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::api::one_of(Self::ALL.map(Self::as_str))
            }
        }

        impl utoipa::ToSchema for $Words {}
    )+};
}

word_schemas!(Kind, Plan);

/// The roles of keys, which are those of people and `none`.
impl utoipa::PartialSchema for Role {
    fn schema() -> RefOr<Schema> {
        one_of(Self::OF_KEYS.map(Self::as_str))
    }
}

impl utoipa::ToSchema for Role {}
