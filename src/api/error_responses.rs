//! The error responses of the OpenAPI document, added to every operation in one place, with the form that
//! every refusal has.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, Schema};

/// The names of the two ways in which a key is sent.
pub const BEARER: &str = "bearer";
pub const HEADER: &str = "header";

const PROBLEM_JSON: &str = "application/problem+json";

/// Error responses of every operation that takes a key. An operation that describes a status itself keeps its description.
const WITH_KEY: [(&str, &str); 6] = [
    ("400", "The request cannot be read"),
    ("401", "No key, or none that is accepted"),
    ("403", "The key may not do this, or not from there"),
    ("429", "Too many requests; Retry-After tells when to come again"),
    ("431", "The headers are too large"),
    ("503", "It cannot be done now; Retry-After tells when to come again"),
];
/// Of those that read a body.
const WITH_BODY: [(&str, &str); 4] = [
    ("408", "The body did not arrive in time"),
    ("413", "The body is too large"),
    ("415", "The body is not application/json"),
    ("422", "A value is missing or not accepted"),
];

/// Adds them to the document, and that a key is needed.
pub fn add(api: &mut OpenApi) {
    api.components.get_or_insert_default().schemas.insert("Problem".to_owned(), problem());
    for item in api.paths.paths.values_mut() {
        let PathItem { get, post, patch, .. } = item;
        for operation in [get, post, patch].into_iter().flatten() {
            complete(operation);
        }
    }
}

fn complete(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    if !responses.contains_key("401") {
        return; // open to anyone
    }
    let one_of = [BEARER, HEADER].map(|scheme| SecurityRequirement::new(scheme, [""; 0]));
    operation.security = Some(one_of.into());
    let with_body = WITH_BODY.iter().filter(|_| has_body);
    for (status, words) in WITH_KEY.iter().chain(with_body) {
        responses.entry((*status).to_owned()).or_insert_with(|| Response::new(*words).into());
    }
    let refusals =
        responses.iter_mut().filter(|(status, _)| status.starts_with('4') || status.starts_with('5'));
    for (status, response) in refusals {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            let words = WITH_KEY.iter().chain(&WITH_BODY).find(|(known, _)| known == status);
            response.description = words.map_or_else(|| own_words(status), |(_, words)| *words).to_owned();
        }
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        response.content.insert(PROBLEM_JSON.to_owned(), content.into());
    }
}

fn own_words(status: &str) -> &'static str {
    match status {
        "404" => "There is nothing of that id, or it may not be seen",
        "409" => "Not possible in the key's present state, or already done",
        _ => "Refused",
    }
}

/// RFC 9457, with what older clients read.
fn problem() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let mut problem =
        ObjectBuilder::new().property("status", ObjectBuilder::new().schema_type(Type::Integer));
    for name in ["type", "title", "detail", "request_id", "error", "message"] {
        problem = problem.property(name, text()).required(name);
    }
    let error = ObjectBuilder::new().property("field", text()).property("message", text());
    let errors = utoipa::openapi::schema::ArrayBuilder::new().items(error);
    problem.required("status").property("errors", errors).property("key_id", text()).into()
}
