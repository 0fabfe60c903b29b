//! Compares the OpenAPI document with the routes.

use super::*;

#[tokio::test]
async fn the_document_names_every_route_of_the_api() {
    let server = Server::on(crate::platform::db::Engine::Sqlite).await;
    let document = server.get("/api/v1/openapi.json").send().await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let mut documented: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        documented.extend(
            methods
                .as_object()
                .expect("methods")
                .keys()
                .map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    let routes = crate::server::routes();
    let api = routes.list().iter().filter(|route| route.path.starts_with("/api/v1/"));
    let mut built: Vec<String> = api.map(|route| format!("{} {}", route.method, route.path)).collect();
    documented.sort();
    built.sort();
    assert_eq!(documented, built);
}

#[tokio::test]
async fn the_document_describes_every_refusal() {
    let server = Server::on(crate::platform::db::Engine::Sqlite).await;
    let document = server.get("/api/v1/openapi.json").send().await.json();
    let operations = document["paths"].as_object().expect("paths").values();
    let mut refusals = 0;
    for operation in operations.flat_map(|methods| methods.as_object().expect("methods").values()) {
        for (status, response) in operation["responses"].as_object().expect("responses") {
            if status.starts_with('2') {
                continue;
            }
            let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{status} {operation}");
            assert!(response["description"].as_str().is_some_and(|words| !words.is_empty()));
            refusals += 1;
        }
    }
    assert!(refusals > 80, "{refusals}");
    let create = &document["paths"]["/api/v1/keys"]["post"]["responses"];
    for status in ["201", "400", "401", "403", "408", "409", "413", "415", "422", "429", "431", "503"] {
        assert!(create[status].is_object(), "{status}");
    }
    let problem = &document["components"]["schemas"]["Problem"];
    let problem_body = server.get("/api/v1/me").send().await.json();
    for name in problem_body.as_object().expect("a problem").keys() {
        assert!(problem["properties"][name].is_object(), "{name}");
    }
}

/// Generators name functions after the ids, and leave out what is not described.
#[tokio::test]
async fn operations_have_their_own_ids_descriptions_and_security() {
    let server = Server::on(crate::platform::db::Engine::Sqlite).await;
    let document = server.get("/api/v1/openapi.json").send().await.json();
    let schemes = document["components"]["securitySchemes"].as_object().expect("security schemes");
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for operation in methods.as_object().expect("methods").values() {
            let id = operation["operationId"].as_str().expect("an id");
            assert!(
                id.starts_with(|first: char| first.is_ascii_lowercase())
                    && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{id}"
            );
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert!(operation["summary"].as_str().is_some_and(|words| !words.is_empty()), "{id}");
            for (status, response) in operation["responses"].as_object().expect("responses") {
                assert!(
                    response["description"].as_str().is_some_and(|words| !words.is_empty()),
                    "{id} {status}"
                );
            }
            let security: Vec<_> = operation["security"].as_array().expect("security").iter().collect();
            let is_open = path == "/api/v1/openapi.json" || path == "/api/v1/leaks";
            if is_open {
                assert_eq!(security, [&json!({})], "{id}");
            } else {
                assert_eq!(security, [&json!({ "bearer": [] }), &json!({ "header": [] })], "{id}");
            }
        }
    }
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["bearer", "header"]);
    assert_eq!(schemes["header"]["name"], "X-API-Key");
    for id in ["authorize", "verifyKey", "listKeys", "getKey", "getKeyUsage", "listAuditEvents"] {
        assert!(ids.contains(id), "{id}");
    }
}

#[tokio::test]
async fn words_are_enums_and_moments_are_date_times() {
    let server = Server::on(crate::platform::db::Engine::Sqlite).await;
    let document = server.get("/api/v1/openapi.json").send().await.json();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let words = |name: &str| schemas[name]["enum"].clone();
    assert_eq!(words("Kind"), json!(Kind::ALL));
    assert_eq!(words("Role"), json!(Role::OF_KEYS));
    assert_eq!(words("Status"), json!(crate::keys::Status::ALL));
    assert_eq!(words("Outcome"), json!(crate::usage::Outcome::ALL));
    assert!(words("KeyOrder").as_array().is_some_and(|orders| orders.contains(&json!("-last_used"))));
    let mut moments = 0;
    for (name, schema) in schemas {
        let Some(properties) = schema["properties"].as_object() else { continue };
        for (property, schema) in properties {
            let path = format!("{name}.{property}");
            if property.ends_with("_at")
                || ["at", "from", "to", "hour", "until", "valid_until"].contains(&property.as_str())
            {
                assert_eq!(schema["format"], "date-time", "{path}");
                moments += 1;
            }
            let is_word =
                ["role", "status", "outcome", "code"].contains(&property.as_str()) && name != "Problem";
            if is_word {
                assert!(schema.to_string().contains("#/components/schemas/"), "{path}: {schema}");
            }
        }
    }
    assert!(moments >= 12, "{moments}");
    let kind = document["paths"]["/api/v1/authorize"]["get"]["parameters"][2]["schema"].to_string();
    assert!(Kind::ALL.iter().all(|value| kind.contains(value.as_str())), "{kind}");
}
