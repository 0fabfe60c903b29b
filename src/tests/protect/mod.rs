//! The page "Protect your API": its examples, and the form that tries a key.

mod examples;
mod input;
mod trials;

use super::harness::{Server, TestResponse};

const PAGE: &str = "/settings/protect";

impl Server {
    async fn try_key(&self, cookies: &str, key: &str, others: &[(&str, &str)]) -> TestResponse {
        let fields = [&[("key", key)], others].concat();
        let response = self.submit(cookies, PAGE, &fields).await;
        assert_eq!(response.header("cache-control"), "no-store");
        assert_eq!(response.header("location"), "");
        response
    }

    async fn protect_page(&self, cookies: &str, query: &str) -> String {
        let response = self.get(&format!("{PAGE}{query}")).browser().with(cookies).send().await;
        assert_eq!(response.status, 200, "{query}");
        response.text()
    }
}

/// The outcome and the refusing step that a page with a result shows.
fn outcome(page: &str) -> (String, Option<String>) {
    let (_, result) = page.split_once("id=\"result\"").expect("a result");
    let (_, rest) = result.split_once("answers ").expect("an outcome");
    let code = text_until(rest.split_once('>').expect("a tag").1);
    let refusing = page.split_once("Refused: ").map(|(_, rest)| {
        let (_, title) = rest.split_once("font-medium\">").expect("a title");
        text_until(title)
    });
    (code, refusing)
}

fn text_until(html: &str) -> String {
    html.split('<').next().unwrap_or_default().to_owned()
}

/// The text of the example on the page.
fn example(page: &str) -> String {
    let (_, rest) = page.split_once("id=\"protect-example\"").expect("an example");
    let (_, rest) = rest.split_once('>').expect("the end of a tag");
    let (code, _) = rest.split_once("</pre>").expect("its end");
    let code = code.replace("<!>", "").replace("<!---->", "");
    code.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
