//! The filter language: no text makes it panic, and what was parsed parses again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::filter::{Column, FieldRef, Filter, PathStep, Value, Values, complete, visit_json};

/// A row that has a value of every type for every field.
struct Row<'a>(&'a str);

impl Values for Row<'_> {
    fn visit(&self, _: FieldRef, each: &mut dyn FnMut(Value<'_>) -> bool) {
        let _ = each(Value::Unsigned(9))
            || each(Value::Text(self.0))
            || each(Value::Bytes(self.0.as_bytes()))
            || each(Value::Bool(true))
            || each(Value::Present);
    }
    fn json(&self, path: &[PathStep], each: &mut dyn FnMut(Value<'_>) -> bool) {
        visit_json(self.0, path, each);
    }
}

fuzz_target!(|text: &str| {
    let cursor = (0..=text.len() / 2)
        .rev()
        .find(|at| text.is_char_boundary(*at));
    let _ = complete(text, cursor.unwrap_or(0));
    let _ = complete(text, text.len());
    let _ = Column::parse(text);
    match Filter::parse(text) {
        Ok(filter) => {
            let again = Filter::parse(filter.text()).expect("its own text");
            let row = Row(r#"{"a":[1,{"b":"c"}],"d":null}"#);
            assert_eq!(filter.matches(&row), again.matches(&row));
            filter.matches(&Row(text));
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.summary().is_empty()),
    }
});
