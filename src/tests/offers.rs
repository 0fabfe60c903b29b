//! Pages do not offer features that do not exist yet.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::personas::Persona;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_new_key_is_shown_with_working_usage_examples(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let org = server.organization_of(Persona::Owner).await.to_string();
    let fields = [
        ("org", org.as_str()),
        ("name", "CI deploy"),
        ("kind", "mcp"),
        ("role", "viewer"),
        ("expiry", "never"),
        ("once", "a-form-of-its-own-0001"),
    ];
    let response =
        server.post("/settings/api-keys/new").same_origin().with(&cookies).form(&fields).send().await;
    let page = response.text();
    assert!(page.contains("Ready-made usage"), "{} {page}", response.status);
    for (id, offered) in
        [("u-curl", true), ("u-env", true), ("u-py", true), ("u-js", true), ("u-go", true), ("u-mcp", false)]
    {
        assert_eq!(page.contains(&format!("id=\"{id}\"")), offered, "{id}");
    }
    assert!(page.contains("href=\"/settings/agents/connect?way=key\""));
}
