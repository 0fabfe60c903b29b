//! Reads settings from the file and the environment, and has the macro that declares them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::setting::Setting;
use super::value::SettingValue;

/// Variables that begin with LATCHKEY_ but are not settings.
const NOT_SETTINGS: [&str; 1] = ["LATCHKEY_CONFIG"];
const FILE: &str = "Leptos.toml";

/// An error in the configuration: one line for the operator.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    pub fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// The sources of values. Variables take precedence over the file, and the file over the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    variables: BTreeMap<String, String>,
    /// Texts by table and name.
    file: BTreeMap<(String, String), String>,
    path: PathBuf,
}

impl Sources {
    /// Reads the file at `chosen`, or else `Leptos.toml` in the working folder if it exists.
    pub fn load(
        chosen: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let path = chosen.unwrap_or(Path::new(FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && chosen.is_none() => String::new(),
            Err(error) => return Err(ConfigError::new(format!("{}: {error}", path.display()))),
        };
        Self::from_parts(path, &text, variables)
    }

    pub fn from_parts(
        path: &Path,
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let at = path.display();
        let tables: toml::Table = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            ConfigError::new(format!("{at}: line {line}: {}", error.message().replace('\n', " ")))
        })?;
        let mut file = BTreeMap::new();
        for (table, content) in tables {
            let toml::Value::Table(content) = content else {
                return Err(ConfigError::new(format!(
                    "{at}: {table} must be in the table [leptos] or [latchkey]"
                )));
            };
            for (name, value) in content {
                let text = as_text(value).ok_or_else(|| {
                    ConfigError::new(format!(
                        "{at}: {name} in [{table}] is neither a text, a number nor a list"
                    ))
                })?;
                file.insert((table.clone(), name.replace('-', "_")), text);
            }
        }
        let is_ours = |name: &String| name.starts_with("LATCHKEY_") || name.starts_with("LEPTOS_");
        let variables = variables.into_iter().filter(|(name, _)| is_ours(name)).collect();
        Ok(Self { variables, file, path: path.to_owned() })
    }

    /// Refuses unknown names, because a misspelled one would leave the default in effect without a warning.
    pub(super) fn refuse_unknown(&self, settings: &[Setting]) -> Result<(), ConfigError> {
        for (table, name) in self.file.keys() {
            if !settings.iter().any(|setting| setting.table == table && setting.name == name) {
                let at = self.path.display();
                return Err(ConfigError::new(format!(
                    "{at}: there is no setting {name} in [{table}]; 'latchkey serve --help' lists them"
                )));
            }
        }
        for name in self.variables.keys().filter(|name| name.starts_with("LATCHKEY_")) {
            let test = name.starts_with("LATCHKEY_TEST_");
            if !test
                && !NOT_SETTINGS.contains(&name.as_str())
                && !settings.iter().any(|setting| setting.variable() == *name)
            {
                return Err(ConfigError::new(format!(
                    "there is no setting {name}; 'latchkey serve --help' lists them"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn value<T: SettingValue>(&self, setting: &Setting) -> Result<T, ConfigError> {
        let variable = setting.variable();
        let leptos = variable.replacen("LATCHKEY_", "LEPTOS_", 1);
        let in_file = self.file.get(&(setting.table.to_owned(), setting.name.to_owned()));
        let (text, origin) = if let Some(text) = self.variables.get(&variable) {
            (text.as_str(), variable)
        } else if let Some(text) = self.variables.get(&leptos).filter(|_| setting.table == "leptos") {
            (text.as_str(), leptos)
        } else if let Some(text) = in_file {
            (text.as_str(), format!("{}: {}", self.path.display(), setting.name))
        } else {
            (setting.default, format!("the default of {}", setting.name))
        };
        let value = T::parse(text).map_err(|reason| {
            let subject = if T::SECRET { T::SUBJECT } else { &format!("\"{text}\"") };
            ConfigError::new(format!("{origin}: {subject} {reason}"))
        })?;
        match setting.range {
            Some((least, greatest)) if !is_within::<T>(&value, least, greatest) => Err(ConfigError::new(
                format!("{origin} must be between {least} and {greatest}, not \"{text}\""),
            )),
            _ => Ok(value),
        }
    }
}

/// Whether a value is within a range. A value without an amount, such as an empty optional one, always is.
fn is_within<T: SettingValue>(value: &T, least: &str, greatest: &str) -> bool {
    let bound = |text| T::parse(text).ok().and_then(|bound| bound.amount());
    value.amount().is_none_or(|amount| bound(least) <= Some(amount) && Some(amount) <= bound(greatest))
}

fn as_text(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Array(items) => {
            items.into_iter().map(as_text).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// Declares a struct of settings: each field with its description, type, default and, for amounts, its range.
macro_rules! settings {
    (
        $(#[$about:meta])*
        table $table:literal
        pub struct $Name:ident {
            $(
                #[doc = $help:literal]
                pub $field:ident: $Type:ty = $default:literal $( from $least:literal to $greatest:literal )?,
            )+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $Name {
            $( #[doc = $help] pub $field: $Type, )+
        }

        impl $Name {
            const SETTINGS: &'static [Setting] = &[
                $( Setting {
                    table: $table,
                    name: stringify!($field),
                    default: $default,
                    help: $help.trim_ascii(),
                    range: range!($( $least, $greatest )?),
                }, )+
            ];

            fn read(sources: &Sources) -> Result<Self, ConfigError> {
                let mut settings = Self::SETTINGS.iter();
                $( let $field = sources.value(settings.next().expect("one setting a field"))?; )+
                Ok(Self { $( $field, )+ })
            }
        }
    };
}

macro_rules! range {
    () => {
        None
    };
    ($least:literal, $greatest:literal) => {
        Some(($least, $greatest))
    };
}
pub(super) use {range, settings};
