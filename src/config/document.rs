//! `docs/configuration.md`, made of the table: what users read cannot differ from what the library does.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use super::spec::{Kind, OptionSpec, Range, Unit};
use super::table::options;

const INTRODUCTION: &str = r#"# Configuration

<!-- Made from src/config/table.rs. To make it anew: SPLITIO_BLESS=1 cargo test configuration -->

Options have the names of Split's documentation; each is also known in snake case: `featuresRefreshRate` or
`features_refresh_rate`. They are set one by one from text (`split_config_set`), or many at a time from a JSON object
(`split_config_merge_json`), all of them or, on failure, none.

| Type | As text | As JSON |
|---|---|---|
| integer, number | `30` | `30` |
| boolean | `true`, `false` | `true`, `false` |
| string, enum | `DEBUG`; any letter case in an enum | `"DEBUG"` |
| list of names | `web,mobile` | `["web", "mobile"]` |
| list of hosts | `first:26379,[::1]:26379` | `[["first", 26379]]` or `["first:26379"]` |
| object | JSON | `{"name": "value"}` |

- `null` in JSON puts an option back to its default.
- An unknown name or a value of the wrong type is an error. With `strictConfig` false an unknown name is ignored, with a
  warning where it looks misspelt and else a debug line in the log, and a wrong type gives the default, with a warning;
  only where that would be unsafe, or would read from somewhere else, it stays an error.
- A number below a *minimum* is raised to it. Any other number out of range gives the default, and so does a text that
  is not one of an enum. Both with a warning, which is logged when a factory is made.
- Times of more than a hundred years are a hundred years.
- Values that may be secret appear in no message and no log line.

The SDK key and the options decide the mode: the SDK key `localhost` is localhost mode; otherwise `redisHost`,
`redisSentinels`, `redisClusterNodes` or `redisUnixSocketPath`, given with whatever value, is Redis mode; otherwise it
is standalone mode, which fetches definitions from Split and keeps them in memory. An option has no effect in modes
other than those it names; but a base URL, a header or an authentication scheme that cannot work is refused in each.
"#;

fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut group = None;
    for spec in options() {
        if group != Some(spec.group) {
            group = Some(spec.group);
            let _ = write!(text, "\n## {}\n\n", spec.group.title());
            text.push_str("| Option | Type | Default | Range | Modes | Meaning |\n|---|---|---|---|---|---|\n");
        }
        let cells = [
            format!("`{}`", spec.name),
            kind(spec),
            if spec.default_json == "null" { "–".to_owned() } else { format!("`{}`", spec.default_json) },
            range(spec),
            spec.modes.to_owned(),
            spec.description.to_owned(),
        ];
        let _ = writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    text
}

fn kind(spec: &OptionSpec) -> String {
    match (spec.kind, spec.unit) {
        (Kind::RoundedUp, Unit::Seconds) => "integer, s; fractions are rounded up".to_owned(),
        (Kind::Names, _) => "list of names".to_owned(),
        (Kind::Nodes, _) => "list of hosts".to_owned(),
        (Kind::Code(_), _) => "code".to_owned(),
        (kind, Unit::None) => kind.name().to_owned(),
        (kind, Unit::Seconds) => format!("{}, s", kind.name()),
        (kind, Unit::Milliseconds) => format!("{}, ms", kind.name()),
    }
}

fn range(spec: &OptionSpec) -> String {
    match (spec.kind, spec.range) {
        (Kind::Enum(texts) | Kind::EnumOrIndex(texts), _) => texts.join(", "),
        (_, Range::Any) => "–".to_owned(),
        (_, Range::Within { min, max }) if max.is_finite() => format!("{min} to {max}"),
        (_, Range::Within { min, .. }) => format!("from {min}"),
        (_, Range::Raised { min, max }) if max.is_finite() => format!("minimum {min}, to {max}"),
        (_, Range::Raised { min, .. }) => format!("minimum {min}"),
    }
}

#[test]
fn configuration_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let wanted = document();
    if env::var_os("SPLITIO_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("docs")).expect("docs can be made");
        fs::write(&path, &wanted).expect("the document can be written");
    }
    let found = fs::read_to_string(&path).expect("docs/configuration.md can be read").replace("\r\n", "\n");
    assert!(found == wanted, "docs/configuration.md is stale; run SPLITIO_BLESS=1 cargo test configuration");
}
