//! A page of a list as CSV, for requests with `Accept: text/csv` or `?format=csv`.

use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::platform::download::FileFormat;

/// The response with a page. The address of the next page is in the header Link.
pub fn csv_page(address: &Uri, text: String, next_cursor: Option<&str>) -> Response {
    let headers = [(header::CONTENT_TYPE, FileFormat::Csv.media_type()), (header::VARY, "accept")];
    let mut response = (headers, text).into_response();
    let link = next_cursor.map(|cursor| next_link(address, cursor));
    if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

fn next_link(address: &Uri, cursor: &str) -> String {
    let pairs = url::form_urlencoded::parse(address.query().unwrap_or_default().as_bytes());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.filter(|(name, _)| name != "cursor"))
        .append_pair("cursor", cursor)
        .finish();
    format!("<{}?{query}>; rel=\"next\"", address.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_leads_to_the_next_page_of_the_same_list() {
        for (address, expected) in [
            ("/api/v1/keys", "</api/v1/keys?cursor=c%2B1>; rel=\"next\""),
            (
                "/api/v1/keys?q=a%20b&cursor=old&limit=2",
                "</api/v1/keys?q=a+b&limit=2&cursor=c%2B1>; rel=\"next\"",
            ),
        ] {
            assert_eq!(next_link(&address.parse().expect("an address"), "c+1"), expected);
        }
    }
}
