//! Types that a TEXT column stores by their `Display` text and reads back with their `parse`.

macro_rules! text_column {
    ($Name:ident) => {
        impl sqlx::Type<sqlx::Any> for $Name {
            fn type_info() -> sqlx::any::AnyTypeInfo {
                <String as sqlx::Type<sqlx::Any>>::type_info()
            }
        }

        impl<'q> sqlx::Encode<'q, sqlx::Any> for $Name {
            fn encode_by_ref(
                &self,
                buffer: &mut <sqlx::Any as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                sqlx::Encode::<sqlx::Any>::encode(self.to_string(), buffer)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::Any> for $Name {
            fn decode(value: sqlx::any::AnyValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let text = <String as sqlx::Decode<sqlx::Any>>::decode(value)?;
                Self::parse(&text)
                    .ok_or_else(|| format!("{text:?} is not a valid {}", stringify!($Name)).into())
            }
        }
    };
}
pub(super) use text_column;
