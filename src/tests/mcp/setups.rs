//! The page "Connect an agent": every configuration is valid, and names this server.

use macro_rules_attribute::apply;

use super::*;
use crate::mcp::server::SETUPS;
use crate::platform::db::Engine;

const ORIGIN: &str = "https://latchkey.tidewater.example";

/// Splits a command as a shell does, as far as the examples need it.
fn shell_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.replace("\\\n", " ").chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()))
            }
            c => word.push(c),
        }
    }
    assert!(!quoted, "{text}");
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[test]
fn every_configuration_is_valid_and_names_this_server() {
    let address = format!("{ORIGIN}/api/mcp");
    for setup in &SETUPS {
        let (name, text) = (format!("{} {}", setup.client, setup.way), setup.render(ORIGIN));
        assert!(text.contains(&address) && !text.contains("127.0.0.1"), "{name}: {text}");
        let is_key = setup.way == "key";
        match setup.client {
            "code" => {
                let words = shell_words(&text);
                assert_eq!(words[..6], ["claude", "mcp", "add", "--transport", "http", "latchkey"], "{name}");
                assert_eq!(words[6], address);
                let header: &[&str] =
                    if is_key { &["--header", "Authorization: Bearer amt_…"] } else { &[] };
                assert_eq!(words[7..], *header, "{name}");
            }
            "codex" => {
                let table: toml::Table = toml::from_str(&text).expect("TOML");
                let server = &table["mcp_servers"]["latchkey"];
                assert_eq!(server["url"].as_str(), Some(address.as_str()));
                assert_eq!(server.get("bearer_token_env_var").is_some(), is_key);
            }
            _ => {
                let json: Value = serde_json::from_str(&text).expect("JSON");
                let servers = if setup.client == "vscode" { "servers" } else { "mcpServers" };
                let server = &json[servers]["latchkey"];
                let found = match setup.client {
                    "desktop" => &server["args"][2],
                    _ => &server["url"],
                };
                assert_eq!(found, &json!(address), "{name}");
                let header =
                    server["headers"]["Authorization"].as_str().or(server["env"]["LATCHKEY_AUTH"].as_str());
                assert_eq!(header.is_some_and(|header| header.starts_with("Bearer ")), is_key, "{name}");
            }
        }
    }
}

#[apply(on_both_engines!)]
async fn the_page_shows_every_configuration(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Viewer).await;
    let show = async |path: &str| server.get(path).browser().with(&cookies).send().await.text();
    let page = show("/settings/agents/connect").await;
    for setup in &SETUPS {
        assert!(page.contains(&format!("id=\"setup-{}-{}\"", setup.client, setup.way)));
    }
    assert!(page.contains("http://latchkey.test/api/mcp"));
    let chosen = |page: &str, id: &str| {
        let input =
            page.split("<input").find(|input| input.contains(&format!("id=\"{id}\""))).expect("a choice");
        input.split('>').next().unwrap_or_default().contains("checked")
    };
    assert!(chosen(&page, "c-code") && chosen(&page, "w-browser"));
    let page = show("/settings/agents/connect?client=cursor&way=key").await;
    assert!(chosen(&page, "c-cursor") && chosen(&page, "w-key") && !chosen(&page, "c-code"));
    assert!(show("/settings/agents").await.contains("/settings/agents/connect"));
}
