//! Tables of fields and rules, a line each, as decoders with many of them write them.

/// Fields as statics and as the list `FIELDS`:
/// `NAME = "filter.name", "Label", Type, "Meaning.", secret(), ...;`
macro_rules! fields {
    ($($name:ident = $filter:expr, $label:expr, $kind:ident, $meaning:expr $(, $method:ident($($argument:expr),*))*;)+) => {
        $(
            pub(super) static $name: $crate::base::FieldInfo =
                $crate::base::FieldInfo::new($filter, $label, $crate::base::Type::$kind, $meaning)
                    $(.$method($($argument),*))*;
        )+
        pub(super) static FIELDS: &[&$crate::base::FieldInfo] = &[$(&$name),+];
    };
}

/// Rules as statics and as the list `RULES`: `NAME = "rule-name", Severity, "Section", "Meaning.";`
macro_rules! rules {
    ($($name:ident = $rule:expr, $severity:ident, $section:expr, $meaning:expr;)+) => {
        $(
            pub(super) static $name: $crate::base::Rule = $crate::base::Rule {
                name: $rule,
                severity: $crate::base::Severity::$severity,
                section: Some($section),
                meaning: $meaning,
            };
        )+
        pub(super) static RULES: &[&$crate::base::Rule] = &[$(&$name),+];
    };
}

pub(in crate::payload) use {fields, rules};
