//! What a service or proxy does with each answer, beside the examples.

use leptos::prelude::*;

use super::snippets::CheckEndpoint;

type AnswerText = (&'static str, &'static str);

const OF_VERIFY: [AnswerText; 6] = [
    (
        "200, valid: true",
        "The key is accepted. The answer says whose key it is, and what is left of its limits.",
    ),
    (
        "200, valid: false",
        "The key is refused, and code says why. Answer 401 to missing, malformed, unknown, revoked, disabled and expired, 429 \
         to rate_limited and quota_exceeded, and 403 to everything else. Do not pass the code on to the caller.",
    ),
    ("400, 422", "A mistake in your request, such as a permission that your organization does not list."),
    ("401, 403", "The key of your service is not accepted itself. Nobody gets through."),
    (
        "429",
        "Your service sent too many requests, or somebody tried too many wrong secrets. Pass this response on with its Retry-After header.",
    ),
    ("503", "This cannot be decided now. Let nobody through: answer 503 with Retry-After."),
];

const OF_AUTHORIZE: [AnswerText; 5] = [
    ("200", "The key is accepted. The headers X-Latchkey-… tell your service whose key it is."),
    ("401", "No key, or none that is accepted."),
    (
        "403",
        "The key may not do this, or the configuration has a mistake. The answer and the server's log say which.",
    ),
    (
        "429",
        "The key has used up its requests of this minute, or its quota. Retry-After says when to try again.",
    ),
    ("503", "This cannot be decided now. Nobody gets through."),
];

const CACHING: AnswerText = (
    "Caching",
    "Ask for each request: answers come from memory, and a revoked key is refused within five seconds. If you have to cache, \
     store only accepted answers, for five seconds at most and under a hash of the key. Limits, quotas and charts do not \
     count the requests that you answer yourself.",
);

const FOR_SERVICES: [AnswerText; 4] = [
    (
        "Timeout",
        "Wait three seconds at most. No answer is the same as 503: let nobody through. The examples do both.",
    ),
    CACHING,
    (
        "Address",
        "Send the address of the caller as ip. Behind a proxy, tell your framework to trust it; otherwise keys with allowed \
         addresses see that of the proxy.",
    ),
    (
        "Which keys",
        "Without permissions, keys with the role viewer or more are accepted; with permissions, the keys of your customers \
         too, whose role is none. Test keys are refused unless kinds contains test.",
    ),
];

const FOR_PROXIES: [AnswerText; 4] = [
    (
        "Timeout",
        "The example waits two seconds for a connection and ten for an answer. Without one it answers 503, and nobody gets \
         through.",
    ),
    CACHING,
    (
        "Address",
        "Add the address of this proxy to trusted_proxies of Latchkey; otherwise keys with allowed addresses see that of \
         the proxy.",
    ),
    (
        "Which keys",
        "Without permissions, keys with the role viewer or more are accepted; with permissions, the keys of your customers \
         too, whose role is none. Test keys are refused unless the parameter kind names them.",
    ),
];

pub fn answers(endpoint: CheckEndpoint) -> AnyView {
    let (answers, rules): (&[AnswerText], &[AnswerText]) = match endpoint {
        CheckEndpoint::Verify => (&OF_VERIFY, &FOR_SERVICES),
        CheckEndpoint::Authorize => (&OF_AUTHORIZE, &FOR_PROXIES),
    };
    view! {
        <section class="mt-10 grid gap-x-12 gap-y-8 lg:grid-cols-2" aria-label="What to do with the answer">
            <div>
                <h2 class="h-sect">"What the answers mean"</h2>
                <dl class="facts mt-2">{entries(answers, "mono text-cap leading-5")}</dl>
            </div>
            <div>
                <h2 class="h-sect">"What to take care of"</h2>
                <dl class="facts mt-2">{entries(rules, "")}</dl>
            </div>
        </section>
    }
    .into_any()
}

fn entries(entries: &[AnswerText], class: &'static str) -> AnyView {
    let class = (!class.is_empty()).then_some(class);
    entries
        .iter()
        .map(|(name, text)| view! { <div><dt class=class>{*name}</dt><dd>{*text}</dd></div> })
        .collect_view()
        .into_any()
}
