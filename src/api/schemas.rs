//! OpenAPI schemas of words. The types themselves list the words.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::shared::{Kind, Plan, Role};

/// A string that is one of these words.
pub fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}

/// Gives an enum with `ALL` and `as_str` the schema of its words.
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

word_schemas!(Kind, Plan, Role);
