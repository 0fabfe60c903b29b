//! Checks outputs against the schemas of their tools. Knows what the schemas use and nothing else.

use serde_json::Value;

/// What is wrong with a value, with its path.
pub fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    check(schema, schema, value, "$", &mut wrong);
    wrong
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        return check(root, target, value, path, wrong);
    }
    let allowed: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = |option: &&Value| {
            let mut inner = Vec::new();
            check(root, option, value, path, &mut inner);
            inner.is_empty()
        };
        if any.iter().find(fits).is_none() {
            wrong.push(format!("{path} fits no option: {value}"));
        }
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !allowed.is_empty() && !allowed.contains(&kind) {
        wrong.push(format!("{path} is {kind} instead of {allowed:?}"));
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                wrong.push(format!("{path}.{name} is missing"));
            }
        }
        let Some(properties) = schema["properties"].as_object() else { return };
        for (name, value) in object {
            match properties.get(name) {
                Some(property) => check(root, property, value, &format!("{path}.{name}"), wrong),
                None => wrong.push(format!("{path}.{name} is not described")),
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{path}[{index}]"), wrong);
    }
}
