//! What is generated from the types of `pannier.yml`: the JSON schema for editors and the page with its keys.

use std::fmt::Write as _;

use serde_json::Value;

use crate::env::VARIABLES;
use crate::file::ConfigFile;

/// The JSON schema (2020-12), pretty-printed, with a line end.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(ConfigFile);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text + "\n"
}

/// The reference page of `pannier.yml` and of the environment, in Markdown.
#[must_use]
pub fn reference() -> String {
    let schema: Value = schemars::schema_for!(ConfigFile).to_value();
    let mut page = String::from(
        "<!-- Generated from crates/config/src/file.rs and env.rs; `PANNIER_BLESS=1 cargo test -p pannier-config` writes it. -->\n# pannier.yml\n\nEvery \
        key is optional. Flags override the environment, which overrides the file; `pannier config show`\nprints the effective settings and where each value comes from. Relative paths start at the folder of the file. Unknown keys are errors.\n\nEditors that know JSON schemas complete and check the file when its first line is\n`# yaml-language-server: $schema=docs/pannier.schema.json`.\n\n## Keys\n\n| key | type | meaning |\n|---|---|---|\n",
    );
    keys(&schema, &schema, "", &mut page);
    page.push_str("\n## Environment variables\n\nA variable that is empty counts as not set.\n\n| variable | meaning |\n|---|---|\n");
    for variable in VARIABLES {
        let _ = writeln!(page, "| `{}` | {} |", variable.name, variable.meaning);
    }
    page
}

/// The order in which people write keys, on every level; a schema has them by the alphabet.
const ORDER: [&str; 40] = [
    "git_base",
    "repository",
    "branch",
    "image",
    "python",
    "platform",
    "interpreter",
    "packages",
    "requirements",
    "data",
    "constraints",
    "constraints_lint",
    "unpinned",
    "unused",
    "unconstrained",
    "yanked",
    "missing-from-index",
    "except",
    "index",
    "url",
    "extra",
    "images",
    "submodules",
    "absolute_links",
    "output",
    "compression",
    "bytecode",
    "build",
    "environment",
    "releases",
    "overrides",
    "allow",
    "refs",
    "deny",
    "wheel_limits",
    "ratio",
    "total_mib",
    "entries",
    "gate",
    "smoke",
];

/// One row per key of `schema`, and those of what is below it.
fn keys(root: &Value, schema: &Value, prefix: &str, page: &mut String) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let mut properties: Vec<_> = properties.iter().collect();
    properties.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name));
    for (name, property) in properties {
        let key = format!("{prefix}{name}");
        let below = below(root, property);
        let _ = writeln!(
            page,
            "| `{key}` | {} | {} |",
            kind(root, property),
            meaning(property)
        );
        match below {
            Below::Keys(schema) => keys(root, schema, &format!("{key}."), page),
            Below::Named(schema) => keys(root, schema, &format!("{key}.NAME."), page),
            Below::Nothing => {}
        }
    }
}

/// What a key holds below itself.
enum Below<'a> {
    Keys(&'a Value),
    Named(&'a Value),
    Nothing,
}

fn below<'a>(root: &'a Value, property: &'a Value) -> Below<'a> {
    let target = resolve(root, property);
    if target["properties"].is_object() {
        return Below::Keys(target);
    }
    let named = &target["additionalProperties"];
    if named.is_object() {
        return Below::Named(resolve(root, named));
    }
    Below::Nothing
}

/// Follows a reference, also that of an optional value.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let choices = schema["anyOf"].as_array();
    let schema = choices
        .and_then(|choices| choices.first())
        .unwrap_or(schema);
    match schema["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix('#'))
    {
        Some(pointer) => root.pointer(pointer).unwrap_or(schema),
        None => schema,
    }
}

fn kind(root: &Value, property: &Value) -> String {
    let target = resolve(root, property);
    let choices: Vec<&str> = target["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|choice| choice["const"].as_str())
        .collect();
    if !choices.is_empty() {
        return format!("`{}`", choices.join("` or `"));
    }
    let first = match &target["type"] {
        Value::Array(types) => types.first().and_then(Value::as_str),
        single => single.as_str(),
    };
    match first {
        Some("array") => "list of strings",
        Some("string") => "string",
        Some("object") => "map",
        Some("boolean") => "`true` or `false`",
        Some("integer") => "number",
        _ => "value",
    }
    .to_owned()
}

fn meaning(property: &Value) -> String {
    let text = property["description"].as_str().unwrap_or("");
    text.replace('\n', " ").replace('|', "\\|")
}
