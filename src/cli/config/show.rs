//! The configuration as text: what is in force, and a file to begin with.

use std::fmt::Write as _;

use crate::cli::keys;

use super::configured::Config;
use super::given::Origin;
use super::table::{About, SETTINGS};
use super::value::quoted;

impl Origin {
    fn text(&self) -> String {
        match self {
            Origin::File {
                line,
                profile: None,
            } => format!("line {line}"),
            Origin::File {
                line,
                profile: Some(profile),
            } => {
                format!("line {line}, profile {profile}")
            }
            Origin::Environment(name) => (*name).to_owned(),
        }
    }
}

/// Every setting with its value and where that comes from.
pub(super) fn in_force(config: &Config) -> String {
    let mut rows: Vec<[String; 3]> = SETTINGS.iter().map(|about| row(config, about)).collect();
    rows.extend(config.keys.iter().map(|(name, given)| {
        [
            format!("keys.{name}"),
            given.text.clone(),
            given.from.text(),
        ]
    }));
    rows.extend(config.colours.iter().map(|(name, given)| {
        [
            format!("colours.{name}"),
            given.text.clone(),
            given.from.text(),
        ]
    }));
    rows.extend(config.rules.iter().map(|rule| {
        let value = format!("{} {}", quoted(&rule.colour), quoted(&rule.filter));
        ["colour".to_owned(), value, rule.from.text()]
    }));
    let mut out = match &config.file {
        Some(path) => format!("# {}", path.display()),
        None => "# no configuration file: wireloupe config init writes one".to_owned(),
    };
    if let Some(profile) = &config.profile {
        let _ = write!(out, ", profile {profile}");
    }
    out.push('\n');
    let width = |at: usize, most: usize| {
        let widths = rows.iter().map(|row| row[at].chars().count());
        widths.filter(|width| *width <= most).max().unwrap_or(0)
    };
    let (first, second) = (width(0, 40), width(1, 40));
    for [name, value, from] in &rows {
        let _ = writeln!(out, "{name:first$}  {value:second$}  {from}");
    }
    out
}

fn row(config: &Config, about: &About) -> [String; 3] {
    let (value, from) = match config.settings.given(about.name) {
        Some((value, from)) => (value.to_owned(), from.text()),
        None => (about.default.to_owned(), "default".to_owned()),
    };
    let [value, from] = environment(config, about.name).unwrap_or([value, from]);
    [about.name.to_owned(), value, from]
}

/// What a variable of the environment says of a setting.
fn environment(config: &Config, name: &str) -> Option<[String; 2]> {
    let variable = |name: &'static str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        Some((value, Origin::Environment(name).text()))
    };
    match name {
        "theme" if config.settings.theme.is_none() => {
            let (_, from) = variable("NO_COLOR")?;
            Some([quoted("plain"), from])
        }
        "keylog" => {
            let (path, from) = variable(keys::VARIABLE)?;
            Some([quoted(&path), from])
        }
        _ => None,
    }
}

/// A file to begin with: everything, commented out.
pub(super) fn template() -> String {
    let mut out = String::from(
        "# Configuration of wireloupe. A line that begins with # sets nothing; each shows a setting with another value than
# it has by itself. `wireloupe config` says what is in force, and docs/config.md more. Options of the command line win.\n",
    );
    let is_limit = |about: &&About| about.name.starts_with("limits.");
    for about in SETTINGS.iter().filter(|about| !is_limit(about)) {
        setting(&mut out, about, about.name);
    }
    out += "\n# What traffic may make the program keep.\n[limits]\n";
    for about in SETTINGS.iter().filter(is_limit) {
        let name = about.name.trim_start_matches("limits.");
        setting(&mut out, about, name);
    }
    #[cfg(feature = "tui")]
    interface(&mut out);
    out += "
# Rows in colours of your own: the first rule that fits. Nothing is coloured so by default.
# [[colour]]
# filter = 'websocket.opcode == close && close.code != 1000'
# colour = \"black on light-yellow\"

# Settings of a profile, over the others: wireloupe --profile teaching
# [profile.teaching]
# theme = \"contrast\"
# [profile.teaching.keys]
# findings = \"F5\"
";
    out
}

fn setting(out: &mut String, about: &About, name: &str) {
    let _ = writeln!(
        out,
        "\n# {}\n# by itself {}\n# {name} = {}",
        about.meaning, about.default, about.example
    );
}

/// Keys and colours of the interface.
#[cfg(feature = "tui")]
fn interface(out: &mut String) {
    use crate::tui::keymap::KEYMAP;
    *out += "\n# Keys by what they do, here with those that they have. Several stand in [ ], and [] takes all away.\n[keys]\n";
    for binding in KEYMAP {
        let keys: Vec<_> = binding.keys.iter().map(|key| quoted(&key.name())).collect();
        let keys = match &keys[..] {
            [one] => one.clone(),
            all => format!("[{}]", all.join(", ")),
        };
        let _ = writeln!(out, "# {} = {keys}", binding.name());
    }
    *out += "\n# Colours of the interface, such as \"red\", \"bold light-blue\", \"black on yellow\", \"#ff8800\", \"underlined\".\n[colours]\n";
    for (_, name, meaning) in crate::tui::ROLES {
        let _ = writeln!(out, "# {name} = \"bold cyan\"  # {meaning}");
    }
}

/// The table of settings as the manual has it.
#[cfg(test)]
pub(super) fn markdown() -> String {
    let mut out = String::from("| Setting | By itself | What it does |\n|---|---|---|\n");
    for about in SETTINGS {
        let _ = writeln!(
            out,
            "| `{}` | `{}` | {} |",
            about.name, about.default, about.meaning
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_setting() {
        const BEGIN: &str = "writes them -->\n";
        const END: &str = "<!-- /settings -->";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        let expected = format!("\n{}\n", markdown());
        if std::env::var_os("UPDATE").is_some() {
            let text = format!("{before}{BEGIN}{expected}{END}{after}");
            std::fs::write(path, text).unwrap();
            return;
        }
        assert_eq!(table, expected, "UPDATE=1 cargo test --lib config");
    }
}
