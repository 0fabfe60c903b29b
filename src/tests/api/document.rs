//! The OpenAPI document beside the routes.

use super::*;

#[tokio::test]
async fn the_document_names_every_route_of_the_api() {
    let server = Server::on(crate::platform::db::Engine::Sqlite).await;
    let document = server.get("/api/v1/openapi.json").send().await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let mut told: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        told.extend(
            methods
                .as_object()
                .expect("methods")
                .keys()
                .map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    let doors = crate::api::doors();
    let mut built: Vec<String> =
        doors.list().iter().map(|door| format!("{} {}", door.method, door.path)).collect();
    told.sort();
    built.sort();
    assert_eq!(told, built);
}

#[tokio::test]
async fn the_document_tells_the_form_of_every_refusal() {
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
    let told = server.get("/api/v1/me").send().await.json();
    for name in told.as_object().expect("a problem").keys() {
        assert!(problem["properties"][name].is_object(), "{name}");
    }
}
