//! Reports that GitHub signs.

use data_encoding::BASE64;
use macro_rules_attribute::apply;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use super::*;
use crate::tests::mail::Sink;

/// Signs reports as GitHub does, with a newly generated key.
struct Signer {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random);
        Self { id, pair: pair.expect("a key") }
    }

    /// An entry of the list of public keys.
    fn entry(&self) -> Value {
        let head = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let der = [&head, self.pair.public_key().as_ref()].concat();
        let key = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&der));
        json!({ "key_identifier": self.id, "key": key, "is_current": true })
    }

    fn sign(&self, body: &str) -> String {
        let signature = self.pair.sign(&SystemRandom::new(), body.as_bytes()).expect("a signature");
        BASE64.encode(signature.as_ref())
    }
}

impl Server {
    async fn signed(&self, body: &str, id: &str, signature: &str) -> u16 {
        let call = self.post("/api/v1/leaks").header("content-type", "application/json");
        let call =
            call.header("Github-Public-Key-Identifier", id).header("Github-Public-Key-Signature", signature);
        call.body(body.to_owned()).send().await.status.as_u16()
    }
}

fn body_of(token: &Secret) -> String {
    let url = "https://github.com/dockside/portal-demo/blob/9f2c1e/.env";
    let entry = json!({ "token": token.expose(), "type": "latchkey_key", "url": url, "source": "commit" });
    json!([entry]).to_string()
}

#[apply(on_both_engines!)]
async fn a_signature_of_github_is_checked(engine: Engine) {
    let (one, two, stranger) = (Signer::new("one"), Signer::new("two"), Signer::new("one"));
    let document = json!({ "public_keys": [one.entry(), two.entry()] }).to_string();
    let settings = [CHEAP_HASHING, &[("LATCHKEY_GITHUB_SCANNING_KEYS", document.as_str())]].concat();
    let server = Server::with(engine, &settings).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "one").await;
    let body = body_of(&created.plaintext);
    for (id, signature) in [
        ("one", stranger.sign(&body)),
        ("one", two.sign(&body)),
        ("three", one.sign(&body)),
        ("one", one.sign(&format!("{body} "))),
        ("one", String::new()),
        ("one", "?".to_owned()),
        ("", one.sign(&body)),
    ] {
        assert_eq!(server.signed(&body, id, &signature).await, 400, "{id} {signature}");
    }
    let half = server.post("/api/v1/leaks").header("Github-Public-Key-Identifier", "one").body(body.clone());
    assert_eq!(half.send().await.status, 400);
    server.examine().await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    assert_eq!(server.signed(&body, "two", &two.sign(&body)).await, 202);
    server.examine().await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Revoked);
    assert_eq!(server.leaked_events().await[0]["source"], "GitHub secret scanning");
    // A report of the key needs no signature.
    let other = server.key(&owner, "two").await;
    server.find_in_public(&other.plaintext, "https://x").await;
    assert_eq!(server.check(&other.plaintext).await, Outcome::Revoked);
    assert_eq!(server.leaked_events().await[1]["source"], "a scanner");
    // A report without a signature does not look like one of GitHub, whatever it says.
    let third = server.key(&owner, "three").await;
    let claim = json!([{ "token": third.plaintext.expose(), "url": "https://x", "source": "GitHub secret scanning" }]);
    server.report(&claim).await;
    server.examine().await;
    let events = server.leaked_events().await;
    let signed: Vec<_> = events.iter().map(|event| event["signed_by"].as_str()).collect();
    assert_eq!(signed, [Some("GitHub"), Some("nobody"), Some("nobody")]);
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page =
        async |key: &Revealed| server.page(&cookies, &format!("/settings/api-keys/{}", key.key.id)).await;
    assert!(page(&created).await.contains("GitHub secret scanning, signed by GitHub"));
    let claimed = page(&third).await;
    assert!(
        claimed.contains("call themselves: GitHub secret scanning") && !claimed.contains("signed by GitHub")
    );
}

#[apply(on_both_engines!)]
async fn without_configured_keys_the_signature_is_ignored(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "one").await;
    assert_eq!(server.signed(&body_of(&created.plaintext), "one", "anything").await, 202);
    server.examine().await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Revoked);
    assert_eq!(server.leaked_events().await[0]["source"], "commit");
}

/// An unsigned report, which anybody who has the key can send, does not suppress the one that GitHub signs.
#[apply(on_both_engines!)]
async fn the_first_signed_report_counts_as_new(engine: Engine) {
    let signer = Signer::new("one");
    let document = json!({ "public_keys": [signer.entry()] }).to_string();
    let mut sink = Sink::start().await;
    let settings =
        [sink.settings().as_slice(), CHEAP_HASHING, &[("LATCHKEY_GITHUB_SCANNING_KEYS", document.as_str())]]
            .concat();
    let server = Server::with(engine, &settings).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.test_key(&owner, "one").await;
    for number in 0..25 {
        server.find_in_public(&created.plaintext, &format!("https://intranet.example/drill/{number}")).await;
    }
    // Also of the place that GitHub reports.
    server
        .find_in_public(&created.plaintext, "https://github.com/dockside/portal-demo/blob/9f2c1e/.env")
        .await;
    assert_eq!((sink.letter().await.to.len(), server.leaked_events().await.len()), (1, 1));
    server.clock.advance(Duration::from_secs(60 * 60));
    let body = body_of(&created.plaintext);
    for _ in 0..2 {
        assert_eq!(server.signed(&body, "one", &signer.sign(&body)).await, 202);
        server.examine().await;
    }
    assert!(sink.letter().await.text().contains("signed by GitHub"));
    assert!(sink.letter_now().is_none());
    let events = server.leaked_events().await;
    let signed: Vec<_> = events.iter().map(|event| event["signed_by"].as_str()).collect();
    assert_eq!(signed, [Some("nobody"), Some("GitHub")]);
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&cookies, &format!("/settings/api-keys/{}", created.key.id)).await;
    assert!(page.contains("GitHub secret scanning, signed by GitHub"), "{page}");
}
