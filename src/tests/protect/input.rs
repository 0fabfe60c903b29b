//! What people may send, by mistake or on purpose.

use macro_rules_attribute::apply;

use super::{PAGE, example, outcome};
use crate::keys::server::fresh_token;
use crate::platform::Random;
use crate::platform::db::Engine;
use crate::shared::Kind;
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::personas::Persona;

#[apply(on_both_engines!)]
async fn a_text_that_is_no_key_is_explained(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let key = server.key(&owner, "fine").await.plaintext.expose().to_owned();
    let two = format!("{key} {}", fresh_token(&Random::seeded(7), Kind::Live));
    for (text, why) in [
        ("x".repeat(10_000), "A Latchkey key begins with"),
        (format!("{key}\0"), "Copy the whole key."),
        ("\0".to_owned(), "A Latchkey key begins with"),
        (two, "Paste one key alone."),
        (format!("Bearer {key}"), "without the word Bearer"),
        (format!("{key}x"), "Copy the whole key."),
        (format!("ak_live_{}", "é".repeat(31)), "Copy the whole key."),
        ("<script>alert(1)</script>".to_owned(), "A Latchkey key begins with"),
    ] {
        let response = server.try_key(&here, &text, &[]).await;
        assert_eq!(response.status, 200, "{why}");
        let page = response.text();
        assert_eq!(outcome(&page).0, "malformed", "{why}");
        assert!(page.contains(why) && !page.contains(&text[..text.len().min(30)]) || text == "\0", "{why}");
    }
    for padded in [format!("  {key}\t"), format!("{key}\r\n")] {
        let page = server.try_key(&here, &padded, &[]).await.text();
        assert_eq!(outcome(&page).0, "valid");
        assert!(page.contains("The spaces around it were removed"));
    }
    for empty in ["", " ", "\n\t"] {
        let response = server.try_key(&here, empty, &[]).await;
        assert_eq!(response.status, 422);
        assert!(response.text().contains("Paste a key."));
    }
}

#[apply(on_both_engines!)]
async fn a_wrong_query_or_address_stands_beside_its_field(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let key = fresh_token(&Random::seeded(8), Kind::Live);
    let deep = format!("{}a.read{}", "(".repeat(900), ")".repeat(900));
    let long = "a.read or ".repeat(300);
    for (field, text, why) in [
        ("permissions", deep.as_str(), "nested at most 20 levels deep"),
        ("permissions", &long, "at most 2000 characters"),
        ("permissions", "a.read and", "The query ends where"),
        ("permissions", "a\0read", "is not expected here"),
        ("permissions", "invoices.read", "Your organization does not list invoices.read."),
        ("permissions", &key, "This contains a whole API key."),
        ("ip", "localhost", "This is not an address."),
        ("ip", "10.0.0.0/8", "This is not an address."),
        ("ip", "1.2.3.4 5.6.7.8", "This is not an address."),
        ("ip", "\0", "valid or empty"),
        ("ip", &key, "This is not an address."),
    ] {
        let response = server.try_key(&here, &key, &[(field, text)]).await;
        if text == "\0" {
            assert_eq!(response.status, 200, "a control character is no address, and is ignored");
            continue;
        }
        assert_eq!(response.status, 422, "{why}");
        let page = response.text();
        assert!(page.contains(why) && page.contains(&format!("id=\"t-{field}-error\"")), "{why}: {page}");
        assert!(!page.contains(&key), "{why}");
        assert!(!page.contains("id=\"result\""), "{why}: there is no result");
    }
    for (query, why) in [
        ("?permissions=a.read+and", "The query ends where"),
        ("?permissions=%00", "Ask for permissions"),
        ("?permissions=invoices.read", "Your organization does not list invoices.read."),
        ("?for=%00", "curl example"),
        ("?for=perl", "curl example"),
        ("?for=nginx&for=caddy", "example"),
    ] {
        let response = server.get(&format!("{PAGE}{query}")).browser().with(&here).send().await;
        assert!(response.status == 200 || response.status == 400, "{query}: {}", response.status);
        if response.status == 200 {
            let page = response.text();
            assert!(page.contains(why), "{query}");
            assert!(!example(&page).contains("permissions"), "{query}");
        }
    }
}

#[apply(on_both_engines!)]
async fn a_key_in_the_address_is_not_shown(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let key = fresh_token(&Random::seeded(8), Kind::Live);
    for query in [format!("?permissions={key}"), format!("?for={key}")] {
        let response = server.get(&format!("{PAGE}{query}")).browser().with(&here).send().await;
        assert_eq!((response.status.as_u16(), response.header("location")), (303, PAGE));
        let page = server.protect_page(&here, "").await;
        assert!(page.contains("A whole key was in that address") && !page.contains(&key));
    }
}
