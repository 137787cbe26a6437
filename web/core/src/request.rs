//! What the page asks, by its members.

use serde_json::Value;

use wireloupe::filter::Filter;

/// Rows given at once: more are in no window's sight.
pub(crate) const MOST: u64 = 500;

/// A request: its members by name, each of the type that is asked for or absent.
pub(crate) struct Request<'a>(pub(crate) &'a Value);

impl<'a> Request<'a> {
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.0[name].as_u64()
    }
    pub(crate) fn index(&self, name: &str) -> Option<u32> {
        self.number(name)
            .and_then(|number| u32::try_from(number).ok())
    }
    pub(crate) fn text(&self, name: &str) -> &'a str {
        self.0[name].as_str().unwrap_or_default()
    }
    pub(crate) fn is(&self, name: &str) -> bool {
        self.0[name] == Value::Bool(true)
    }
    pub(crate) fn filter(&self) -> Result<Filter, String> {
        Filter::parse(self.text("filter")).map_err(|error| error.to_string())
    }
}

/// The places of a slice that somebody asks for.
pub(crate) fn range(from: Option<u64>, count: Option<u64>, len: usize) -> std::ops::Range<usize> {
    let from = (from.unwrap_or(0) as usize).min(len);
    let count = count.unwrap_or(MOST).min(MOST) as usize;
    from..(from + count).min(len)
}
