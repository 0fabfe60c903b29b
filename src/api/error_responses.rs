//! Adds error responses and security to every operation of the OpenAPI document.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, Schema};

/// The names of the two security schemes: a key can be sent in one of two headers.
pub const BEARER: &str = "bearer";
pub const HEADER: &str = "header";

const PROBLEM_JSON: &str = "application/problem+json";

/// Error responses of every operation that takes a key. An operation that describes a status itself keeps its description.
const WITH_KEY: [(&str, &str); 6] = [
    ("400", "The request cannot be read"),
    ("401", "No key, or none that is accepted"),
    ("403", "The key may not do this, or not from there"),
    ("429", "Too many requests; Retry-After says when to try again"),
    ("431", "The headers are too large"),
    ("503", "Temporarily unavailable; Retry-After says when to try again"),
];
/// Error responses of every operation that reads a body.
const WITH_BODY: [(&str, &str); 4] = [
    ("408", "The body did not arrive in time"),
    ("413", "The body is too large"),
    ("415", "The body is not application/json"),
    ("422", "A value is missing or not accepted"),
];

/// Adds the error responses, and the requirement of a key, to the operations of the document.
pub fn add(api: &mut OpenApi) {
    api.components.get_or_insert_default().schemas.insert("Problem".to_owned(), problem());
    for item in api.paths.paths.values_mut() {
        let PathItem { get, post, put, patch, delete, .. } = item;
        for operation in [get, post, put, patch, delete].into_iter().flatten() {
            complete(operation);
        }
    }
}

fn complete(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    // Without a 401, the operation is open to anyone, and describes its responses itself.
    if responses.contains_key("401") {
        let one_of = [BEARER, HEADER].map(|scheme| SecurityRequirement::new(scheme, [""; 0]));
        operation.security = Some(one_of.into());
        let with_body = WITH_BODY.iter().filter(|_| has_body);
        for (status, description) in WITH_KEY.iter().chain(with_body) {
            responses.entry((*status).to_owned()).or_insert_with(|| Response::new(*description).into());
        }
    }
    let refusals =
        responses.iter_mut().filter(|(status, _)| status.starts_with('4') || status.starts_with('5'));
    for (status, response) in refusals {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            let description = WITH_KEY.iter().chain(&WITH_BODY).find(|(code, _)| code == status);
            response.description = description
                .map_or_else(|| default_description(status), |(_, description)| *description)
                .to_owned();
        }
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        response.content.insert(PROBLEM_JSON.to_owned(), content.into());
    }
}

fn default_description(status: &str) -> &'static str {
    match status {
        "404" => "There is no object with this id, or the caller may not see it",
        "409" => "Not possible in its present state, or already done",
        _ => "Refused",
    }
}

/// The fields of RFC 9457, and `error` and `message`, which older clients read.
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
